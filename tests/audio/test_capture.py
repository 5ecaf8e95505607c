"""The microphone between the driver's callback and the listener: blocks in, frames out, without a device."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from vita_tui.audio import capture
from vita_tui.audio.base import BLOCK, SAMPLE_RATE, Frame
from vita_tui.audio.capture import DeviceMicrophone, _Intake
from vita_tui.audio.devices import Device
from vita_tui.clock import SystemClock
from vita_tui.errors import DeviceError

DEVICE = Device("input", "Headset", "ALSA", 2, 48_000.0, True, 0)


class StepClock(SystemClock):
    """Time that passes when it is told to."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


class Line:
    """A microphone, and the driver that calls back."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, rate: int = SAMPLE_RATE, channels: int = 1) -> None:
        monkeypatch.setattr(capture, "_format", lambda device: (rate, channels))
        self.clock = StepClock()
        self.rate, self.channels = rate, channels
        self.microphone = DeviceMicrophone(clock=self.clock)
        self.microphone._running = self.intake = _Intake(DEVICE, self.clock)

    def sound(self, *levels: float, seconds: float = 0.02, lost: float = 0.0) -> None:
        """A callback with a constant level in each channel; `lost` seconds before it are missing."""
        frames = round(seconds * self.rate)
        self.clock.now += seconds + lost
        block = np.full((frames, self.channels), levels or (0.1,) * self.channels, np.float32)
        times = SimpleNamespace(currentTime=5.0, inputBufferAdcTime=5.0 - seconds)
        self.intake.callback(block, frames, times, SimpleNamespace(input_overflow=bool(lost)))

    def frames(self) -> list[Frame]:
        read = []
        while (frame := self.microphone.read(0.0)) is not None:
            read.append(frame)
        return read


def test_a_frame_has_its_place_and_the_time_at_which_it_was_captured(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(monkeypatch)
    for _ in range(8):
        line.sound(0.25)
    frames = line.frames()
    assert [frame.position for frame in frames] == [n * BLOCK for n in range(5)]
    assert {len(frame.samples) for frame in frames} == {BLOCK}
    assert frames[-1].captured == pytest.approx(100.0 + 5 * BLOCK / SAMPLE_RATE)
    assert np.all(frames[0].samples == np.float32(0.25))


@pytest.mark.parametrize(("rate", "channels", "levels"), [(48_000, 1, (0.2,)), (44_100, 2, (0.1, 0.3))])
def test_any_device_is_heard_at_our_rate_in_one_channel(
    rate: int, channels: int, levels: tuple[float, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Line(monkeypatch, rate, channels)
    for _ in range(50):
        line.sound(*levels)
    frames = line.frames()
    assert len(frames) == pytest.approx(1.0 * SAMPLE_RATE / BLOCK, abs=3)
    assert frames[len(frames) // 2].samples == pytest.approx(np.full(BLOCK, 0.2), abs=0.01)


def test_sound_that_the_driver_lost_leaves_a_silence_of_its_length(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(monkeypatch)
    line.sound(0.5, seconds=0.064)
    line.sound(0.5, seconds=0.064, lost=0.13)
    samples = np.concatenate([frame.samples for frame in line.frames()])
    assert np.count_nonzero(samples == 0.0) == pytest.approx(0.13 * SAMPLE_RATE, abs=2)
    assert line.microphone.overflows == 1


def test_what_a_slow_reader_missed_is_counted_and_keeps_the_places_true(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line = Line(monkeypatch)
    for _ in range(4):
        line.sound(0.1, seconds=BLOCK / SAMPLE_RATE)
    assert len(line.frames()) == 4
    for _ in range(2):
        line.sound(0.1, seconds=3.0)
    frames = line.frames()
    assert line.microphone.lost_seconds == pytest.approx(1.0, abs=0.01)
    lost = round(line.microphone.lost_seconds * SAMPLE_RATE)
    assert frames[0].position == 4 * BLOCK + lost


@pytest.mark.parametrize(
    ("written", "silent", "said"),
    [
        (True, 1.9, ""),
        (True, 2.2, "went away"),
        (False, 3.9, ""),  # it may still be starting
        (False, 4.2, "gives no sound"),
    ],
)
def test_a_device_whose_callbacks_stop_has_gone_away(
    written: bool, silent: float, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Line(monkeypatch)
    if written:
        line.sound()
    told = ""
    try:
        for _ in range(round(silent * 10)):
            line.clock.now += 0.1
            assert line.microphone.read(0.0) is None
    except DeviceError as error:
        told = error.message
    assert said in told if said else not told


def test_a_program_that_stood_still_does_not_take_its_microphone_for_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line = Line(monkeypatch)
    line.sound()
    assert line.microphone.read(0.0) is None
    line.clock.now += 60.0
    assert line.microphone.read(0.0) is None


def test_a_stream_that_ended_is_a_device_that_went_away(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(monkeypatch)
    line.sound()
    line.intake.ring.end()
    with pytest.raises(DeviceError, match="went away"):
        line.microphone.read(0.0)


def test_a_microphone_that_is_not_open_says_so() -> None:
    with pytest.raises(DeviceError, match="not open"):
        DeviceMicrophone().read(0.0)
