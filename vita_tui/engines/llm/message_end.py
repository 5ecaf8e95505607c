"""How likely a message ends where it is: what llama.cpp's own server thinks of the next token after the user's words.

A model that answers messages has seen where they end. After "What is the capital of" it expects a word; after "What is the capital of
France" a question mark or the end. The prompt is the one that the answer begins with, so nothing is read twice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vita_tui.engines.llm.base import Message

if TYPE_CHECKING:
    import httpx2

__all__ = ["probability", "probability_of"]

CANDIDATES = 40
"""Tokens that are looked at; an end that is not among them is unlikely."""
FORCED = 1000.0
"""Added to a logit."""
MOST_FRAGMENTS = 0.2
"""Probability of tokens that are no whole characters."""
MARKS = frozenset(".?!。？！…")
"""Of the end of a sentence. Recognition puts them where it likes, so they are taken off, and count as the end where the model expects them."""


async def probability(client: httpx2.AsyncClient, root: str, messages: Sequence[Message]) -> float | None:
    """0 to 1; None when there is nothing that could end.

    Args:
        root: the server's address.
        messages: the last one is what the user has said so far.

    Raises:
        httpx2.HTTPError: the server is away.
        ValueError | LookupError | TypeError: it answers otherwise than llama.cpp.
    """
    said = messages[-1]["content"].rstrip().rstrip("".join(MARKS)).rstrip() if messages else ""
    if not said or messages[-1]["role"] != "user":
        return None
    asked: list[Message] = [*messages[:-1], {"role": "user", "content": said}]
    prompt = str((await _post(client, f"{root}/apply-template", {"messages": asked}))["prompt"])
    cut = prompt.rindex(said) + len(said)
    tokens = await _post(
        client, f"{root}/tokenize", {"content": prompt[cut:], "add_special": False, "parse_special": True}
    )
    end = tokens["tokens"][0]
    answer = await _post(
        client,
        f"{root}/completion",
        {
            "prompt": prompt[:cut],
            "n_predict": 1,
            "n_probs": CANDIDATES,
            "temperature": 0.0,
            # The end is what is sampled, and told of even where it is unlikely; the probabilities are those before this.
            "logit_bias": [[end, FORCED]],
            "cache_prompt": True,
        },
    )
    sampled = answer["completion_probabilities"][0]
    others = [one for one in sampled["top_logprobs"] if one["id"] != end]
    return probability_of([sampled, *others], end)


def probability_of(candidates: Sequence[dict[str, Any]], end: int) -> float | None:
    """Of the end, from llama.cpp's list of the next tokens: each with `id`, `token`, `bytes` and `logprob`.

    None where much is expected to go on in mid-character: a model that spells a language byte by byte does not know where its sentences end.

    Args:
        end: the token that ends a message.
    """
    ending = fragments = 0.0
    for one in candidates:
        token = one["token"].strip()
        if one["id"] == end or (token and set(token) <= MARKS):
            ending += math.exp(one["logprob"])
        elif _is_fragment(bytes(one["bytes"])):
            fragments += math.exp(one["logprob"])
    return None if fragments > MOST_FRAGMENTS else min(1.0, ending)


def _is_fragment(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return True
    return False


async def _post(client: httpx2.AsyncClient, url: str, body: dict[str, Any]) -> Any:
    answer = await client.post(url, json=body)
    answer.raise_for_status()
    return answer.json()
