"""What the speaker sounds, by the time at which it sounds: the reference that echo is known by.

The output callback leaves each block here with the time at which the device will sound it (`Reference.tap`). The one thread that
reads the microphone asks what sounded at a time (`Reference.at`): it does the resampling, never the callback. Blocks are joined by
their count of frames, which has no jitter; their times only tell slowly where that count lies on the clock, and at once when sound
was lost or the device was opened again. Everything is bounded: a reader that hangs loses the oldest blocks and nothing else.
"""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from vita_tui.audio.base import SAMPLE_RATE, Samples

__all__ = ["HISTORY_SECONDS", "Reference", "Tap", "Tappable"]

HISTORY_SECONDS = 6.0
"""How far back may be asked."""
BLOCKS = 1000
"""That may wait for the reading thread: ten seconds of 10 ms."""
JUMP_SECONDS = 0.04
"""A block that sounds so much earlier or later than the count of frames says: sound was lost, or the device was opened again."""
TRACKING = 0.01
"""Share of a block's deviation that is believed: PortAudio's times jump by milliseconds from block to block."""
QUIET_SECONDS = 0.1
"""Of silence, after which the resampler stops."""


class Tap(Protocol):
    """Called in the output callback with what a device is given: must be quick and never raise."""

    def __call__(self, block: Samples, filled: int, due: float, rate: int) -> None:
        """
        Args:
            block: mono frames as they sound, loudness included; copied before this returns.
            filled: how many of them, from the start, are sound; the rest is silence.
            due: monotonic seconds at which the first of them sounds.
            rate: Hertz.
        """
        ...


@runtime_checkable
class Tappable(Protocol):
    """A speaker that lets someone listen in."""

    def tap(self, tap: Tap | None) -> None:
        """Have `tap` called with every block from now on; None ends that."""
        ...


class _Block(NamedTuple):
    first: int
    """Frames that were tapped before it; they start anew with each rate."""
    frames: int
    samples: Samples
    """The sound at its start; empty for silence."""
    due: float
    rate: int


