"""Recognizers on servers: what goes over the network and when, what cancels it, and what is left afterwards."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from wyoming.event import Event

from tests.engines.stt.served.recognition_servers import (
    Send,
    http_server,
    realtime_server,
    wyoming_server,
)
from vita_tui.conversation.build import served_recognizer
from vita_tui.engines.network import NETWORK
from vita_tui.engines.served import Served
from vita_tui.engines.stt.base import Recognizer, Stop
from vita_tui.errors import EngineError, EngineTimeoutError, EngineUnavailableError
from vita_tui.health.registry import registry
from vita_tui.settings.endpoints import Endpoint

RNG = np.random.default_rng(7)
SOUND = (RNG.standard_normal(32_000) * 0.1).astype(np.float32)
"""Two seconds."""
TEXT = (200, "application/json", b'{"text": "yes"}')


@contextmanager
def recognizer(url: str, **more: Any) -> Iterator[Recognizer]:
    engine = served_recognizer("box", Endpoint(url=url, **({"timeout": 60} | more)))
    try:
        yield engine
    finally:
        engine.cleanup()


def heard(text: str) -> list[Event]:
    return [Event("transcript", {"text": text})]


def completed(send: Send, text: str, item: str) -> None:
    send(type="input_audio_buffer.committed", item_id=item)
    send(type="conversation.item.input_audio_transcription.completed", item_id=item, transcript=text)


# ---- OpenAI's route


def test_the_request_says_what_is_wanted() -> None:
    with http_server(TEXT) as server:
        with recognizer(server.url, model="large", key="sk-1") as engine:
            engine.words = ("Siobhan", "Qwen")
            assert engine.transcribe(SOUND, language="de").text == "yes"
        body = server.requests[0].decode("latin-1")
        for part in ('name="model"\r\n\r\nlarge', "\r\n\r\nde\r\n", "Siobhan, Qwen", "verbose_json", "RIFF"):
            assert part in body
        assert server.paths == ["/v1/audio/transcriptions"]
        assert set(server.keys) == {"Bearer sk-1"}


def test_no_language_is_told_where_it_is_to_be_found_out() -> None:
    with http_server(TEXT) as server, recognizer(server.url) as engine:
        engine.language = "auto"
        engine.transcribe(SOUND)
        assert b'name="language"' not in server.requests[0]


@pytest.mark.parametrize("kind", [Stop, threading.Event])
def test_a_request_that_is_cancelled_hangs_up(kind: type[threading.Event]) -> None:
    with http_server(TEXT, hang=True) as server, recognizer(server.url) as engine:
        cancelled = kind()
        done: list[str] = []
        thread = threading.Thread(
            target=lambda: done.append(engine.transcribe(SOUND, cancelled=cancelled).text), daemon=True
        )
        thread.start()
        assert server.came.wait(60)
        cancelled.set()
        thread.join(60)
        assert done == [""]
        assert server.hung_up.wait(60)


def test_a_server_that_hangs_times_out_and_is_hung_up_on() -> None:
    with http_server(TEXT, hang=True) as server:
        with recognizer(server.url, timeout=0.3) as engine:
            with pytest.raises(EngineTimeoutError, match=r"took longer than 0\.3 s") as raised:
                engine.transcribe(SOUND[:1600])
            assert "stt.endpoints.box.timeout" in str(raised.value)
        assert server.hung_up.wait(60)


def test_a_wrong_key_is_known_before_anything_is_said() -> None:
    with http_server(TEXT, models=401) as server, recognizer(server.url, key="sk-canary") as engine:
        with pytest.raises(EngineError, match="refused the API key") as raised:
            engine.load()
        assert "canary" not in str(raised.value)


def test_nobody_there() -> None:
    for url in ("http://127.0.0.1:9/v1", "ws://127.0.0.1:9/v1", "tcp://127.0.0.1:9"):
        with recognizer(url) as engine, pytest.raises(EngineUnavailableError) as raised:
            engine.load()
        assert "No speech recognition answers at 127.0.0.1:9" in str(raised.value)


def test_a_key_file_is_read_and_its_absence_told(tmp_path: Any) -> None:
    file = tmp_path / "key"
    file.write_text(" sk-2\n")
    with http_server(TEXT) as server:
        with recognizer(server.url, key_file=str(file)) as engine:
            engine.transcribe(SOUND)
        assert "Bearer sk-2" in server.keys
        file.unlink()
        with (
            recognizer(server.url, key_file=str(file)) as engine,
            pytest.raises(EngineError, match="key of box cannot be read"),
        ):
            engine.load()


# ---- Wyoming


def test_sound_goes_over_wyoming_while_it_is_spoken() -> None:
    sounds: list[int] = []

    def answer(sound: bytes, _: int) -> list[Event]:
        sounds.append(len(sound) // 2)
        return heard("yes")

    with wyoming_server(answer) as server, recognizer(server.url, model="tiny") as engine:
        for end in (8_000, 16_000, 24_000):
            partial = engine.transcribe(SOUND[:end], partial=True)
            assert partial.text == ""
            assert partial.guard, "nothing is known yet"
        assert engine.transcribe(SOUND).text == "yes"
        assert sounds == [32_000], "all of it once"
        assert server.connections == 1
        kinds = [kind for kind, _ in server.requests]
        assert kinds == ["transcribe", "audio-start", "audio-stop"]
        assert server.requests[0][1] == {"name": "tiny", "language": "en"}
        # Another utterance: another connection, though the first one was never ended.
        engine.transcribe(SOUND[:8_000], partial=True)
        assert engine.transcribe(-SOUND[:16_000]).text == "yes"
        assert sounds == [32_000, 16_000]


def test_a_wyoming_server_that_was_started_again_gets_all_of_it_once_more() -> None:
    def answer(sound: bytes, number: int) -> list[Event] | None:
        return None if number == 1 else heard(f"{len(sound) // 2}")

    with wyoming_server(answer) as server, recognizer(server.url) as engine:
        engine.transcribe(SOUND[:16_000], partial=True)
        assert engine.transcribe(SOUND).text == "32000"
        assert server.connections == 2


# ---- Realtime


def test_words_come_back_over_realtime_while_it_is_spoken() -> None:
    told: list[int] = []

    def on_audio(send: Send, sound: bytes) -> None:
        if not told and len(sound) // 2 > 12_000:
            told.append(1)
            send(type="conversation.item.input_audio_transcription.delta", item_id="i1", delta="what time")

    with (
        realtime_server(
            lambda send, sound, _: completed(send, f"what time is it {len(sound) // 2}", "i1"),
            on_audio=on_audio,
        ) as server,
        recognizer(server.url, key="sk-3") as engine,
    ):
        deadline = time.monotonic() + 60
        partial = engine.transcribe(SOUND[:16_000], partial=True)
        while not partial.text and time.monotonic() < deadline:
            partial = engine.transcribe(SOUND[:16_000], partial=True)
        assert partial.text == "what time"
        final = engine.transcribe(SOUND)
        assert final.text == "what time is it 48000"
        assert server.keys == ["Bearer sk-3"]
        assert server.paths[0] == "/v1/realtime?intent=transcription"
        asked = server.requests[0]["session"]
        assert asked["type"] == "transcription"
        assert asked["audio"]["input"]["turn_detection"] is None
        assert server.connections == 1


def test_an_utterance_that_goes_on_after_a_pause_is_committed_in_pieces() -> None:
    lengths: list[int] = []

    def answer(send: Send, sound: bytes, _: int) -> None:
        lengths.append(len(sound) // 2)
        completed(send, f"part {len(lengths)}", f"i{len(lengths)}")

    with realtime_server(answer) as server, recognizer(server.url) as engine:
        assert engine.transcribe(SOUND[:16_000]).text == "part 1"
        assert engine.transcribe(SOUND[:16_000]).text == "part 1", "asked again, and not committed again"
        assert engine.transcribe(SOUND[:16_400]).text == "part 1", "too little to be a piece"
        assert engine.transcribe(SOUND).text == "part 1 part 2"
        assert abs(sum(lengths) - 48_000) < 100
        # Another utterance.
        assert engine.transcribe(-SOUND).text == "part 3"
        assert server.connections == 1


def test_what_was_begun_and_given_up_is_cleared() -> None:
    with realtime_server(lambda send, sound, _: completed(send, f"{len(sound) // 2}", "i")) as server:
        with recognizer(server.url) as engine:
            engine.transcribe(SOUND[:16_000], partial=True)
            assert engine.transcribe(-SOUND).text == "48000"
        assert [one["type"] for one in server.requests][1:] == [
            "input_audio_buffer.clear",
            "input_audio_buffer.commit",
        ]


def test_a_connection_that_broke_in_mid_utterance_is_made_again_and_all_of_it_sent() -> None:
    def answer(send: Send, sound: bytes, number: int) -> None:
        if number == 1:
            raise ConnectionError
        completed(send, f"{len(sound) // 2}", "i1")

    with realtime_server(answer) as server, recognizer(server.url) as engine:
        engine.transcribe(SOUND[:16_000], partial=True)
        assert engine.transcribe(SOUND).text == "48000"
        assert server.connections == 2


def test_a_late_transcript_of_a_cancelled_commit_is_not_taken_for_the_next() -> None:
    held: list[Send] = []
    commits = threading.Semaphore(0)

    def answer(send: Send, _: bytes, __: int) -> None:
        held.append(send)
        if len(held) == 2:
            completed(held[0], "the first", "i1")
            completed(send, "the second", "i2")
        commits.release()

    with realtime_server(answer) as server, recognizer(server.url) as engine:
        cancelled = Stop()
        thread = threading.Thread(target=lambda: engine.transcribe(SOUND, cancelled=cancelled), daemon=True)
        thread.start()
        assert commits.acquire(timeout=60)
        cancelled.set()
        thread.join(60)
        assert engine.transcribe(-SOUND).text == "the second"
        assert server.connections == 1


# ---- what is left


def test_the_loop_ends_with_its_last_user_and_nothing_is_left() -> None:
    before = {entry.name for entry in registry.open()}
    with http_server(TEXT) as one, wyoming_server(lambda *_: heard("yes")) as two:
        with recognizer(one.url) as first, recognizer(two.url) as second:
            assert isinstance(first, Served)
            assert first.transcribe(SOUND).text == second.transcribe(SOUND).text == "yes"
            assert "network" in {entry.name for entry in registry.open()}
            first.cleanup()
            first.cleanup()
            assert second.transcribe(SOUND).text == "yes"
        assert {entry.name for entry in registry.open()} == before
        assert NETWORK._thread is None
        with recognizer(one.url) as again:
            assert again.transcribe(SOUND).text == "yes"
            again.cleanup()
            assert again.transcribe(SOUND).text == "yes", "loaded again by itself"
