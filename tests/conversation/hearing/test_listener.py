"""What the listener thread tells of the microphone that it reads."""

from __future__ import annotations

import pytest

from tests.audio.test_echo import babble
from tests.conversation.support import assistant
from tests.room import Rehearsal, Room
from vita_tui.audio import echo
from vita_tui.audio.base import Samples
from vita_tui.audio.echo import EchoMicrophone
from vita_tui.events import HandsFree, Notice


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
