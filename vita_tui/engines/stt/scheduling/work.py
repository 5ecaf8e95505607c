"""What the whisper thread does inside of an engine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vita_tui.engines.stt.base import SAMPLE_RATE, Recognizer, Stop, Transcription
from vita_tui.engines.stt.decoding.checked import checked
from vita_tui.engines.stt.scheduling.agreement import PartialTranscriber
from vita_tui.engines.stt.scheduling.queueing import JobWork

__all__ = ["fresh_start", "load", "nothing", "transcribe"]

_PROBE_SECONDS = 1.0


def load(*_: Any) -> Transcription:
    """Nothing more than what the worker does before all work."""
    return nothing()


def transcribe(
    audio: NDArray[np.float32], prefix: str = "", *, language: str | None = None, words: bool = False
) -> JobWork:
    """A final transcript of `audio`; see `WhisperWorker.final`."""

    def work(engine: Recognizer, known: PartialTranscriber | None, cancelled: Stop) -> Transcription:
        if known is not None and language is None and not words:
            found = known.finish(engine, audio, cancelled)
        else:
            found = engine.transcribe(
                audio, prefix=prefix, language=language, words=words, cancelled=cancelled
            )
        return replace(checked(engine.name, found), engine=engine.name)

    return work


def fresh_start(engine: Recognizer, _: PartialTranscriber | None, cancelled: Stop) -> Transcription:
    """Load a disabled engine anew and have it decode something."""
    engine.cleanup()
    engine.load()
    return checked(engine.name, engine.transcribe(_probe_sound(), cancelled=cancelled))


def nothing() -> Transcription:
    """The result of what gives none."""
    return Transcription("", "", 0.0, 1.0, 0.0, 0.0, windows=0)


def _probe_sound() -> NDArray[np.float32]:
    """A buzz in syllables: something to decode that is no silence."""
    t = np.arange(round(_PROBE_SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    buzz = sum(np.sin(2 * np.pi * 140 * k * t) / k for k in range(1, 20))
    return (0.05 * buzz * (0.5 - 0.5 * np.cos(2 * np.pi * 4 * t))).astype(np.float32)
