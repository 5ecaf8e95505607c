"""Timers, alarms and reminders: kept, rung, said, stopped, missed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from tests.conversation.support import Events
from vita_tui.abilities.alarms import Alarms
from vita_tui.audio.base import Samples
from vita_tui.audio.files import FileSpeaker
from vita_tui.clock import FakeClock
from vita_tui.conversation.ringing import RING_SECONDS, Ringer
from vita_tui.conversation.speaking.speaking import Speaking
from vita_tui.engines.chain import Chain
from vita_tui.engines.tts.fake import FakeSynthesizer
from vita_tui.events import Alarm, AlarmsChanged, ClauseStarted, EventBus, Notice, Passed, Ringing, State
from vita_tui.settings import Settings

NOW = datetime(2026, 11, 27, 15, 40).timestamp()


def timer(seconds: float, name: str = "") -> Alarm:
    return Alarm(0, "timer", name, NOW + seconds, seconds)


@asynccontextmanager
async def ringer(
    file: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, speaker: FileSpeaker | None = None
) -> AsyncIterator[tuple[Ringer, Alarms, Events]]:
    monkeypatch.setattr("vita_tui.conversation.ringing.RING_POLL_SECONDS", 0.01)
    bus, settings = EventBus(), Settings()
    events = Events(bus)
    speech = Speaking(
        Chain("tts", [FakeSynthesizer()], settings.health, bus=bus), speaker or FileSpeaker(pace=False), bus
    )
    speech.start()
    alarms = Alarms(file)
    made = Ringer(alarms, speech, settings, lambda: State.IDLE, bus, clock)
    task = asyncio.create_task(made.run())
    try:
        yield made, alarms, events
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.to_thread(speech.cleanup)


async def test_a_timer_rings_is_said_and_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock(NOW)
    async with ringer(tmp_path / "alarms.db", clock, monkeypatch) as (made, alarms, events):
        alarms.add(timer(600, "egg"))
        alarms.add(timer(900))
        await events.until(AlarmsChanged, lambda event: len(event.alarms) == 2)
        clock.advance(600)
        rang = await events.until(Ringing, lambda event: event.on)
        assert rang.text == "Your egg timer is over."
        await events.until(ClauseStarted, lambda event: event.text.startswith("Your egg timer"))
        assert made.ringing
        assert made.stop()
        assert not made.stop()
        await events.until(Ringing, lambda event: not event.on)
        await events.until(Passed)
        await events.until(AlarmsChanged, lambda event: len(event.alarms) == 1)


async def test_two_ring_at_once_and_end_by_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock(NOW)
    async with ringer(tmp_path / "alarms.db", clock, monkeypatch) as (_, alarms, events):
        alarms.add(timer(60, "egg"))
        alarms.add(timer(60, "tea"))
        clock.advance(60)
        await events.until(Ringing, lambda event: event.on and event.alarm.name == "egg")
        await events.until(Ringing, lambda event: event.on and event.alarm.name == "tea")
        clock.advance(RING_SECONDS + 1)
        await events.until(Ringing, lambda event: not event.on and event.alarm.name == "egg")
        await events.until(Ringing, lambda event: not event.on and event.alarm.name == "tea")


async def test_what_was_missed_is_told_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "alarms.db"
    Alarms(file).add(replace(timer(60), kind="reminder", name="call Bob"))
    clock = FakeClock(NOW + 3600)
    async with ringer(file, clock, monkeypatch) as (_, _alarms, events):
        told = await events.until(Notice)
        assert (told.title, told.message) == ("Missed", "A reminder for Friday 3:41 PM: call Bob.")
        assert events.of(Ringing) == []


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_timer_runs_its_time_when_the_clock_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    clock = FakeClock(NOW)
    async with ringer(tmp_path / "alarms.db", clock, monkeypatch) as (_, alarms, events):
        alarms.add(timer(600))
        await events.until(AlarmsChanged, lambda event: bool(event.alarms))
        clock.jump(3600 * hours)
        await events.until(AlarmsChanged, lambda event: event.alarms[0].due == NOW + 3600 * hours + 600)
        assert events.of(Ringing) == []
        clock.advance(600)
        await events.until(Ringing)


async def test_two_timers_at_once_ring_through_what_is_being_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock(NOW)
    over: list[str] = []

    class Heard(FileSpeaker):
        def sound_over(self, samples: Samples) -> None:
            over.append("bell" if said.finished.done() is False else "after")
            super().sound_over(samples)

    speaker = Heard()
    async with ringer(tmp_path / "alarms.db", clock, monkeypatch, speaker) as (made, alarms, events):
        said = made._speech.say("This is a long answer. " * 6, "en")
        await events.until(ClauseStarted)
        alarms.add(timer(60, "egg"))
        alarms.add(timer(60, "tea"))
        await events.until(AlarmsChanged, lambda event: len(event.alarms) == 2)
        clock.advance(60)
        for name in ("egg", "tea"):
            await events.until(Ringing, lambda event, name=name: event.alarm.name == name)  # type: ignore[misc]
            await events.until(ClauseStarted, lambda event, name=name: name in event.text)  # type: ignore[misc]
        assert over[0] == "bell", "at once, and not when all is said"
        assert said.heard()[1] == "", "nothing of the answer is lost"
        assert made.stop()
        assert not made.ringing
