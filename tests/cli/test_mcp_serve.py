"""`vita mcp` as agents use it: the SDK's own client starts it and calls its tools, while a VITA runs that lends its engines."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.conversation.support import assistant, silence
from vita_tui.audio.files import FileSpeaker
from vita_tui.conversation.hearing.signals import Understood
from vita_tui.conversation.hearing.utterance import Utterance
from vita_tui.events import ClauseStarted

mcp = pytest.importorskip("mcp", reason="the package mcp is not installed")
LIMIT = 120.0


@asynccontextmanager
async def agent() -> AsyncIterator[Any]:
    """A client whose server is `vita mcp`."""
    command = mcp.StdioServerParameters(
        command=sys.executable, args=["-m", "vita_tui", "mcp"], env=dict(os.environ)
    )
    async with asyncio.timeout(LIMIT), mcp.Client(command) as client:
        yield client


def text_of(result: Any) -> str:
    return "".join(part.text for part in result.content)


async def test_agents_speak_and_listen_through_a_running_program_one_at_a_time() -> None:
    async with (
        assistant(upkeep=True, speaker=FileSpeaker(), microphone=silence()) as (vita, events),
        agent() as first,
        agent() as second,
    ):
        tools = {tool.name: tool for tool in (await first.list_tools()).tools}
        assert list(tools) == ["speak", "listen", "converse", "transcribe"]
        assert all(tool.description for tool in tools.values())

        said = await asyncio.gather(
            first.call_tool("speak", {"text": "From the first. And more of it."}),
            second.call_tool("speak", {"text": "From the second. And more of it."}),
        )
        assert [text_of(one) for one in said] == ["Said.", "Said."]
        order = [event.text.strip() for event in events.of(ClauseStarted)]
        assert sorted(order[:2]) in (
            ["And more of it.", "From the first."],
            ["And more of it.", "From the second."],
        ), "not in between"

        quiet = await first.call_tool("listen", {"timeout": 0.1})
        assert quiet.structured_content["problem"] == "Nobody spoke."

        asking = asyncio.ensure_future(first.call_tool("converse", {"text": "Shall I?", "timeout": 60}))
        while not vita._parts.turn.dictating:
            await asyncio.sleep(0.01)
        utterance = Utterance(1, silence(1)._samples, 1.0, 1.9, 2.0, 2.0, "silence")
        vita._parts.turn.take(Understood(utterance, "Yes, do.", "", 0.91234, (), 2.0))
        assert (await asking).structured_content == {
            "text": "Yes, do.",
            "confidence": 0.912,
            "seconds": utterance.audio_seconds,
            "problem": "",
        }

        for name, given, problem in (
            ("speak", {"text": "  "}, "There is no text."),
            ("transcribe", {"path": "/nowhere.wav"}, "There is no file"),
            ("listen", {"timeout": -1}, "timeout"),
        ):
            wrong = await first.call_tool(name, given)
            assert wrong.is_error
            assert problem in text_of(wrong)
        assert vita.state.value == "idle"


async def test_an_agent_that_goes_away_ends_its_listening() -> None:
    async with assistant(upkeep=True, microphone=silence()) as (vita, _):
        async with agent() as client:
            listening = asyncio.ensure_future(client.call_tool("listen", {"timeout": 600}))
            while not vita._parts.turn.dictating:
                await asyncio.sleep(0.01)
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
        async with asyncio.timeout(LIMIT):
            while vita._parts.turn.dictating:
                await asyncio.sleep(0.01)
        assert not vita.hands_free
