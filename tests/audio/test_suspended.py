"""A device is not gone because the program stood still: it has its time to sound again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from vita_tui.audio.capture import LOST_SECONDS, DeviceMicrophone
from vita_tui.audio.device_speaker import WATCH_SECONDS, DeviceSpeaker
from vita_tui.audio.ring import Ring
from vita_tui.clock import FakeClock
from vita_tui.errors import DeviceError

READ_SECONDS = 0.1


def looks(seconds: float, step: float) -> range:
    """So many looks are taken in that time."""
    return range(round(seconds / step) + 1)


@pytest.mark.parametrize("timeout", [READ_SECONDS, 1.5])
def test_a_microphone_is_lost_by_its_silence_and_not_by_ours(timeout: float) -> None:
    clock = FakeClock()
    microphone = DeviceMicrophone(clock=clock)
    ring = Ring(16_000, 16_000)
    ring.write(np.zeros(160, np.float32), 0.0)
    intake: Any = SimpleNamespace(ring=ring, called=0.0)
    microphone._check_alive(intake, timeout)
    clock.advance(60)  # suspended
    for _ in looks(LOST_SECONDS - timeout, timeout):
        microphone._check_alive(intake, timeout)
        clock.advance(timeout)
    with pytest.raises(DeviceError, match="went away"):
        for _ in looks(2 * LOST_SECONDS, timeout):
            microphone._check_alive(intake, timeout)
            clock.advance(timeout)


def test_a_speaker_is_lost_by_its_silence_and_not_by_ours() -> None:
    clock = FakeClock()
    speaker = DeviceSpeaker(clock=clock)
    output: Any = SimpleNamespace(steady=True, ended=False, called=0.0)
    speaker._running = output
    assert not speaker._is_gone()
    clock.advance(60)  # suspended
    gone = []
    for _ in looks(2 * LOST_SECONDS, WATCH_SECONDS):
        gone.append(speaker._is_gone())
        clock.advance(WATCH_SECONDS)
    assert (gone[0], gone[-1]) == (False, True)
    output.called = clock.monotonic()
    assert not speaker._is_gone()
    output.ended = True
    assert speaker._is_gone()
