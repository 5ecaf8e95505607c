"""A wake word: a word of one's own that opens the microphone as the key does. openWakeWord, the optional extra `wake`.

Two small networks of TensorFlow Lite, 80 ms at a time; Whisper never gets what comes before the word.
"""

from __future__ import annotations

from typing import Any, get_args

import numpy as np

from vita_tui.audio.base import Samples
from vita_tui.errors import EngineUnavailableError
from vita_tui.settings import WakeWordName

__all__ = ["INSTALL", "WakeWord"]

INSTALL = "pip install 'vita-tui[wake]'"
THRESHOLD = 0.5
"""Probability from which on the word was said."""
DEAF_SECONDS = 2.0
"""After the word, so that its end does not count as another."""


class WakeWord:
    """For one thread, which loads it, feeds it and closes it."""

    def __init__(self, name: WakeWordName) -> None:
        """
        Raises:
            EngineUnavailableError: pyopen-wakeword is not installed, or not for this machine.
        """
        try:
            from pyopen_wakeword import Model, OpenWakeWord, OpenWakeWordFeatures

            self._word: Any = OpenWakeWord.from_builtin(Model(name))
            self._features: Any = OpenWakeWordFeatures.from_builtin()
        except (ImportError, OSError, ValueError) as error:
            raise EngineUnavailableError(
                f"The wake word cannot be listened for: {error}.", remedy=f"Run: {INSTALL}"
            ) from error
        self.name = name
        self._deaf = 0.0
        """Seconds that are still ignored."""

    def heard(self, samples: Samples, rate: int = 16_000) -> bool:
        """Take the next samples; whether the word has just been said."""
        pcm = (np.clip(samples, -1.0, 1.0) * 32767.0).astype("<i2").tobytes()
        best = 0.0
        for features in self._features.process_streaming(pcm):
            best = max(best, *self._word.process_streaming(features), 0.0)
        self._deaf = max(0.0, self._deaf - len(samples) / rate)
        if best < THRESHOLD or self._deaf:
            return False
        self._deaf = DEAF_SECONDS
        return True

    def close(self) -> None:
        """Free the networks."""
        self._word.close()
        self._features.close()


def words() -> str:
    """The words there are, for people."""
    return ", ".join(str(name).replace("_", " ") for name in get_args(WakeWordName) if name)
