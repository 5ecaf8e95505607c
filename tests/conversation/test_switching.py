"""Another language, another voice: asked for in a sentence, and so from that answer on."""

from __future__ import annotations

import pytest

from tests.conversation.support import assistant
from vita_tui.abilities.service import standard
from vita_tui.engines.stt.fake import FakeRecognizer
from vita_tui.engines.tts.fake import FakeSynthesizer


class SystemVoice(FakeSynthesizer):
    """A voice that speaks several languages."""

    language = "en"


def voices() -> tuple[FakeSynthesizer, SystemVoice]:
    return FakeSynthesizer(name="piper"), SystemVoice(name="pyttsx3")


@pytest.mark.parametrize(
    ("asked", "language", "answer"),
    [
        ("Speak German.", "de", "Ich spreche jetzt Deutsch."),
        ("sprich Deutsch", "de", "Ich spreche jetzt Deutsch."),
        ("switch to French", "fr", "Je parle français maintenant."),
        ("speak Italian from now on", "it", "From now on I listen and speak in Italian."),
        ("speak English", "en", "I speak English now."),
    ],
)
async def test_another_language_and_back(asked: str, language: str, answer: str) -> None:
    piper, system = voices()
    recognizer = FakeRecognizer()
    async with assistant(voices=[piper, system], recognizer=recognizer, abilities=standard()) as (vita, _):
        await vita.ask(asked)
        assert vita.last is not None
        assert vita.last.text == answer
        assert vita.settings.stt.language == system.language == language
        assert vita.chains["tts"].engines[0] is (piper if language == "en" else system), (
            "Joe speaks English only"
        )
        at_once = language not in ("it", "en")
        assert (answer in " ".join(system.clauses)) is at_once
        await vita.ask("speak English")
        assert vita.settings.stt.language == "en"
        assert vita.chains["tts"].engines[0] is piper
        assert vita.last.text == "I speak English now."


async def test_a_recognition_that_knows_english_alone_says_so() -> None:
    async with assistant(abilities=standard(), stt={"model": "tiny.en"}) as (vita, _):
        await vita.ask("Speak German.")
        assert vita.last is not None
        assert "English only" in vita.last.text
        assert vita.settings.stt.language == "en"


async def test_another_voice_answers_and_the_next_one_is_the_first_again() -> None:
    piper, system = voices()
    async with assistant(voices=[piper, system], abilities=standard()) as (vita, _):
        await vita.ask("Use another voice.")
        assert "Is this voice better?" in system.clauses
        await vita.ask("use another voice")
        assert "Is this voice better?" in piper.clauses
        assert vita.settings.tts.engines == ("piper", "pyttsx3")


async def test_there_is_no_other_voice() -> None:
    async with assistant(abilities=standard(), tts={"engines": ("piper",)}) as (vita, _):
        await vita.ask("use another voice")
        assert vita.last is not None
        assert vita.last.text == "I have no other voice here."
