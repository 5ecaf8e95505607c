"""What a voice gave, checked, because an error in it must not reach the speaker as noise or end its thread; and at the speaker's rate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from vita_tui.engines.tts.base import Pcm, Synthesizer
from vita_tui.errors import EngineError

__all__ = ["at_rate", "checked", "resampled"]

LOUDEST = 4.0
"""Beyond this a sample is not loud but wrong, such as an integer that was never scaled; up to it the speaker clips."""
QUALITY = "HQ"


def checked(name: str, piece: Pcm, sample_rate: int) -> Pcm:
    """A piece of a clause's sound.

    Args:
        name: of the voice, for the error.

    Raises:
        EngineError: it is not sound as `Synthesizer` promises it.
    """
    samples = np.asarray(piece)
    if samples.ndim != 1 or samples.dtype.kind != "f" or sample_rate <= 0:
        raise EngineError(f"{name} gave what is not sound.", remedy="Choose another voice: f2")
    if len(samples) and not float(np.abs(samples).max()) <= LOUDEST:  # also when it is not a number
        raise EngineError(f"{name} gave noise instead of speech.", remedy="Choose another voice: f2")
    return samples.astype(np.float32, copy=False)


def at_rate(voice: Synthesizer, pieces: Iterable[Pcm], wanted: int) -> Iterator[Pcm]:
    """The pieces of a clause that `voice` speaks, checked, at `wanted` Hz, as they come.

    Raises:
        EngineError: as `checked`.
    """
    stream = None
    for piece in pieces:
        samples = checked(voice.name, piece, voice.sample_rate)
        if voice.sample_rate != wanted:
            if stream is None:
                import soxr

                stream = soxr.ResampleStream(voice.sample_rate, wanted, 1, dtype="float32", quality=QUALITY)
            samples = stream.resample_chunk(samples)
        if len(samples):
            yield samples
    if stream is not None and len(rest := stream.resample_chunk(np.zeros(0, np.float32), last=True)):
        yield rest


def resampled(samples: Pcm, rate: int, wanted: int) -> Pcm:
    """All of a sound, `samples` at `rate` Hz, as it is at `wanted` Hz."""
    if rate == wanted or not len(samples):
        return samples
    import soxr

    made: Pcm = soxr.resample(samples, rate, wanted, quality=QUALITY)
    return made
