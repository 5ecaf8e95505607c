"""A voice on a server: what is sent to it, what comes of its answers, and what of its failures."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest
from pydantic import SecretStr

from tests.conversation.support import assistant
from tests.engines.tts.speech_server import Answer, serving, wave
from vita_tui.audio.files import FileSpeaker
from vita_tui.conversation.build import synthesizers
from vita_tui.engines.llm.fake import FakeResponder
from vita_tui.engines.tts.base import Pcm
from vita_tui.engines.tts.fake import FakeSynthesizer
from vita_tui.engines.tts.remote import RemoteSynthesizer
from vita_tui.engines.tts.wave_stream import WaveStream
from vita_tui.errors import EngineError, EngineTimeoutError, EngineUnavailableError, VitaError
from vita_tui.events import EventBus, TurnFinished
from vita_tui.health.registry import registry
from vita_tui.settings import Settings, TtsSettings


def tone(seconds: float = 0.5, rate: int = 24_000) -> Pcm:
    return np.asarray(0.3 * np.sin(2 * np.pi * 300 * np.arange(round(seconds * rate)) / rate), np.float32)


def said(voice: RemoteSynthesizer, text: str = "Hello there.") -> Pcm:
    return np.concatenate([*voice.speak(text, cancelled=threading.Event()), np.zeros(0, np.float32)])


def close_to(got: Pcm, wanted: Pcm) -> bool:
    return got.shape == wanted.shape and float(np.abs(got - wanted).max()) < 1e-3


def test_a_clause_is_asked_for_and_its_sound_comes_back() -> None:
    with serving(lambda _: Answer(wave(tone(rate=22_050), 22_050))) as server:
        voice = RemoteSynthesizer(server.base_url, "kokoro", voice="bella", api_key="s3cret", rate=1.5)
        voice.load()
        assert close_to(said(voice), tone(rate=22_050))
        assert voice.sample_rate == 22_050
        voice.cleanup()
        voice.cleanup()
    (request,) = server.requests
    assert request["path"] == "/v1/audio/speech"
    assert (request["model"], request["voice"], request["input"]) == ("kokoro", "bella", "Hello there.")
    assert (request["response_format"], request["speed"]) == ("wav", 1.5)
    assert server.keys == ["Bearer s3cret"]
    assert not [entry for entry in registry.open() if entry.owner == "engines.tts"]


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_a_stream_of_unknown_length_and_two_channels_may_be_cut_anywhere(size: int) -> None:
    file = wave(tone(), 24_000, channels=2, known=False)
    stream = WaveStream(bare=False)
    parts = [stream.feed(file[at : at + size]) for at in range(0, min(len(file), 9000), size)]
    got = np.concatenate(parts)
    assert stream.rate == 24_000
    assert close_to(got, tone()[: len(got)])
    assert len(got) > 2000


def test_what_follows_the_sound_is_not_sound() -> None:
    stream = WaveStream(bare=False)
    got = stream.feed(wave(tone(), 24_000) + b"LIST" + bytes(range(200)))
    assert close_to(got, tone())


def test_bare_samples_are_24_kilohertz() -> None:
    body = (tone() * 32767).astype("<i2").tobytes()
    with serving(lambda _: Answer([body[:1001], body[1001:]], kind="audio/pcm")) as server:
        voice = RemoteSynthesizer(server.base_url, "m")
        assert close_to(said(voice), tone())
        assert voice.sample_rate == 24_000
        voice.cleanup()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Answer(b'{"error": {"message": "bad key s3cret"}}', "application/json", 401), "API key"),
        (Answer(b"{}", "application/json", 404), "no voice “alloy” of “m”"),
        (Answer(b"{}", "application/json", 429), "limiting requests"),
        (Answer(b"{}", "application/json", 500), "HTTP status 500"),
        (Answer(b"<html>Welcome</html>", "text/html"), "instead of sound"),
        (Answer(b"ID3\x03" + bytes(5000), "audio/mpeg"), "not a WAV file"),
        (Answer(wave(tone(0.0), 24_000)), "no sound"),
        (Answer(wave(tone(), 24_000)[:9000]), "broke off"),
        (Answer([wave(tone(), 24_000, known=False)[:9000]], then_drop=True), "broke off"),
        (Answer([b"RIFF\0\0\0\0WAVE", b"junk\xff\xff\0\0" + bytes(70_000)]), "without sound"),
    ],
    ids=["key", "voice", "limit", "defect", "page", "mp3", "empty", "short", "broken off", "no samples"],
)
def test_what_is_no_speech_is_an_error_that_says_so_and_keeps_the_key(answer: Answer, says: str) -> None:
    with serving(lambda _: answer) as server:
        voice = RemoteSynthesizer(server.base_url, "m", api_key="s3cret")
        with pytest.raises(EngineError) as caught:
            said(voice)
        voice.cleanup()
    assert says in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_nobody_there_and_no_address() -> None:
    voice = RemoteSynthesizer("http://127.0.0.1:1/v1", "m")
    with pytest.raises(EngineUnavailableError, match=r"No voice answers at 127\.0\.0\.1:1"):
        said(voice)
    voice.cleanup()
    with pytest.raises(EngineUnavailableError, match="not the address"):
        RemoteSynthesizer("localhost", "m").load()


def test_a_server_that_hangs_is_given_up_and_hung_up_on() -> None:
    hangs = Answer([wave(tone(), 24_000, known=False)[:9000]], then_hang=True)
    with serving(lambda _: hangs) as server:
        voice = RemoteSynthesizer(server.base_url, "m", timeout=0.5)
        with pytest.raises(VitaError) as caught:
            said(voice)
        assert isinstance(caught.value, EngineTimeoutError)
        assert server.hung_up.wait(60)
        voice.cleanup()


def test_a_cancelled_clause_waits_for_nobody() -> None:
    hangs = Answer([wave(tone(), 24_000, known=False)[:9000]], then_hang=True)
    with serving(lambda _: hangs) as server:
        voice = RemoteSynthesizer(server.base_url, "m", timeout=60)
        cancelled = threading.Event()
        spoken = voice.speak("Hello.", cancelled=cancelled)
        assert len(next(spoken))
        assert server.hanging.wait(60)
        cancelled.set()
        assert list(spoken) == []
        assert server.hung_up.wait(60)
        voice.cleanup()


def test_it_speaks_first_where_a_server_is_set_and_otherwise_not_at_all() -> None:
    def names(**tts: object) -> list[str]:
        settings = Settings(tts=TtsSettings.model_validate(tts))
        return [engine.name for engine in synthesizers(settings, EventBus()).engines]

    assert names() == ["piper", "pyttsx3"]
    assert names(base_url="http://h:1/v1") == ["tts-1 at h:1", "piper", "pyttsx3"]
    assert names(base_url="http://h:1/v1", engines=["piper"]) == ["piper"]
    assert names(engines=[]) == []
    assert "s3cret" not in repr(TtsSettings(api_key=SecretStr("s3cret")))


async def test_the_next_voice_speaks_the_clauses_that_the_server_fails() -> None:
    calls: list[str] = []

    def answer(text: str) -> Answer:
        calls.append(text)
        return Answer(wave(tone(), 24_000)) if len(calls) == 1 else Answer(b"{}", "application/json", 500)

    with serving(answer) as server:
        voice = RemoteSynthesizer(server.base_url, "m")
        responder = FakeResponder(
            ["One is said by the server. Two and three are said by another voice, all of them."]
        )
        async with assistant(
            responder, voices=[voice, FakeSynthesizer()], speaker=FileSpeaker(pace=False)
        ) as (
            vita,
            events,
        ):
            await vita.ask("Say something.")
            await asyncio.wait_for(events.until(TurnFinished), 60)
            assert vita.last is not None
            assert vita.last.speech is not None
            assert vita.last.speech.engines == [voice.name, "fake voice"]
            assert vita.last.heard()[1].strip() == "", "all of it was heard"
