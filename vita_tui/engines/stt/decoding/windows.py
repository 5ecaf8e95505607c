"""How long a window of sound Whisper's encoder is given."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vita_tui.engines.stt.decoding.runaway import FULL_WINDOW

__all__ = ["WindowRule", "fitted_to"]

FRAMES_PER_SECOND = 100


@dataclass(frozen=True, slots=True)
class WindowRule:
    """How long a window to encode for how much speech."""

    least: float = 5.0
    """Seconds. At 4 s as many words again go wrong as at 5 s, where those that run away are stopped early and decoded again."""
    margin: float = 1.5
    """Seconds of silence after the speech."""

    def windows(self, seconds: float) -> Iterator[float]:
        """Seconds of the windows to try in turn for `seconds` of speech, the last one the full window."""
        window = min(FULL_WINDOW, max(self.least, seconds + self.margin))
        while window < FULL_WINDOW:
            yield window
            window = window * 2 if window * 2 <= FULL_WINDOW * 2 / 3 else FULL_WINDOW
        yield FULL_WINDOW


def fitted_to(features: NDArray[np.float32], window: float) -> NDArray[np.float32]:
    """Cut or fill `features` to `window` seconds, as faster-whisper fills them: an even number of frames."""
    frames = math.ceil(window * FRAMES_PER_SECOND / 2) * 2
    features = features[:, :frames]
    return np.pad(features, ((0, 0), (0, frames - features.shape[1])))
