"""What was said in one go, and the buffer that it is recorded into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from vita_tui.audio.base import BLOCK, SAMPLE_RATE, Frame, Samples

__all__ = ["FRAME_SECONDS", "EndReason", "Utterance", "UtteranceAudio"]

FRAME_SECONDS = BLOCK / SAMPLE_RATE

EndReason = Literal["key", "silence", "limit", "nothing", "end of file", "device", "cancelled"]


@dataclass(frozen=True, slots=True)
class Utterance:
    """What was said in one go, with little silence around it."""

    number: int
    audio: Samples
    """At `SAMPLE_RATE`."""
    speech_seconds: float
    """How much of it was voice; 0 when there was none."""
    last_speech: float
    """Monotonic seconds at which the last voice was captured."""
    ended: float
    """Monotonic seconds of the key, or of the last voice when silence ended it: latency counts from here."""
    noticed: float
    """Monotonic seconds at which it was known to be over."""
    reason: EndReason
    silent: bool = False
    """There was nothing at all to hear, not even the noise of a room: the microphone is mute."""

    @property
    def audio_seconds(self) -> float:
        return len(self.audio) / SAMPLE_RATE

    @property
    def endpoint_wait(self) -> float | None:
        """Seconds waited for silence; None when something else ended it."""
        return self.noticed - self.last_speech if self.reason == "silence" else None


class UtteranceAudio:
    """Frames in a buffer that grows by doubling. What `slice` gave out is never written again."""

    def __init__(self) -> None:
        self._samples = np.zeros(BLOCK * 64, np.float32)
        self.frames = 0
        self.captured = 0.0
        """Monotonic seconds of the last sample."""
        self.silent = True
        """Nothing but zeros so far."""

    @property
    def seconds(self) -> float:
        return self.frames * FRAME_SECONDS

    def append(self, frame: Frame) -> None:
        start = self.frames * BLOCK
        if start + BLOCK > len(self._samples):
            grown = np.zeros(2 * len(self._samples), np.float32)
            grown[:start] = self._samples[:start]
            self._samples = grown
        self._samples[start : start + BLOCK] = frame.samples
        self.frames += 1
        self.captured = frame.captured
        self.silent = self.silent and not np.any(frame.samples)

    def slice(self, first: int, last: int) -> Samples:
        """The frames from `first` to before `last`, as far as there are any; read-only, and not copied."""
        part = self._samples[max(0, first) * BLOCK : min(last, self.frames) * BLOCK]
        part.flags.writeable = False
        return part
