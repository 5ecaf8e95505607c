"""Smart Turn v3.2: the probability that a speaker has finished, from the sound of the last eight seconds.

An ONNX model of 8.7 MB on Whisper's log-mel spectrogram (BSD-2-Clause, by the makers of pipecat). It hears what words do not say: a
voice that falls at the end, or stays up. What it was made for is speech that is followed by a little silence.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vita_tui.engines.onnx import open_session
from vita_tui.engines.whisper_parts import whisper_part
from vita_tui.errors import EngineUnavailableError

__all__ = ["SAMPLE_RATE", "SECONDS", "EndScorer", "SmartTurn"]

SAMPLE_RATE = 16_000
"""Hertz, of what is judged."""
SECONDS = 8
"""Of sound that the model takes; what is longer loses its beginning, what is shorter begins with silence."""
_VARIANCE = 1e-7


class EndScorer(Protocol):
    """Says how likely it is that somebody has finished. For one thread."""

    def load(self) -> None: ...
    def cleanup(self) -> None: ...
    def probability(self, samples: NDArray[np.float32]) -> float:
        """0 to 1, from sound at `SAMPLE_RATE` that ends with the silence that is judged."""
        ...


class SmartTurn:
    """For one thread, which loads it and asks it."""

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        """
        Args:
            path: the .onnx file.
            threads: of the CPU.
        """
        self._path = path
        self._threads = threads
        self._session: Any = None
        self._features: Any = None

    def load(self) -> None:
        """Open the model; some 100 ms.

        Raises:
            EngineUnavailableError: it is not there or cannot be opened.
        """
        if self._session is not None:
            return
        if not self._path.is_file():
            raise EngineUnavailableError(
                f"{self._path} is not there.", remedy="Run: vita models pull smart-turn"
            )
        try:
            self._session = open_session(self._path, self._threads)
        except Exception as error:  # ONNX Runtime has no error class of its own to catch
            raise EngineUnavailableError(
                f"{self._path} cannot be opened: {error}.", remedy="Run: vita models pull smart-turn"
            ) from error
        self._features = whisper_part("feature_extractor").FeatureExtractor(chunk_length=SECONDS)

    def probability(self, samples: NDArray[np.float32]) -> float:
        self.load()
        size = SECONDS * SAMPLE_RATE
        window = np.zeros(size, np.float32)
        last = samples[-size:]
        if len(last):
            window[-len(last) :] = last
        window = (window - window.mean()) / np.sqrt(window.var() + _VARIANCE)
        features = self._features(window, padding=0).astype(np.float32)
        return float(self._session.run(None, {"input_features": features[np.newaxis]})[0].reshape(-1)[0])

    def cleanup(self) -> None:
        """Free the model; `load` opens it again."""
        self._session = self._features = None
