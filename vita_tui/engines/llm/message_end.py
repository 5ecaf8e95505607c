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
    answer = await _post(
        client,
        f"{root}/completion",
        {
            "prompt": prompt[:cut],
            "n_predict": 1,
            "n_probs": CANDIDATES,
            "temperature": 0.0,
            "cache_prompt": True,
        },
    )
    return probability_of(answer["completion_probabilities"][0]["top_logprobs"], tokens["tokens"][0])


def probability_of(candidates: Sequence[dict[str, Any]], end: int) -> float:
    """Of the end, from llama.cpp's list of the next tokens: each with `id`, `token` and `logprob`.

    Args:
        end: the token that ends a message.
    """
    return min(
        1.0,
        sum(
            math.exp(one["logprob"])
            for one in candidates
            if one["id"] == end or (one["token"].strip() and set(one["token"].strip()) <= MARKS)
        ),
    )


async def _post(client: httpx2.AsyncClient, url: str, body: dict[str, Any]) -> Any:
    answer = await client.post(url, json=body)
    answer.raise_for_status()
    return answer.json()
