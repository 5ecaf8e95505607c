"""How much a server's model takes, by its own word where it tells; and how many tokens a text has where it does not."""

from __future__ import annotations

import asyncio
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.engines.llm.servers import Request, serving, whole
from vita_tui.conversation.thinking.prompt_builder import PromptBuilder
from vita_tui.engines.llm.openai_server import OpenAIResponder
from vita_tui.engines.llm.tokens import estimate
from vita_tui.settings import LlmSettings

CASES: list[dict[str, Any]] = tomllib.loads(Path(__file__).with_name("windows.toml").read_text("utf-8"))[
    "case"
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
async def test_the_window_is_the_servers_own(case: dict[str, Any]) -> None:
    async def handler(request: Request, writer: asyncio.StreamWriter) -> None:
        body = case["routes"].get(request.path)
        writer.write(whole("404 Not Found", b"{}") if body is None else whole("200 OK", body.encode()))

    async with serving(handler) as server:
        responder = OpenAIResponder(server.base_url, "m", context_window=case.get("setting", 0))
        assert await responder.window() == case["window"]
        asked = len(server.requests)
        assert await responder.window() == case["window"]
        assert len(server.requests) == asked  # once
        if case.get("counts"):
            assert await responder.count_tokens("Knock, knock.") == 3
        await responder.cleanup()


async def test_a_server_that_does_not_answer_such_questions_keeps_nobody_waiting_for_long() -> None:
    async def handler(_request: Request, _writer: asyncio.StreamWriter) -> None:
        await server.silent.wait()

    async with serving(handler) as server:
        responder = OpenAIResponder(server.base_url, "m")
        async with asyncio.timeout(60):
            assert await responder.window() == 8192
        await responder.cleanup()


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("", 0, 1),
        ("The quick brown fox jumps over the lazy dog.", 10, 16),
        ("你好世界" * 100, 400, 420),
        ("こんにちは" * 100, 500, 520),
        ("안녕하세요" * 100, 500, 520),
        ("Привет, мир!", 9, 16),
        ("3.14159265358979", 10, 20),
        ("😀" * 10, 20, 40),
        ("def f(x):\n    return x[0] + 1\n", 10, 30),
        ("x" * 300, 75, 120),
    ],
)
def test_tokens_are_rather_too_many_than_too_few(text: str, least: int, most: int) -> None:
    assert least <= estimate(text) <= most


@pytest.mark.parametrize("text", ["你好世界。" * 800, "All is well that ends well. " * 800, "é😀 " * 2000])
async def test_what_is_sent_fits(text: str) -> None:
    async def count(words: str) -> int:
        return estimate(words)

    settings = LlmSettings(base_url="http://h/v1", context_window=2048)
    builder = PromptBuilder(settings)
    messages = await builder.build((), text, count, 2048)
    assert builder.left_out is not None
    sent = messages[-1]["content"]
    assert text.endswith(sent)
    assert estimate(sent) == builder.left_out.fit
    used = sum(estimate(message["content"]) for message in messages) + settings.reply_room(2048)
    assert 1700 < used <= 2048