class Reference:
    """Written by the output callback through `tap`, read by one thread through the rest."""

    def __init__(self) -> None:
        self._blocks: deque[_Block] = deque(maxlen=BLOCKS)
        self._tapped = 0
        self._tapped_rate = 0
        # What follows belongs to the reading thread.
        self._history: Samples = np.zeros(round(HISTORY_SECONDS * SAMPLE_RATE), np.float32)
        self._end = 0
        """Position, at `SAMPLE_RATE`, behind the last sample of `_history`."""
        self._epoch = 0.0
        """Monotonic seconds at which position 0 sounded."""
        self._rate = 0
        self._next = 0
        """The frame that should come next; later when blocks were lost."""
        self._origin = 0
        """Position of frame 0."""
        self._resampler: Any = None
        self._quiet = 0
        """Silent frames since the last sound."""
        self._sounded = -1e9
        """Monotonic seconds at which the last sound ends."""
        self._cursor: int | None = None
        """Position behind what was given out last."""
        self.jumps = 0
        """How often the count of frames was laid on the clock anew."""
        self.realigned = 0
        """How often what is given out skipped or repeated samples, because clocks had drifted apart."""

    def tap(self, block: Samples, filled: int, due: float, rate: int) -> None:
        """See `Tap`: copies what sounds and returns."""
        if rate != self._tapped_rate:
            self._tapped_rate, self._tapped = rate, 0
        self._blocks.append(_Block(self._tapped, len(block), block[:filled].copy(), due, rate))
        self._tapped += len(block)

    # ---- the reading thread

    @property
    def sounded_until(self) -> float:
        """Monotonic seconds at which the last sound that is known of ends; long ago when there was none."""
        self._drain()
        return self._sounded

    def forget_alignment(self) -> None:
        """The microphone was opened again: what is asked next need not follow what was given out last."""
        self._cursor = None

    def at(self, time: float, count: int, *, slack: float = 0.008) -> Samples:
        """What sounded from `time` on, in `count` samples at `SAMPLE_RATE`; silence where nothing is known.

        Consecutive calls give consecutive samples as long as the clocks agree within `slack` seconds; a larger difference is
        corrected while nothing sounds, or at four times `slack` in any case.
        """
        self._drain()
        wanted = round((time - self._epoch) * SAMPLE_RATE)
        cursor = self._cursor
        if cursor is None:
            cursor = wanted
        off = abs(wanted - cursor) / SAMPLE_RATE
        if off > slack and (off > 4 * slack or not np.any(self._between(cursor, count))):
            cursor = wanted
            self.realigned += 1
        self._cursor = cursor + count
        return self._between(cursor, count)

    def window(self, until: float, seconds: float) -> Samples:
        """What sounded in the last `seconds` before the time `until`; changes nothing."""
        self._drain()
        count = round(seconds * SAMPLE_RATE)
        return self._between(round((until - self._epoch) * SAMPLE_RATE) - count, count)

    # ----

    def _between(self, start: int, count: int) -> Samples:
        out: Samples = np.zeros(count, np.float32)
        size = len(self._history)
        first, last = max(start, self._end - size, 0), min(start + count, self._end)
        if first < last:
            out[first - start : last - start] = self._history[np.arange(first, last) % size]
        return out

    def _drain(self) -> None:
        while self._blocks:
            self._take(self._blocks.popleft())

    def _take(self, block: _Block) -> None:
        if block.rate != self._rate:
            self._restart(block)
        if block.first != self._next:
            self._resampler = None  # blocks were lost, and counted
        self._next = block.first + block.frames
        predicted = self._epoch + (self._origin + block.first * SAMPLE_RATE / block.rate) / SAMPLE_RATE
        deviation = block.due - predicted
        if abs(deviation) > JUMP_SECONDS:
            self._jump(deviation)
        else:
            self._epoch += TRACKING * deviation
        filled = len(block.samples)
        if filled:
            self._quiet = block.frames - filled
            self._sounded = max(self._sounded, block.due + filled / block.rate)
        else:
            self._quiet += block.frames
        start = round(self._origin + block.first * SAMPLE_RATE / block.rate)
        if filled or (self._resampler is not None and self._quiet < QUIET_SECONDS * block.rate):
            samples = block.samples
            if filled < block.frames:
                samples = np.concatenate((samples, np.zeros(block.frames - filled, np.float32)))
            if block.rate == SAMPLE_RATE:
                self._write(start, samples)
                return
            if self._resampler is None:
                import soxr

                self._resampler = soxr.ResampleStream(
                    block.rate, SAMPLE_RATE, 1, dtype="float32", quality="LQ"
                )
                self._write(start, samples[:0])
            self._write(self._end, self._resampler.resample_chunk(samples))
        elif self._resampler is not None:
            self._write(self._end, self._resampler.resample_chunk(np.zeros(0, np.float32), last=True))
            self._resampler = None

    def _restart(self, block: _Block) -> None:
        """The first block, or one at another rate: its position follows from its time."""
        if not self._rate:
            self._epoch = block.due
        self._rate = block.rate
        due = round((block.due - self._epoch) * SAMPLE_RATE)
        self._origin = max(due, self._end) - round(block.first * SAMPLE_RATE / block.rate)
        self._next = block.first
        self._resampler = None

    def _jump(self, deviation: float) -> None:
        """Frames and clock differ: positions jump ahead, or, when time went back, everything moves."""
        self.jumps += 1
        self._resampler = None
        if deviation > 0:
            self._origin += round(deviation * SAMPLE_RATE)
        else:
            self._epoch += deviation
            self._cursor = None

    def _write(self, start: int, samples: Samples) -> None:
        """Put `samples` at the position `start`, silence before it; what lies before the end already is left out."""
        size = len(self._history)
        if start > self._end:
            gap = min(start - self._end, size)
            self._history[np.arange(start - gap, start) % size] = 0.0
            self._end = start
        elif start < self._end:
            samples = samples[self._end - start :]
        samples = samples[-size:] if len(samples) > size else samples
        if len(samples):
            self._history[np.arange(self._end, self._end + len(samples)) % size] = samples
            self._end += len(samples)
