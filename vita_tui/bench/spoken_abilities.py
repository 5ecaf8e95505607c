"""Requests that need no model, spoken: by three voices through speech recognition as it is used, and then understood."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from vita_tui.abilities.base import Context
from vita_tui.abilities.service import COMPUTED, Abilities, standard
from vita_tui.audio.base import SAMPLE_RATE
from vita_tui.bench.abilities import NOON, Case, cases, judge
from vita_tui.bench.recordings import SpokenSample, spoken_by_espeak, spoken_by_piper
from vita_tui.clock import FakeClock
from vita_tui.conversation.build import recognizers
from vita_tui.conversation.expected_requests import ExpectedRequests
from vita_tui.events import EventBus
from vita_tui.settings import Settings

__all__ = ["measure"]

VOICES = {
    "en": ("en-us+m3", "en-gb+f3", "piper"),
    "de": ("de+m3", "de+f3"),
    "fr": ("fr-fr+m3", "fr-fr+f3"),
    "es": ("es+m3", "es-419+f3"),
}
"""espeak-ng's, and Piper's where the default one speaks the language."""


def measure(
    settings: Settings,
    language: str,
    progress: Callable[[str], None] = lambda _: None,
    *,
    repair: bool = True,
) -> dict[str, Any]:
    """The JSON document: by voice, of how many requests, right, wrong and missed.

    Args:
        repair: have what was misheard compared with the sound once more, as in a conversation.

    Raises:
        EngineUnavailableError: espeak-ng is not installed.
        ModelError: Whisper or the voice is not there.
    """
    abilities = standard()
    abilities.warm(language)
    asked = [case for case in cases() if case.language == language and case.intent]
    texts = [case.text for case in asked]
    expects = ExpectedRequests(abilities, settings, FakeClock(NOON)) if repair else None
    chain = recognizers(settings, EventBus(), expects=expects)
    whisper = chain.engines[0]
    whisper.language = language
    voices: dict[str, Any] = {}
    quiet = np.zeros(SAMPLE_RATE // 2, np.float32)
    try:
        whisper.load()
        for voice in VOICES[language]:
            samples: list[SpokenSample]
            samples = spoken_by_piper(texts) if voice == "piper" else spoken_by_espeak(texts, voice)
            counts = {"requests": len(asked), "right": 0, "wrong": 0, "missed": 0}
            for case, sample in zip(asked, samples, strict=True):
                heard = whisper.transcribe(np.concatenate([quiet, sample.audio, quiet])).text
                verdict = judge(abilities, replace(case, text=heard)).verdict
                if verdict == "right" and _computed(abilities, case, heard) != _computed(
                    abilities, case, case.text
                ):
                    verdict = "wrong"  # the right kind of request, with another number
                counts[verdict] += 1
                if verdict != "right":
                    progress(f"✗ {verdict}: {voice} said {case.text!r}, heard as {heard!r}")
            voices[voice] = counts
    finally:
        for engine in chain.engines:
            engine.cleanup()
    return {"language": language, "voices": voices}


def _computed(abilities: Abilities, case: Case, text: str) -> str:
    """What comes out of a sum or a conversion; empty for other requests."""
    if case.intent not in COMPUTED:
        return ""
    meant = abilities.meant(text, Context(FakeClock(NOON)), case.language)
    return "" if meant is None else meant.meaning
