"""Calls of tools as servers send them, by rows: `tool_calls.toml`."""

from __future__ import annotations

import asyncio
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.engines.llm.servers import Request, chunk, event_stream, serving, whole
from vita_tui.engines.llm.base import Cut, ToolCall, ToolOffer
from vita_tui.engines.llm.openai_server import OpenAIResponder
from vita_tui.errors import VitaError

CASES: list[dict[str, Any]] = tomllib.loads(Path(__file__).with_name("tool_calls.toml").read_text("utf-8"))[
    "case"
]
OFFER = ToolOffer("add", "Add.", {"type": "object", "properties": {}})
REFUSALS = [
    ("400 Bad Request", '{"error": {"message": "registry.ollama.ai/library/gemma does not support tools"}}'),
    ("400 Bad Request", '{"message": "\\"auto\\" tool choice requires --enable-auto-tool-choice to be set"}'),
    ("500 Internal Server Error", '{"error": {"message": "tools param requires --jinja flag"}}'),
    (
        "422 Unprocessable Entity",
        '{"detail": [{"loc": ["body", "tools"], "msg": "extra fields not permitted"}]}',
    ),
]
"""How servers say that a question with tools cannot be asked: then it is asked without."""


def _events(case: dict[str, Any]) -> bytes:
    data = [json.dumps({"choices": [{"index": 0, **json.loads(event)}]}) for event in case["events"]]
    return event_stream(*(f"data: {one}\n\n".encode() for one in (*data, "[DONE]")))


@pytest.mark.parametrize("tools", [True, False], ids=["offered", "not offered"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
async def test_calls_are_what_the_server_meant(case: dict[str, Any], tools: bool) -> None:
    async def answer(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(_events(case))

    text, calls, cut = "", [], ""
    async with serving(answer) as server:
        responder = OpenAIResponder(server.base_url, "m", timeout=60)
        responder.tools = (OFFER,) if tools else ()
        try:
            async for piece in responder.stream([{"role": "user", "content": "Hi"}], max_tokens=20):
                match piece:
                    case str():
                        text += piece
                    case ToolCall():
                        calls.append([piece.name, piece.arguments])
                    case Cut():
                        cut = piece.cause
                    case _:
                        pass
        finally:
            await responder.cleanup()
        assert ("tools" in server.requests[-1].body) is tools
    assert text == case.get("answer", "")
    assert calls == (case["calls"] if tools else [])
    assert cut == case.get("cut", "" if tools or not case["calls"] else "tools")


@pytest.mark.parametrize(("status", "body"), REFUSALS)
async def test_a_server_that_takes_no_tools_is_asked_without(status: str, body: str) -> None:
    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        if "tools" in request.body:
            writer.write(whole(status, body.encode()))
        else:
            writer.write(event_stream(chunk("Hello."), chunk(finish="stop"), b"data: [DONE]\n\n"))

    async with serving(answer) as server:
        responder = OpenAIResponder(server.base_url, "m", timeout=60)
        responder.tools = (OFFER,)
        try:
            for _ in range(2):
                pieces = [
                    one async for one in responder.stream([{"role": "user", "content": "Hi"}], max_tokens=20)
                ]
                assert pieces == ["Hello."]
            assert not await responder.takes_tools()
        finally:
            await responder.cleanup()
        offered = ["tools" in one.body for one in server.requests if one.path.endswith("/completions")]
    assert offered == [True, False, False]


async def test_another_refusal_is_told_and_not_asked_again() -> None:
    async def answer(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(whole("401 Unauthorized", b'{"error": "no key for these tools"}'))

    async with serving(answer) as server:
        responder = OpenAIResponder(server.base_url, "m", timeout=60)
        responder.tools = (OFFER,)
        try:
            with pytest.raises(VitaError):
                async for _ in responder.stream([{"role": "user", "content": "Hi"}], max_tokens=20):
                    pass
        finally:
            await responder.cleanup()
        assert len(server.requests) == 1
