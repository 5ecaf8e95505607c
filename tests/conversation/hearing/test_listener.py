"""What the listener thread tells of the microphone that it reads."""

from __future__ import annotations

import time

import pytest

from tests.audio.test_echo import babble
from tests.conversation.support import assistant
from tests.room import Rehearsal, Room
from vita_tui.audio import echo
from vita_tui.audio.base import Samples
from vita_tui.audio.echo import EchoMicrophone
from vita_tui.conversation.hearing import listener
from vita_tui.errors import DeviceError
from vita_tui.events import HandsFree, Notice, Passed


class Broken:
    """Works for a while."""

    def __init__(self) -> None:
        self.blocks = 0

    def process(self, captured: Samples, played: Samples, delay: float) -> Samples:
        self.blocks += 1
        if self.blocks > 50:
            raise RuntimeError("out of order")
        return captured


async def test_echo_cancelling_that_fails_in_mid_session_is_told_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(echo, "Canceller", Broken)
    played = babble(6.0)
    room = Room(-20.0, 0.12, -60.0)
    rehearsal = Rehearsal(room.hear(played), played)
    microphone = EchoMicrophone(rehearsal, rehearsal.reference, delay=room.delay)
    async with assistant(microphone=microphone) as (vita, events):
        told = await events.until(Notice, lambda notice: notice.key == "echo")
        assert told.severity == "warning"
        assert "Echo cancelling failed (out of order)" in told.message
        assert "is off while VITA speaks" in told.message
        assert told.remedy
        vita.set_hands_free(True)
        await events.until(HandsFree, lambda event: event.on)
        await events.until(Notice, lambda notice: notice.key == "duplex")
        assert len([notice for notice in events.of(Notice) if notice.key == "echo"]) == 1


class Away:
    """A microphone that is away until it is tried for the second time."""

    name = "USB mic"
    lost_seconds = 0.0
    overflows = 0

    def __init__(self) -> None:
        self.tries = 0

    def open(self) -> None:
        self.tries += 1
        if self.tries == 1:
            raise DeviceError("There is no microphone.", remedy="Plug one in")

    def read(self, timeout: float) -> None:
        time.sleep(min(timeout, 0.01))

    def close(self) -> None: ...


async def test_a_key_has_a_microphone_that_is_away_tried_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "REOPEN_SECONDS", 3600.0)
    monkeypatch.setattr(listener, "LOOK_SECONDS", 0.01)
    microphone = Away()
    async with assistant(microphone=microphone) as (vita, events):
        missing = await events.until(Notice, lambda notice: notice.key == "microphone")
        assert missing.title == "No microphone"
        assert microphone.tries == 1
        vita.talk()
        found = await events.until(Notice, lambda notice: notice.title == "Now listening")
        assert (found.message, found.severity) == ("With USB mic.", "information")
        assert microphone.tries == 2


async def test_a_microphone_that_is_there_from_the_start_is_no_news() -> None:
    microphone = Away()
    microphone.tries = 1
    async with assistant(microphone=microphone) as (_, events):
        await events.until(Passed, lambda passed: passed.key == "microphone")
        assert not [notice for notice in events.of(Notice) if "microphone" in notice.key]
