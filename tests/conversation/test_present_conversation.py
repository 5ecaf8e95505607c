"""Another conversation, and listening by the key only, while something rings: what rings goes on, and keeps nothing from ending."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.conversation.support import Events, assistant, silence
from vita_tui.abilities.alarms import Alarms
from vita_tui.abilities.service import Abilities
from vita_tui.conversation.assistant import Assistant
from vita_tui.engines.llm.fake import FakeResponder
from vita_tui.events import Alarm, HandsFree, ReplyStarted, Ringing, SessionChanged, State, StateChanged


@asynccontextmanager
async def ringing(file: Path, responder: FakeResponder) -> AsyncIterator[tuple[Assistant, Events]]:
    alarms = Alarms(file)
    alarms.add(Alarm(0, "timer", "egg", time.time(), 1.0))
    abilities = Abilities([], alarms)
    async with assistant(responder, upkeep=True, abilities=abilities, microphone=silence()) as (vita, events):
        await events.until(Ringing, lambda event: event.on)
        yield vita, events


@pytest.mark.parametrize("resumed", [False, True])
async def test_the_reply_ends_with_its_conversation(tmp_path: Path, resumed: bool) -> None:
    never = asyncio.Event()
    async with ringing(tmp_path / "alarms.db", FakeResponder(["It never ends."], gate=never)) as (
        vita,
        events,
    ):
        asking = asyncio.create_task(vita.ask("Tell me a story."))
        await events.until(ReplyStarted)
        async with asyncio.timeout(60):
            while vita.session is None:
                await events.until(SessionChanged)
            await (vita.resume(vita.session.id) if resumed else vita.new_session())
            await asking
        assert vita.last is not None
        assert vita.last.reason == "stopped"
        assert vita.state is State.IDLE
        assert (vita.session is not None) is resumed
        assert all(event.on for event in events.of(Ringing))


async def test_the_microphone_closes_with_hands_free(tmp_path: Path) -> None:
    async with ringing(tmp_path / "alarms.db", FakeResponder()) as (vita, events):
        vita.set_hands_free(True)
        vita.talk()
        await events.until(StateChanged, lambda event: event.state is State.LISTENING)
        vita.set_hands_free(False)
        await events.until(HandsFree, lambda event: not event.on)
        assert vita.state is State.IDLE
        assert all(event.on for event in events.of(Ringing))
