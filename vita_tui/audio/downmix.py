"""Several channels made one, so that speech is heard whatever became of the cables: one may be dead, or wired the wrong way round."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vita_tui.audio.base import Samples

__all__ = ["Downmix"]

MEMORY = 2.0
"""Seconds after which what was heard of the channels counts by half."""
DEAD = 1e-3
"""Share of the loudest channel's power below which another holds nothing: 30 dB less."""
TURNED, STRAIGHT = -0.5, 0.0
"""Correlation with the loudest channel from which on one is taken as turned round, and from which on no longer."""


class Downmix:
    """The mean of the channels that hold sound, those in antiphase turned round. Used by one thread; one for each stream."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._seen: NDArray[np.float64] | None = None
        """Covariance of the channels."""
        self._signs: NDArray[np.float64] | None = None

    def __call__(self, block: NDArray[np.float32]) -> Samples:
        """
        Args:
            block: channels × samples.
        """
        channels, length = block.shape
        if channels == 1 or not length:
            return block[0] if channels else np.zeros(0, np.float32)
        exact = block.astype(np.float64)
        exact -= exact.mean(axis=1, keepdims=True)
        now = exact @ exact.T
        if self._seen is None or len(self._seen) != channels:
            self._seen, self._signs = np.zeros_like(now), np.ones(channels)
        assert self._signs is not None
        self._seen = self._seen * 0.5 ** (length / (MEMORY * self._rate)) + now
        power = np.diag(self._seen)
        loudest = int(np.argmax(power))
        if power[loudest] <= 0.0:
            return np.asarray(block.mean(axis=0), np.float32)
        alive = power >= DEAD * power[loudest]
        alike = self._seen[loudest] / np.sqrt(np.maximum(power * power[loudest], 1e-30))
        # The sign of the first live channel stays, so that the sum does not jump when another becomes the loudest.
        turned = np.where(
            alike < TURNED, -1.0, np.where(alike > STRAIGHT, 1.0, self._signs * self._signs[loudest])
        )
        signs = turned * turned[int(np.argmax(alive))]
        self._signs = np.where(alive, signs, self._signs)
        weights = (self._signs * alive / np.count_nonzero(alive)).astype(np.float32)
        return np.asarray(weights @ block, np.float32)
