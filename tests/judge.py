"""Whisper as the judge of what a recording says: with all the time that it wants, and by none of the ways that are on trial."""

from __future__ import annotations

from vita_tui import paths
from vita_tui.engines.stt.decoding.runaway import FULL_WINDOW
from vita_tui.engines.stt.decoding.windows import WindowRule
from vita_tui.engines.stt.runtime.loading import WhisperWeights
from vita_tui.engines.stt.runtime.whisper import WhisperRecognizer

__all__ = ["judge"]


def judge() -> WhisperRecognizer:
    """Whisper base on full windows, by CTranslate2; loaded."""
    weights = WhisperWeights("base", paths.models_dir() / "whisper-base")
    recognizer = WhisperRecognizer(weights, rule=WindowRule(least=FULL_WINDOW), drafts=False)
    recognizer.load()
    return recognizer
