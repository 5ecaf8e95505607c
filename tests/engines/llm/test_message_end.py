"""How likely a message ends where it is, by llama.cpp's distribution of the next token."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.engines.llm.servers import Request, serving, whole
from tests.engines.llm.test_embedded import weights, words
from vita_tui.engines.llm.base import EndPredicting, Message
from vita_tui.engines.llm.embedded import EmbeddedResponder
from vita_tui.engines.llm.llama_server import LlamaResponder
from vita_tui.engines.llm.message_end import probability_of
from vita_tui.engines.llm.openai_server import OpenAIResponder

SAID: list[Message] = [{"role": "user", "content": "What time is it?"}]


def token(text: str, number: int, probability: float) -> dict[str, Any]:
    return {"token": text, "id": number, "bytes": list(text.encode()), "logprob": math.log(probability)}


HALF = {**token("", 9, 0.5), "bytes": [0xE3, 0x81]}
"""Of a character."""


@pytest.mark.parametrize(
    ("candidates", "expected"),
    [
        ([token("", 2, 0.6), token(" and", 7, 0.4)], 0.6),
        ([token("?", 47, 0.7), token("", 2, 0.2), token(" now", 9, 0.1)], 0.9),
        ([token(" France", 9, 0.9)], 0.0),
        ([token(" .", 30, 0.5), token(".com", 31, 0.3)], 0.5),
        ([token("", 0, 0.5), token(" ", 5, 0.3)], 0.0),
        ([token("?", 47, 0.9), token("!", 48, 0.2)], 1.0),
        ([], 0.0),
        ([HALF, token("?", 47, 0.3)], None),
        ([{**HALF, "logprob": math.log(0.1)}, token("?", 47, 0.3)], 0.3),
    ],
)
def test_the_end_and_the_marks_before_it_count(
    candidates: list[dict[str, Any]], expected: float | None
) -> None:
    found = probability_of(candidates, 2)
    assert found == (None if expected is None else pytest.approx(expected))


class Llama:
    """Answers as llama.cpp does; `broken` answers of one route otherwise."""

    def __init__(self, broken: str = "", status: str = "200 OK", body: bytes = b"{}") -> None:
        self.broken, self.status, self.body = broken, status, body
        self.prompt = ""

    async def __call__(self, request: Request, out: asyncio.StreamWriter) -> None:
        answers: dict[str, Any] = {
            "apply-template": {"prompt": "<u>What time is it<e>\n<a>"},
            "tokenize": {"tokens": [2, 11]},
            "completion": {
                "completion_probabilities": [
                    {
                        **token("", 2, 0.05),
                        "top_logprobs": [token("?", 47, 0.7), token(" in", 3, 0.2), token("", 2, 0.05)],
                    }
                ]
            },
        }
        route = request.path.rpartition("/")[2]
        if route == "completion":
            self.prompt = request.body["prompt"]
        if self.broken == route:
            out.write(whole(self.status, self.body))
        else:
            out.write(whole("200 OK", json.dumps(answers[route]).encode()))


@pytest.fixture
async def made() -> AsyncIterator[list[LlamaResponder]]:
    responders: list[LlamaResponder] = []
    yield responders
    for one in responders:
        await one.cleanup()


async def ask(made: list[LlamaResponder], llama: Llama) -> float | None:
    async with serving(llama) as server:
        responder = LlamaResponder(server.base_url, "m", timeout=60.0)
        made.append(responder)
        await responder.load()
        return await responder.end_probability(SAID)


async def test_the_model_is_asked_what_follows_the_words_without_their_last_mark(
    made: list[LlamaResponder],
) -> None:
    llama = Llama()
    assert await ask(made, llama) == pytest.approx(0.75)
    assert llama.prompt == "<u>What time is it"


@pytest.mark.parametrize("route", ["apply-template", "tokenize", "completion"])
@pytest.mark.parametrize(
    ("status", "body"),
    [
        ("404 Not Found", b"{}"),
        ("200 OK", b"{}"),
        ("200 OK", b"not json"),
        ("200 OK", b"[]"),
        ("500 Oops", b""),
        ("200 OK", b'{"prompt": 7, "tokens": [], "completion_probabilities": []}'),
    ],
)
async def test_a_server_that_does_not_tell_is_no_error(
    made: list[LlamaResponder], route: str, status: str, body: bytes
) -> None:
    assert await ask(made, Llama(route, status, body)) is None


def test_servers_of_others_are_not_asked() -> None:
    assert not isinstance(OpenAIResponder("http://127.0.0.1:1/v1", "m"), EndPredicting)
    assert isinstance(LlamaResponder("http://127.0.0.1:1/v1", "m"), EndPredicting)


@pytest.mark.models
async def test_the_built_in_model_tells_and_answers_as_before() -> None:
    responder = EmbeddedResponder(weights(), context_window=512, timeout=150.0)
    assert isinstance(responder, EndPredicting)
    try:
        assert await responder.end_probability(SAID) is None, "it is not loaded"
        await responder.load()
        likely = await responder.end_probability(SAID)
        assert likely is not None
        assert 0.0 <= likely <= 1.0
        assert await responder.end_probability([]) is None
        assert await responder.end_probability([{"role": "user", "content": "…"}]) is None
        assert await words(responder.stream(SAID, max_tokens=8))
    finally:
        await responder.cleanup()
