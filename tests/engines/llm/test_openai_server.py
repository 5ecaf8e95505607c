"""A language model behind HTTP: whatever the server does, there is a reply or a sentence that says why there is none."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.engines.llm.servers import Handler, Request, Scripted, chunk, event_stream, serving, whole
from vita_tui.engines.llm.base import Message
from vita_tui.engines.llm.llama_server import LlamaResponder
from vita_tui.engines.llm.openai_server import OpenAIResponder
from vita_tui.errors import EngineError, EngineTimeoutError, EngineUnavailableError, VitaError
from vita_tui.health.registry import registry

KEY = "sk-very-secret-0123456789"
QUESTION: list[Message] = [{"role": "user", "content": "Who are you?"}]
GOOD = event_stream(chunk("I am "), chunk("VITA."), chunk(finish="stop"), b"data: [DONE]\n\n")

Make = Callable[..., OpenAIResponder]


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    """Makes responders that are cleaned up at the end."""
    made: list[OpenAIResponder] = []

    def one(base_url: str, kind: type[OpenAIResponder] = OpenAIResponder, **options: Any) -> OpenAIResponder:
        made.append(kind(base_url, "some-model", api_key=KEY, **options))
        return made[-1]

    yield one
    for responder in made:
        await responder.cleanup()


def sends(answer: bytes) -> Handler:
    async def handler(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    return handler


async def reply(responder: OpenAIResponder, messages: list[Message] = QUESTION) -> str:
    pieces = [piece async for piece in responder.stream(messages, max_tokens=20)]
    return "".join(piece for piece in pieces if isinstance(piece, str))


async def failure(responder: OpenAIResponder) -> VitaError:
    """What a question fails with; the key is in none of its texts."""
    with pytest.raises(VitaError) as caught:
        await reply(responder)
    shown: BaseException | None = caught.value
    assert KEY not in f"{caught.value} {caught.value!r}"
    while shown is not None:
        assert KEY not in str(shown)
        shown = shown.__cause__
    return caught.value


async def test_a_reply_comes_piece_by_piece_and_the_request_says_what_was_asked(make: Make) -> None:
    async with serving(sends(GOOD)) as server:
        responder = make(server.base_url)
        pieces = [piece async for piece in responder.stream(QUESTION, max_tokens=20)]
    assert pieces == ["I am ", "VITA."]
    (request,) = server.requests
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.body["messages"] == QUESTION
    assert (request.body["model"], request.body["max_tokens"], request.body["stream"]) == (
        "some-model",
        20,
        True,
    )


async def test_what_the_model_says_is_cleaned(make: Make) -> None:
    answer = event_stream(
        chunk("<think>Hm.</thi"), chunk("nk>Red \x1b[3"), chunk("1mrose"), chunk(finish="stop")
    )
    async with serving(sends(answer)) as server:
        assert await reply(make(server.base_url)) == "Red rose"


async def test_a_server_that_is_not_there(make: Make) -> None:
    with socket.socket() as held:  # bound but not listening: nobody else gets the port meanwhile
        held.bind(("127.0.0.1", 0))
        error = await failure(make(f"http://127.0.0.1:{held.getsockname()[1]}/v1"))
    assert isinstance(error, EngineUnavailableError)
    assert "llm.base_url" in error.remedy


@pytest.mark.parametrize("said", [b"", event_stream(), event_stream(chunk("I am "))], ids=len)
async def test_a_server_that_stalls_is_given_up(make: Make, said: bytes) -> None:
    async def stall(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await writer.drain()
        await server.silent.wait()

    async with serving(stall) as server:
        error = await failure(make(server.base_url, timeout=0.2))
        await asyncio.wait_for(server.hung_up.wait(), 60)
    assert isinstance(error, EngineTimeoutError)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (whole("200 OK", b"<html><h1>It works!</h1></html>", "text/html"), "OpenAI-compatible"),
        (whole("200 OK", b'{"hello": "world"}'), "OpenAI-compatible"),
        (event_stream(b"data: %%% not json\n\n"), "OpenAI-compatible"),
        (event_stream(b'data: {"choices": 7}\n\n'), "OpenAI-compatible"),
        (event_stream(b'data: {"error": {"message": "out of memory"}}\n\n'), "out of memory"),
        (event_stream(b'data: {"error": {"message": "no ' + KEY.encode() + b'"}}\n\n'), "reports: no …"),
        (whole("401 Unauthorized", b'{"error": {"message": "bad key ' + KEY.encode() + b'"}}'), "API key"),
        (whole("403 Forbidden", b"{}"), "API key"),
        (whole("404 Not Found", b"{}"), "some-model"),
        (whole("429 Too Many Requests", b"{}"), "limiting requests"),
        (whole("500 Internal Server Error", b"oops", "text/plain"), "500"),
        (event_stream(chunk("I am "), chunk("VITA.")[:-9]), "broke off"),
        (b"", "No language model answers"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", ""),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_server_that_answers_something_else(make: Make, answer: bytes, says: str) -> None:
    async with serving(sends(answer)) as server:
        error = await failure(make(server.base_url))
    assert isinstance(error, EngineError)
    assert not isinstance(error, EngineTimeoutError)
    assert says in str(error)
    assert len(server.requests) == 1  # what is tried again is the chain's to decide


async def test_a_connection_that_drops_keeps_what_was_said(make: Make) -> None:
    async def drop(_request: Request, writer: asyncio.StreamWriter) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        said = chunk("I am ")
        writer.write(head + f"{len(said):x}\r\n".encode() + said + b"\r\n")
        await writer.drain()

    said = []
    async with serving(drop) as server:
        responder = make(server.base_url)
        with pytest.raises(EngineError, match="broke off"):
            async for piece in responder.stream(QUESTION, max_tokens=20):
                said.append(piece)  # noqa: PERF401 - what came before the error is wanted
    assert said == ["I am "]


async def test_closing_the_iterator_hangs_up_so_that_the_server_stops(make: Make) -> None:
    async def endless(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(event_stream())
        while not server.hung_up.is_set():
            writer.write(chunk("and "))
            await writer.drain()
            await asyncio.sleep(0)

    async with serving(endless) as server:
        async with contextlib.aclosing(make(server.base_url).stream(QUESTION, max_tokens=20)) as pieces:
            assert await anext(pieces) == "and "
        await asyncio.wait_for(server.hung_up.wait(), 60)


async def test_cancelling_the_question_hangs_up(make: Make) -> None:
    asked = asyncio.Event()

    async def silent(_request: Request, _writer: asyncio.StreamWriter) -> None:
        asked.set()
        await server.silent.wait()

    async with serving(silent) as server:
        task = asyncio.create_task(reply(make(server.base_url)))
        await asyncio.wait_for(asked.wait(), 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(server.hung_up.wait(), 60)


async def test_after_a_failure_the_next_question_is_answered(make: Make) -> None:
    answers = [whole("500 Internal Server Error", b""), GOOD]

    async def handler(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(answers.pop(0))

    async with serving(handler) as server:
        responder = make(server.base_url)
        await failure(responder)
        assert await reply(responder) == "I am VITA."


async def test_tokens_are_counted_by_llama_and_otherwise_guessed(make: Make) -> None:
    async with serving(sends(whole("200 OK", b'{"tokens": [1, 2, 3]}'))) as server:
        llama = make(server.base_url, LlamaResponder)
        await llama.load()
        assert [await llama.count_tokens("Knock, knock.") for _ in range(2)] == [3, 3]
        assert [request.path for request in server.requests] == ["/tokenize"]  # asked once
        other = make(server.base_url)
        await other.load()
        assert await other.count_tokens("x" * 300) >= 100
    assert len(server.requests) == 1


async def test_a_count_that_cannot_be_had_is_guessed(make: Make) -> None:
    async with serving(sends(whole("404 Not Found", b"{}"))) as server:
        llama = make(server.base_url, LlamaResponder)
        await llama.load()
        assert await llama.count_tokens("x" * 300) >= 100


async def test_only_llama_cpp_is_told_how_to_avoid_repetition(make: Make) -> None:
    async with serving(sends(GOOD)) as server:
        await reply(make(server.base_url, LlamaResponder, repeat_penalty=1.1))
        await reply(make(server.base_url, LlamaResponder))
        await reply(make(server.base_url))
    assert [request.body.get("repeat_penalty") for request in server.requests] == [1.1, None, None]


async def test_only_llama_is_prefilled_and_a_failure_is_no_matter(make: Make) -> None:
    async def prefilled(server: Scripted, kind: type[OpenAIResponder]) -> int:
        responder = make(server.base_url, kind)
        await responder.load()
        await responder.prefill(QUESTION)
        return len(server.requests)

    async with serving(sends(whole("500 Internal Server Error", b""))) as server:
        assert await prefilled(server, OpenAIResponder) == 0
        assert await prefilled(server, LlamaResponder) == 1


async def test_cleanup_leaves_nothing_and_load_works_again(make: Make) -> None:
    before = len(registry.open())
    async with serving(sends(GOOD)) as server:
        responder = make(server.base_url)
        assert await reply(responder) == "I am VITA."
        assert len(registry.open()) == before + 1
        await responder.cleanup()
        await responder.cleanup()
        assert len(registry.open()) == before
        assert await reply(responder) == "I am VITA."
