"""Calibrating with devices that are busy, dead or go away: each is named, everything is closed, and it is said what to do."""

from __future__ import annotations

import numpy as np
import pytest

from vita_tui.audio import calibration
from vita_tui.audio.base import BLOCK, SAMPLE_RATE, Frame, Samples, Span
from vita_tui.audio.calibration import measure, record
from vita_tui.audio.files import FileMicrophone, FileSpeaker
from vita_tui.errors import DeviceError


class Clock:
    """Goes on by itself: a tenth of a second whenever it is read."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        self.now += 0.1
        return self.now

    def time(self) -> float:
        return self.monotonic()


class Microphone:
    """One that fails in a certain way."""

    name = "desk"

    def __init__(self, *, busy: bool = False, silent: bool = False) -> None:
        self._busy = busy
        self._silent = silent
        self._position = 0
        self.closed = False

    def open(self) -> None:
        if self._busy:
            raise DeviceError("The sound device is busy or was taken by another program.")

    def read(self, timeout: float) -> Frame | None:
        if self._silent:
            return None
        self._position += BLOCK
        samples = np.full(BLOCK, 1e-3, np.float32)
        return Frame(samples, self._position - BLOCK, 100.0 + self._position / SAMPLE_RATE)

    def close(self) -> None:
        self.closed = True


class Speaker(FileSpeaker):
    """One that fails in a certain way."""

    closed = False

    def __init__(self, *, busy: bool = False) -> None:
        super().__init__(pace=False)
        self.name = "shelf"
        self._busy = busy

    def open(self) -> None:
        if self._busy:
            raise DeviceError("The sound device is busy or was taken by another program.")

    def close(self) -> None:
        self.closed = True
        super().close()


@pytest.mark.parametrize(
    ("microphone", "speaker", "said", "remedy"),
    [
        (Microphone(busy=True), Speaker(), r"microphone \(desk\) cannot be opened: .* busy", "audio.input"),
        (Microphone(), Speaker(busy=True), r"speaker \(shelf\) cannot be opened: .* busy", "audio.output"),
        (Microphone(silent=True), Speaker(), "microphone desk gives no sound", "audio.input"),
    ],
    ids=["microphone busy", "speaker busy", "microphone gives nothing"],
)
def test_what_fails_is_named_and_all_is_closed(
    microphone: Microphone, speaker: Speaker, said: str, remedy: str
) -> None:
    with pytest.raises(DeviceError, match=said) as caught:
        record(microphone, speaker, clock=Clock())
    assert remedy in caught.value.remedy
    assert microphone.closed
    assert speaker.closed


def test_a_speaker_that_does_not_play_is_named() -> None:
    class Stuck(Speaker):
        def open(self) -> None:
            pass

        def enqueue(self, samples: Samples) -> Span:
            return Span(0, len(samples))

    with pytest.raises(DeviceError, match="speaker shelf does not play"):
        record(Microphone(), Stuck(), clock=Clock())


@pytest.mark.long
def test_what_is_recorded_lies_on_one_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "WAIT_SECONDS", 50.0)  # the speaker's thread may be served late
    noise = np.random.default_rng(2).standard_normal(60 * SAMPLE_RATE).astype(np.float32) * np.float32(1e-3)
    recording = record(FileMicrophone(noise), FileSpeaker())
    assert len(recording.played) == len(recording.captured)
    assert np.count_nonzero(recording.played) > SAMPLE_RATE
    assert not measure(recording).echo_heard
