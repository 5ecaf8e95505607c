"""What a voice gave, checked, because a defect in it must not reach the speaker as noise or end its thread; and at the speaker's rate."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from vita_tui.engines.tts.base import Pcm
from vita_tui.errors import EngineError

__all__ = ["resampled", "sound_of"]

LOUDEST = 4.0
"""Beyond this a sample is not loud but wrong, such as an integer that was never scaled; up to it the speaker clips."""


def sound_of(name: str, pieces: Iterable[Pcm], sample_rate: int) -> Pcm:
    """All pieces of a clause as one.

    Args:
        name: of the voice, for the error.

    Raises:
        EngineError: it is not sound as `Synthesizer` promises it.
    """
    samples = np.concatenate([np.asarray(piece) for piece in pieces] or [np.zeros(0, np.float32)])
    if samples.ndim != 1 or samples.dtype.kind != "f" or sample_rate <= 0:
        raise EngineError(f"{name} gave what is not sound.", remedy="Choose another voice: f2")
    if len(samples) and not float(np.abs(samples).max()) <= LOUDEST:  # also when it is not a number
        raise EngineError(f"{name} gave noise instead of speech.", remedy="Choose another voice: f2")
    return samples.astype(np.float32, copy=False)


def resampled(samples: Pcm, rate: int, wanted: int) -> Pcm:
    """`samples` at `rate` Hz as they are at `wanted` Hz."""
    if rate == wanted or not len(samples):
        return samples
    import soxr

    made: Pcm = soxr.resample(samples, rate, wanted, quality="HQ")
    return made
