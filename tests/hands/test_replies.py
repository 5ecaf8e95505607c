"""What a language model's server may send: every row of replies.toml, whole and byte by byte."""

from __future__ import annotations

import asyncio
import tomllib
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from tests.engines.llm.servers import Request, serving
from vita_tui.engines.llm.base import Cut, Reasoning, Retracted
from vita_tui.engines.llm.openai_server import OpenAIResponder
from vita_tui.errors import EngineError, VitaError

CASES: list[dict[str, Any]] = tomllib.loads(Path(__file__).with_name("replies.toml").read_text("utf-8"))[
    "case"
]
KEY = "sk-canary-0123456789"


def body_of(case: dict[str, Any]) -> bytes:
    if "body" in case:
        return str(case["body"]).encode()
    return b"".join(f"data: {data}\n\n".encode() for data in case["send"])


def head_of(case: dict[str, Any]) -> bytes:
    status = case.get("status", 200)
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Overloaded"
    headers = {"Content-Type": "text/event-stream", **case.get("headers", {}), "Connection": "close"}
    if case.get("end", "chunk") != "close":
        headers["Transfer-Encoding"] = "chunked"
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode()


async def ask(case: dict[str, Any], size: int) -> tuple[str, str, str, VitaError | None]:
    """The answer, the reasoning, why it was cut, and why there is none, of a server that sends `size` bytes at a time."""
    end = case.get("end", "chunk")

    async def handler(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(head_of(case))
        body = body_of(case)
        for start in range(0, len(body), size):
            piece = body[start : start + size]
            writer.write(piece if end == "close" else b"%x\r\n%s\r\n" % (len(piece), piece))
            await writer.drain()
        if end == "chunk":
            writer.write(b"0\r\n\r\n")
        elif end == "hold":
            await server.silent.wait()

    answer = reasoning = cut = ""
    async with serving(handler) as server:
        responder = OpenAIResponder(server.base_url, "some-model", api_key=KEY, timeout=60)
        try:
            async for piece in responder.stream([{"role": "user", "content": "Hi"}], max_tokens=20):
                match piece:
                    case str():
                        answer += piece
                    case Reasoning(text):
                        reasoning += text
                    case Retracted():
                        answer, reasoning = "", reasoning + answer
                    case Cut(cause):
                        cut = cause
        except VitaError as error:
            assert len(server.requests) == 1  # neither another try nor another place
            return answer, reasoning, cut, error
        finally:
            await responder.cleanup()
    return answer, reasoning, cut, None


@pytest.mark.parametrize("size", [1_000_000, 1], ids=["whole", "byte by byte"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
async def test_a_reply_is_what_the_server_meant(case: dict[str, Any], size: int) -> None:
    answer, reasoning, cut, error = await ask(case, size)
    assert answer == case.get("answer", "")
    assert reasoning.strip() == case.get("reasoning", "")
    assert cut == case.get("cut", "")
    if "error" not in case:
        assert error is None
        return
    assert isinstance(error, EngineError)
    for part in case["error"]:
        assert part in str(error).lower()
    for part in (KEY, *case.get("never", ())):
        assert part not in str(error)
    assert error.message.isprintable()
    assert len(error.message) < 300
