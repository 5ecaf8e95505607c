"""A ring between the audio callback, which must never wait, and one reading thread.

Positions are absolute: the number of samples since the stream was opened. When the reader falls behind by more than the
capacity the oldest samples are overwritten, counted, and skipped; positions stay truthful.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["Ring"]


class Ring:
    """Holds the last `capacity` samples of one channel. One writer, one reader.

    The lock is held for one copy of a block, by either side, and never while anybody waits.
    """

    def __init__(self, capacity: int) -> None:
        self._buffer: NDArray[np.float32] = np.zeros(capacity, np.float32)
        self._lock = threading.Lock()
        self._written = 0
        self._read = 0
        self._arrived = threading.Event()
        self.lost = 0
        """Samples that were overwritten before they were read."""

    @property
    def written(self) -> int:
        """Samples that were ever written."""
        return self._written

    @property
    def position(self) -> int:
        """The next sample that will be read."""
        return self._read

    def write(self, block: NDArray[np.float32]) -> None:
        """Append `block`; of a block longer than the ring its end is kept. Called by the audio callback."""
        capacity = len(self._buffer)
        with self._lock:
            skipped = max(0, len(block) - capacity)
            kept = block[skipped:]
            start = (self._written + skipped) % capacity
            first = min(len(kept), capacity - start)
            self._buffer[start : start + first] = kept[:first]
            self._buffer[: len(kept) - first] = kept[first:]
            self._written += len(block)
        self._arrived.set()

    def read(
        self, count: int, timeout: float, ended: Callable[[], bool] = lambda: False
    ) -> tuple[int, NDArray[np.float32]]:
        """The next `count` samples and the position of the first; waits up to `timeout` seconds for them.

        Returns an empty array when they did not come, or when `ended` turned true meanwhile.
        """
        import time

        deadline = time.monotonic() + timeout
        while True:
            self._arrived.clear()
            with self._lock:
                behind = self._written - self._read
                if behind > len(self._buffer):
                    lost = behind - len(self._buffer)
                    self.lost += lost
                    self._read += lost
                if self._written - self._read >= count:
                    return self._take(count)
            left = deadline - time.monotonic()
            if left <= 0 or ended() or not self._arrived.wait(left):
                return self._read, np.zeros(0, np.float32)

    def wait(self, timeout: float) -> bool:
        """Wait for something to read; False when nothing came."""
        return self._written > self._read or self._arrived.wait(timeout)

    def wake(self) -> None:
        """Let a reader that waits look whether it `ended`."""
        self._arrived.set()

    def _take(self, count: int) -> tuple[int, NDArray[np.float32]]:
        capacity = len(self._buffer)
        position = self._read
        start = position % capacity
        first = min(count, capacity - start)
        taken = np.concatenate((self._buffer[start : start + first], self._buffer[: count - first]))
        self._read += count
        return position, taken
