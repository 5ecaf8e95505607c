"""WebRTC's echo canceller, from livekit's audio processing module: the optional extra `echo`."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np

from vita_tui.audio.base import SAMPLE_RATE, Samples

__all__ = ["CANCEL_BLOCK", "Canceller", "can_cancel"]

CANCEL_BLOCK = SAMPLE_RATE // 100
"""Samples that are processed at once: 10 ms."""
MOST_DELAY_MS = 500


def can_cancel() -> bool:
    """Whether the extra is installed; imports nothing."""
    try:
        return importlib.util.find_spec("livekit.rtc") is not None
    except (ImportError, ValueError):
        return False


class Canceller:
    """For one thread. About 0.12 ms for 10 ms of sound."""

    def __init__(self) -> None:
        """
        Raises:
            ImportError, OSError: the extra `echo` is not installed, or its library does not load here.
            RuntimeError: the library refuses.
        """
        from livekit.rtc import AudioFrame, AudioProcessingModule

        self._frame: Any = AudioFrame
        self._module: Any = AudioProcessingModule(echo_cancellation=True, high_pass_filter=True)

    def process(self, captured: Samples, played: Samples, delay: float) -> Samples:
        """`captured` without what of it comes from `played`.

        Args:
            captured, played: `CANCEL_BLOCK` samples each.
            delay: seconds by which the echo of `played` is expected to come later than `captured`.

        Raises:
            RuntimeError: the library refuses.
        """
        self._module.process_reverse_stream(self._pack(played))
        self._module.set_stream_delay_ms(min(MOST_DELAY_MS, max(0, round(delay * 1000))))
        frame = self._pack(captured)
        self._module.process_stream(frame)
        return np.frombuffer(frame.data.cast("B"), np.int16).astype(np.float32) / np.float32(32768.0)

    def _pack(self, samples: Samples) -> Any:
        pcm = (np.clip(samples, -1.0, 1.0) * 32767.0).astype(np.int16)
        return self._frame(bytearray(pcm.tobytes()), SAMPLE_RATE, 1, CANCEL_BLOCK)
