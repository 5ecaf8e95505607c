"""Audio files in place of a microphone or a speaker."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from vita_tui.audio.base import BLOCK, SAMPLE_RATE, Frame, Samples, Span
from vita_tui.audio.decoding import iter_audio
from vita_tui.audio.media_source import MediaSource
from vita_tui.audio.timeline_speaker import TimelineSpeaker
from vita_tui.clock import Clock, SystemClock
from vita_tui.errors import DeviceError
from vita_tui.health.threads import RegisteredThread

__all__ = ["FileMicrophone", "FileSpeaker", "read_audio"]

log = logging.getLogger(__name__)

SPEAKER_RATE = 24_000
SPEAKER_BLOCK_SECONDS = 0.02


def read_audio(
    source: MediaSource,
    *,
    max_seconds: float | None = None,
    track: int | None = None,
    on_cut: Callable[[str], None] = log.warning,
    on_note: Callable[[str], None] = log.info,
) -> Samples:
    """All of a recording, or its first `max_seconds`, as mono samples at `SAMPLE_RATE`; the rest as in `iter_audio`.

    Raises:
        AudioFileError: as `iter_audio`.
    """
    limit = None if max_seconds is None else round(max_seconds * SAMPLE_RATE)
    blocks: list[Samples] = []
    total = 0
    for block in iter_audio(source, track=track, on_cut=on_cut, on_note=on_note):
        blocks.append(block)
        total += len(block)
        if limit is not None and total >= limit:
            break
    return np.concatenate(blocks)[:limit]


class FileMicrophone:
    """Samples that arrive like those of a microphone: each frame at the time at which it would have been captured."""

    def __init__(
        self,
        samples: Samples,
        *,
        name: str = "file",
        pace: bool = True,
        silence: float = 0.0,
        clock: Clock | None = None,
    ) -> None:
        """
        Args:
            samples: mono, at `SAMPLE_RATE`; silence fills the last frame.
            pace: in real time; otherwise as fast as they are read.
            silence: seconds of it that follow.
        """
        self.name = name
        padding = round(silence * SAMPLE_RATE)
        padding += -(len(samples) + padding) % BLOCK
        self._samples = np.concatenate([samples, np.zeros(padding, np.float32)]).astype(
            np.float32, copy=False
        )
        self._pace = pace
        self._clock = clock or SystemClock()
        self._position = 0
        self._started: float | None = None
        self._closed = threading.Event()
        self._hold = threading.Event()
        self._hold.set()

    @classmethod
    def from_file(cls, path: Path, *, pace: bool = True, silence: float = 0.0) -> FileMicrophone:
        """A microphone into which the file at `path` is spoken.

        Raises:
            AudioFileError: it cannot be read.
        """
        return cls(read_audio(path), name=path.name, pace=pace, silence=silence)

    def open(self) -> None:
        self._closed.clear()

    def hold(self) -> None:
        """Let no frame come until `play`: the file starts with the talk key."""
        self._hold.clear()

    def play(self) -> None:
        """Let the frames come."""
        self._hold.set()

    def read(self, timeout: float) -> Frame | None:
        if not self._hold.wait(timeout):
            return None
        if self._position >= len(self._samples):
            raise EOFError
        now = self._clock.monotonic()
        if self._started is None:
            self._started = now
        captured = self._started + (self._position + BLOCK) / SAMPLE_RATE
        if self._pace and (left := captured - now) > 0:
            if self._closed.wait(min(left, timeout)) or left > timeout:
                return None
        elif not self._pace:
            captured = now
        frame = Frame(self._samples[self._position : self._position + BLOCK], self._position, captured)
        self._position += BLOCK
        return frame

    def close(self) -> None:
        self._closed.set()


class FileSpeaker(TimelineSpeaker):
    """Keeps what is played. Its clock is real time, or a jump to the end of whatever is queued.

    A thread `file speaker` stands for the device: it pulls blocks and tells of spans as they start and end; it stops at once on
    `close`.
    """

    def __init__(
        self, sample_rate: int = SPEAKER_RATE, *, pace: bool = True, clock: Clock | None = None
    ) -> None:
        super().__init__(sample_rate, clock)
        self.name = "file"
        self.sample_rate = sample_rate
        self._pace = pace
        self._recorded: list[Samples] = []
        self._closed = threading.Event()
        self._closed.set()

    def open(self) -> None:
        if not self._closed.is_set():
            return
        self._closed.clear()
        self._thread = RegisteredThread(self._run, name="file speaker", owner="audio.files", close=self.close)
        self._thread.start()

    def enqueue(self, samples: Samples) -> Span:
        if self._closed.is_set():
            raise DeviceError("The speaker is not open.")
        span = self._timeline.enqueue(samples)
        self._news.set()
        return span

    def played(self) -> int:
        return self._timeline.heard(self._heard_until())

    def flush(self) -> int:
        heard = self._timeline.flush(self._clock.monotonic())
        self._news.set()
        return heard

    def samples(self) -> Samples:
        """All that was played, without the pauses between."""
        recorded = list(self._recorded)
        return np.concatenate(recorded) if recorded else np.zeros(0, np.float32)

    def close(self) -> None:
        self._closed.set()
        self.played()  # what was heard up to now stays so
        self._end_telling()

    # ----

    def _heard_until(self) -> float:
        """Without pace, what was handed over has been heard."""
        return self._clock.monotonic() if self._pace else math.inf

    def _run(self) -> None:
        """The thread: a block at a time while there is something to play."""
        block = np.empty(round(self.sample_rate * SPEAKER_BLOCK_SECONDS), np.float32)
        due = 0.0
        """When the next block sounds."""
        while not self._closed.is_set():
            now = self._clock.monotonic()
            # Late by less than a block the device's clock goes on: starting a little late each time would make it slow.
            if not self._pace or now - due > SPEAKER_BLOCK_SECONDS:
                due = now
            filled, _ = self._timeline.pull(block, now, due)
            if filled:
                self._recorded.append(block[:filled].copy())
                due += filled / self.sample_rate
            following = self._tell_marks(self._heard_until())
            if not filled:
                due = 0.0
                self._news.wait(
                    None if following is None else max(0.001, following - self._clock.monotonic())
                )
                self._news.clear()
            elif self._pace:
                self._closed.wait(max(0.0, due - self._clock.monotonic()))
        self._tell_marks(self._heard_until())
