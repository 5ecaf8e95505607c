"""Which of the system's voices speaks: by name, by language code, by what is to be read."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from vita_tui.conversation.build import synthesizers
from vita_tui.engines.tts.pyttsx3_child import _choose, _MissingError
from vita_tui.events import EventBus
from vita_tui.settings import Settings


@dataclass(frozen=True)
class Voice:
    id: str
    name: str
    languages: tuple[str | bytes, ...]


VOICES = (
    Voice("gmw/de", "German", (b"\x05de",)),
    Voice("com.apple.Thomas", "Thomas", ("fr_FR",)),
    Voice("gmw/en-gb", "English", ("en-gb",)),
    Voice("gmw/en-us", "English (America)", ("en-us",)),
    Voice("roa/pt-br", "Portuguese (Brazil)", ("pt-br",)),
    Voice("HKEY/TTS_MS_NONE", "Old", ()),
)


@pytest.mark.parametrize(
    ("wanted", "language", "found"),
    [
        ("", "en", ""),
        ("", "auto", ""),
        ("", "de", "gmw/de"),
        ("", "de-AT", "gmw/de"),
        ("", "fr", "com.apple.Thomas"),
        ("", "pt", "roa/pt-br"),
        ("de", "en", "gmw/de"),
        ("fr-FR", "en", "com.apple.Thomas"),
        ("en_US", "en", "gmw/en-us"),
        ("en", "en", "gmw/en-gb"),
        ("german", "de", "gmw/de"),
        ("German", "en", "gmw/de"),
        ("German", "fr", "com.apple.Thomas"),
        ("German", "zh", "gmw/de"),
        ("Old", "fr", "HKEY/TTS_MS_NONE"),
    ],
)
def test_voice(wanted: str, language: str, found: str) -> None:
    assert _choose(VOICES, wanted, language) == found


@pytest.mark.parametrize(("wanted", "language"), [("nobody", "en"), ("xx", "en"), ("", "xx")])
def test_voice_that_is_not_there(wanted: str, language: str) -> None:
    with pytest.raises(_MissingError) as caught:
        _choose(VOICES, wanted, language)
    assert "tts.system_voice" in caught.value.remedy


@pytest.mark.parametrize(
    ("language", "voice", "engines", "order"),
    [
        ("en", "en_US-joe-medium", ("piper", "pyttsx3"), ["piper", "pyttsx3"]),
        ("de", "en_US-joe-medium", ("piper", "pyttsx3"), ["pyttsx3", "piper"]),
        ("de", "hf:owner/repo/de_DE-thorsten-medium.onnx", ("piper", "pyttsx3"), ["piper", "pyttsx3"]),
        ("de", "en_US-joe-medium", ("piper",), ["piper"]),
        ("auto", "en_US-joe-medium", ("piper", "pyttsx3"), ["piper", "pyttsx3"]),
        ("de", "/voices/mine.onnx", ("piper", "pyttsx3"), ["piper", "pyttsx3"]),
    ],
)
def test_the_system_speaks_what_the_voice_does_not(
    language: str, voice: str, engines: tuple[str, ...], order: list[str]
) -> None:
    settings = Settings.model_validate(
        {"stt": {"language": language}, "tts": {"voice": voice, "engines": engines}}
    )
    names = [engine.name for engine in synthesizers(settings, EventBus()).engines]
    assert [next(name for name in ("piper", "pyttsx3") if name in found) for found in names] == order
