"""What VITA offers to Wyoming's clients, in their words."""

from __future__ import annotations

import importlib.util
from typing import Any, get_args

from wyoming.info import (
    AsrModel,
    AsrProgram,
    Attribution,
    Info,
    TtsProgram,
    TtsVoice,
    WakeModel,
    WakeProgram,
)

from vita_tui import __version__
from vita_tui.server.shared_engines import SharedEngines
from vita_tui.settings import WakeWordName

__all__ = ["described_engines", "wake_words"]

VITA = Attribution("VITA", "https://github.com/vita-tui/vita-tui")
SPOKEN = ["de", "en", "es", "fr"]
"""Languages whose numbers and abbreviations are put into words."""
UNDERSTOOD = (
    "af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi hr ht hu hy id is it ja jw ka "
    "kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl ps pt ro ru sa sd si sk sl sn so sq sr su sv sw "
    "ta te tg th tk tl tr tt uk ur uz vi yi yo zh"
).split()
"""Whisper's, where the model is no English one."""


def wake_words() -> list[str]:
    """Those that can be listened for."""
    if importlib.util.find_spec("pyopen_wakeword") is None:
        return []
    return [name for name in get_args(WakeWordName) if name]


def described_engines(engines: SharedEngines) -> Info:
    """The answer to "describe"."""
    recognizer = engines.recognition.chain.active_name
    voice = engines.voice.chain.active_name
    languages = ["en"] if recognizer.endswith(".en") else UNDERSTOOD
    about: dict[str, Any] = {"attribution": VITA, "installed": True, "version": __version__}
    info = Info()
    if recognizer:
        model = AsrModel(name=recognizer, description=recognizer, languages=languages, **about)
        info.asr = [AsrProgram(name="vita", description="VITA's recognition", models=[model], **about)]
    if voice:
        speaker = TtsVoice(name=voice, description=voice, languages=_voice_languages(engines), **about)
        info.tts = [
            TtsProgram(
                name="vita",
                description="VITA's voice",
                voices=[speaker],
                supports_synthesize_streaming=True,
                **about,
            )
        ]
    if words := wake_words():
        models = [
            WakeModel(name=word, description=word, phrase=word.replace("_", " "), languages=["en"], **about)
            for word in words
        ]
        info.wake = [WakeProgram(name="vita", description="openWakeWord", models=models, **about)]
    return info


def _voice_languages(engines: SharedEngines) -> list[str]:
    own = engines.settings.spoken_language
    return [own, *(code for code in SPOKEN if code != own)]
