"""Several channels made one, so that speech is heard whatever became of the cables: one may be dead, or wired the wrong way round.

A cheap sound card's constant offset, by which voice activity would not know a voice, is taken away.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vita_tui.audio.base import Samples

__all__ = ["Centred", "Downmix"]

MEMORY = 2.0
"""Seconds after which what was heard of the channels counts by half."""
DEAD = 1e-3
"""Share of the loudest channel's power below which another holds nothing: 30 dB less."""
TURNED, STRAIGHT = -0.5, 0.0
"""Correlation with the loudest channel from which on one is taken as turned round, and from which on no longer."""

OFFSET = 0.01
"""Mean of a long stretch from which on it is no longer a matter of chance; of half a second it may be twice that."""


class Centred:
    """Blocks without their constant offset, where there is one. Used by one thread; one for each stream."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._weight = 0.0
        self._sum = 0.0

    def __call__(self, block: Samples) -> Samples:
        share = 0.5 ** (len(block) / (MEMORY * self._rate))
        self._sum = self._sum * share + float(block.sum(dtype=np.float64))
        self._weight = self._weight * share + len(block)
        mean = self._sum / max(1.0, self._weight)
        if abs(mean) < OFFSET * (1.0 + 0.5 * self._rate / max(1.0, self._weight)):
            return block
        return np.asarray(block - np.float32(mean), np.float32)


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
