"""A ring between the audio callback, which must never wait, and one reading thread.

Positions are absolute: the number of samples since the ring was made. When the reader falls behind by more than the capacity
the oldest samples are overwritten, counted, and skipped; positions stay truthful.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Chunk", "Ring"]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Samples that were read."""

    samples: NDArray[np.float32]
    position: int
    """Of the first sample; more than the end of the chunk before when samples were lost between them."""
    captured: float
    """Monotonic seconds at which the last sample was captured."""


class Ring:
    """Holds the last `capacity` samples of one channel. One writer, one reader.

    No lock is held while samples are copied: the writer announces what it is about to overwrite, and the reader checks after
    its copy whether that was overwritten meanwhile; then those samples are lost and it reads on behind them.
    """

    def __init__(self, capacity: int, rate: int) -> None:
        """
        Args:
            capacity: samples, at least 1.
            rate: Hertz, for the time at which a sample was captured.
        """
        self._buffer: NDArray[np.float32] = np.zeros(capacity, np.float32)
        self._rate = rate
        self._announced = 0
        """Samples written or being written: what lies `capacity` before this may be overwritten at any moment."""
        self._latest = (0, 0.0)
        """Samples written, and when the last of them was captured; replaced in one step."""
        self._read = 0
        self._arrived = threading.Event()
        self._lost = 0
        self._ended = False

    @property
    def ended(self) -> bool:
        return self._ended

    @property
    def written(self) -> int:
        """Samples that were ever written."""
        return self._latest[0]

    @property
    def position(self) -> int:
        """The next sample that will be read, unless it is lost before."""
        return self._read

    @property
    def lost(self) -> int:
        """Samples that were overwritten before they were read."""
        return self._lost

    def write(self, block: NDArray[np.float32], captured: float) -> None:
        """Append `block`, whose last sample was captured at `captured`; never waits. Called by the audio callback.

        Of a block longer than the ring only the end is kept.
        """
        capacity = len(self._buffer)
        before = self._latest[0]
        after = before + len(block)
        kept = block[-capacity:]
        self._announced = after
        start = (after - len(kept)) % capacity
        first = min(len(kept), capacity - start)
        self._buffer[start : start + first] = kept[:first]
        self._buffer[: len(kept) - first] = kept[first:]
        self._latest = (after, captured)
        if not self._arrived.is_set():
            self._arrived.set()

    def read(self, count: int, timeout: float) -> Chunk | None:
        """The next samples, at least `count` of them and all there are; waits up to `timeout` seconds.

        Args:
            count: samples, at most the ring's capacity.

        Returns:
            None when there were not enough in time, or there will be no more.
        """
        deadline = time.monotonic() + timeout
        while True:
            self._arrived.clear()
            if (chunk := self._take(count)) is not None:
                return chunk
            left = deadline - time.monotonic()
            if left <= 0 or self._ended or not self._arrived.wait(left):
                return None

    def end(self) -> None:
        """There will be no more: nobody needs to wait."""
        self._ended = True
        self._arrived.set()

    def _take(self, count: int) -> Chunk | None:
        capacity = len(self._buffer)
        while True:
            written, captured = self._latest
            self._skip_to(self._announced - capacity)
            position = self._read
            available = written - position
            if available < count:
                return None
            start = position % capacity
            first = min(available, capacity - start)
            samples = np.concatenate((self._buffer[start : start + first], self._buffer[: available - first]))
            if self._announced - capacity <= position:
                self._read = written
                return Chunk(samples, position, captured)
            # Overwritten while it was copied: go round again, which skips what is gone.

    def _skip_to(self, position: int) -> None:
        if position > self._read:
            self._lost += position - self._read
            self._read = position
