"""What voices and languages there are to choose from: lists, without a screen."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from vita_tui.models import catalogue, installed
from vita_tui.models.lookup import missing
from vita_tui.settings import Settings
from vita_tui.text.spoken_languages import language_of_voice, name_of, spoken_languages
from vita_tui.text.vocabulary import base
from vita_tui.tui.formatting import size
from vita_tui.tui.model_choices import Selectable

__all__ = ["language_choices", "remote_choices", "voice_choices"]

MORE_VOICES = (
    "en_US-amy-medium",
    "en_US-lessac-medium",
    "en_US-ryan-high",
    "en_GB-alan-medium",
    "en_GB-cori-high",
)
"""English ones that are worth naming, besides those of the languages."""
PIPER_BYTES = 63_000_000
"""Of a voice of medium quality, about."""
PIPER = ("remote", "piper", "pyttsx3")
SYSTEM = ("pyttsx3", "piper")


def voice_choices(settings: Settings) -> list[Selectable]:
    """Piper's voices that are here, the system's, and those that can be fetched: of the language that is spoken first."""
    tts, spoken = settings.tts, base(settings.spoken_language)
    here = [model.handle for model in (*catalogue.models(), *installed.installed()) if model.kind == "tts"]
    named = [language.voice for language in spoken_languages().values() if language.voice]
    names = list(dict.fromkeys([tts.voice, *here, *named, *MORE_VOICES]))
    names.sort(key=lambda name: language_of_voice(name) != spoken)
    piper_first = settings.voices[:1] != ("pyttsx3",) and not (tts.base_url and "remote" in settings.voices)
    found = []
    for name in names:
        lacks, code = missing("tts", name), language_of_voice(name)
        other = code and code != spoken
        found.append(
            Selectable(
                title=Path(name).stem,
                facts=" · ".join(
                    part
                    for part in (name_of(code), f"about {size(PIPER_BYTES)} to fetch" if lacks else "here")
                    if part
                ),
                group="Piper" if not lacks else "Piper, from the hub",
                values={"tts.voice": name, "tts.engines": PIPER},
                lacking=name if lacks else "",
                bytes=PIPER_BYTES if lacks else 0,
                current=piper_first and name == tts.voice,
                warning=f"It reads {name_of(code)}, and {name_of(spoken)} is spoken: /language"
                if other
                else "",
            )
        )
    found.append(
        Selectable(
            title=tts.system_voice or "The system's voice",
            facts="speaks many languages",
            group="The system's",
            values={"tts.engines": SYSTEM},
            current=settings.voices[:1] == ("pyttsx3",),
        )
    )
    return found


def remote_choices(names: Iterable[str], settings: Settings, where: str) -> list[Selectable]:
    """Voices of the server in the settings."""
    tts = settings.tts
    used = bool(tts.base_url) and settings.voices[:1] == ("remote",)
    return [
        Selectable(
            title=name,
            facts="",
            group=where,
            values={"tts.remote_voice": name, "tts.engines": PIPER},
            current=used and name == tts.remote_voice,
        )
        for name in names
    ]


def language_choices(settings: Settings) -> list[Selectable]:
    """Languages by their names; each chooses recognition, voice and what the model is told."""
    found = []
    for language in spoken_languages().values():
        values: dict[str, object] = {"stt.language": language.code}
        if settings.stt.model.endswith(".en") and language.code != "en":
            values["stt.model"] = "base"  # this one knows English only
        voice, lacking = language.voice, ""
        if voice and language_of_voice(settings.tts.voice) != language.code:
            lacking = voice if missing("tts", voice) else ""
            if not lacking:
                values["tts.voice"] = voice
        facts = f"voice {Path(voice).stem}" if voice else "the system's voice reads it"
        found.append(
            Selectable(
                title=language.name,
                facts=f"{language.own_name} · {facts}{', to be fetched' if lacking else ''}",
                group="Languages",
                values=values,
                later={"tts.voice": voice} if lacking else {},
                lacking=lacking,
                bytes=PIPER_BYTES if lacking else 0,
                current=settings.stt.language == language.code,
            )
        )
    if not settings.stt.model.endswith(".en"):
        found.append(
            Selectable(
                title="Detect it",
                facts="takes a moment longer with each utterance; replies are read in English",
                group="Languages",
                values={"stt.language": "auto"},
                current=settings.stt.language == "auto",
            )
        )
    return found
