"""The rows of `languages.toml`: one conversation, from one language to the next without a restart, voice included."""

from __future__ import annotations

import asyncio
import shutil
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.engines.llm.servers import Request, chunk, event_stream, serving, whole
from vita_tui.audio.base import SAMPLE_RATE
from vita_tui.audio.files import SPEAKER_RATE, FileSpeaker
from vita_tui.bench.microphone import StudioMicrophone
from vita_tui.bench.one_turn import spoken_turn
from vita_tui.bench.recordings import spoken_by_espeak, trimmed
from vita_tui.bench.turn import end_utterance
from vita_tui.conversation.assistant import Assistant
from vita_tui.conversation.build import build
from vita_tui.settings import Settings

pytestmark = [pytest.mark.models, pytest.mark.slow]

ROWS = tomllib.loads((Path(__file__).parent / "languages.toml").read_text(encoding="utf-8"))["turn"]
ALIKE = 0.4
"""Share of the letters that are as they were said: espeak-ng is hard to understand for Whisper base in most languages."""
DONE = b"data: [DONE]\n\n"


def alike(one: str, other: str) -> float:
    first, second = ("".join(filter(str.isalnum, text.casefold())) for text in (one, other))
    return SequenceMatcher(None, first, second).ratio()


@dataclass
class Conversation:
    """One assistant, with a server that says what it is told to."""

    vita: Assistant
    microphone: StudioMicrophone
    speaker: FileSpeaker
    replies: list[str]
    asked: list[str]

    async def turn(self, row: dict[str, Any]) -> dict[str, Any]:
        (question,) = spoken_by_espeak((row["asked"],), row["voice"])
        loop = asyncio.get_running_loop()

        def ended() -> None:
            loop.call_soon_threadsafe(end_utterance, self.vita)

        self.microphone.cue(trimmed(question.audio), ended)
        self.replies.append(row["answered"])
        return await spoken_turn(self.vita, self.microphone)


@asynccontextmanager
async def conversation(**stt: Any) -> AsyncIterator[Conversation]:
    replies, asked = [""], [""]

    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        if not request.path.endswith("/chat/completions"):
            writer.write(whole("404 Not Found", b"{}"))
            return
        asked.append(str(request.body["messages"][-1]["content"]))
        writer.write(event_stream(chunk(replies[-1]), chunk(finish="stop"), DONE))

    async with serving(answer) as server:
        settings = Settings.model_validate(
            {
                "llm": {"base_url": server.base_url, "model": "m"},
                "tts": {"engines": ["pyttsx3", "piper"]},
                "stt": stt,
                "talk": {"smart_turn": False},
            }
        )
        microphone, speaker = StudioMicrophone(), FileSpeaker(pace=False)
        vita = build(settings, microphone=microphone, speaker=speaker)
        try:
            await vita.start()
            await vita.ready.wait()
            yield Conversation(vita, microphone, speaker, replies, asked)
        finally:
            await vita.aclose()


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")
@pytest.mark.timeout(900)
async def test_each_language_is_heard_asked_and_spoken() -> None:
    import soxr

    from tests.judge import judge

    ear = judge()
    async with conversation() as talk:
        for row in ROWS:
            await talk.vita.change("stt.language", row["language"])
            before = len(talk.speaker.samples())
            turn = await talk.turn(row)
            assert alike(turn["transcript"], row["asked"]) >= ALIKE, (row, turn["transcript"])
            assert talk.asked[-1] == turn["transcript"]
            assert turn["reply"] == row["answered"]
            assert turn["engines"]["tts"] == "pyttsx3"
            sound = talk.speaker.samples()[before:]
            heard = ear.transcribe(
                soxr.resample(sound, SPEAKER_RATE, SAMPLE_RATE).astype(np.float32), language=row["language"]
            )
            assert alike(heard.text, row["answered"]) >= ALIKE, (row, heard.text)


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")
@pytest.mark.timeout(900)
async def test_the_reply_follows_the_speaker() -> None:
    told = [row for row in ROWS if row.get("told")]
    async with conversation(language="auto", languages=[row["language"] for row in told]) as talk:
        for row in [*told, told[0]]:
            await talk.turn(row)
            assert talk.vita.settings.spoken_language == row["language"]
            voice = talk.vita.chains["tts"].active
            assert (voice.name, voice.language) == ("pyttsx3", row["language"])
