"""A person's voice for tests: Piper, which says the same words with the same sound in every run."""

from __future__ import annotations

import onnxruntime

from vita_tui.engines.tts.piper import PiperSynthesizer
from vita_tui.models import installed

__all__ = ["person"]

_VOICE = "en_US-joe-medium"
_TAKE = 5
"""Which of all ways to say it."""


def person(*, rate: float = 1.0) -> PiperSynthesizer:
    """A loaded voice. Piper draws its intonation by lot, and now and then nobody understands what comes of that."""
    onnxruntime.set_seed(_TAKE)
    voice = PiperSynthesizer(installed.resolve(_VOICE, "tts"), rate=rate, timeout=120.0)
    voice.load()
    return voice
