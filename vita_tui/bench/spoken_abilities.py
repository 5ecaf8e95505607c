"""Requests that need no model, spoken: by three voices through speech recognition as it is used, and then understood."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
ABOUT_TIME = frozenset(
    (
        "GetTime",
        "GetTimeIn",
        "StartTimer",
        "CancelTimer",
        "AddToTimer",
        "TimerStatus",
        "Calculate",
        "PercentageOf",
    )
)
"""The time, timers and sums: what is asked most."""


def measure(
    settings: Settings,
    language: str,
    progress: Callable[[str], None] = lambda _: None,
    *,
    voices: Sequence[str] = (),
    repair: bool = True,
) -> dict[str, Any]:
    """The JSON document: by voice, of how many requests, right, wrong and missed, and how many questions were taken for one.

    Args:
        voices: of `VOICES`; all of the language when empty.
        repair: have what was misheard compared with the sound once more, as in a conversation.

    Raises:
        EngineUnavailableError: espeak-ng is not installed.
        ModelError: Whisper or the voice is not there.
    """
    abilities = standard()
    abilities.warm(language)
    asked = [case for case in cases() if case.language == language]
    texts = [case.text for case in asked]
    expects = ExpectedRequests(abilities, settings, FakeClock(NOON)) if repair else None
    chain = recognizers(settings, EventBus(), expects=expects)
    whisper = chain.engines[0]
    whisper.language = language
    counted: dict[str, Any] = {}
    quiet = np.zeros(SAMPLE_RATE // 2, np.float32)
    try:
        whisper.load()
        for voice in voices or VOICES[language]:
            samples: list[SpokenSample]
            samples = spoken_by_piper(texts) if voice == "piper" else spoken_by_espeak(texts, voice)
            judged: list[tuple[Case, str]] = []
            for case, sample in zip(asked, samples, strict=True):
                heard = whisper.transcribe(np.concatenate([quiet, sample.audio, quiet])).text
                verdict = judge(abilities, replace(case, text=heard)).verdict
                if verdict == "right" and _computed(abilities, case, heard) != _computed(
                    abilities, case, case.text
                ):
                    verdict = "wrong"  # the right kind of request, with another number
                judged.append((case, verdict))
                if verdict != "right":
                    progress(f"✗ {verdict}: {voice} said {case.text!r}, heard as {heard!r}")
            counted[voice] = _counts(judged)
    finally:
        for engine in chain.engines:
            engine.cleanup()
    return {"language": language, "voices": counted}


def _counts(judged: Sequence[tuple[Case, str]]) -> dict[str, Any]:
    requests = [(case, verdict) for case, verdict in judged if case.intent]
    about_time = [verdict for case, verdict in requests if case.intent in ABOUT_TIME]
    return {
        "requests": len(requests),
        **{name: sum(one == name for _, one in requests) for name in ("right", "wrong", "missed")},
        "about_time": {"requests": len(about_time), "right": about_time.count("right")},
        "questions": len(judged) - len(requests),
        "false": sum(verdict == "false" for _, verdict in judged),
    }


def _computed(abilities: Abilities, case: Case, text: str) -> str:
    """What comes out of a sum or a conversion; empty for other requests."""
    if case.intent not in COMPUTED:
        return ""
    meant = abilities.meant(text, Context(FakeClock(NOON)), case.language)
    return "" if meant is None else meant.meaning
