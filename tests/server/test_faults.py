"""Clients that want too much, stall, vanish, or send what is none: the server goes on, and nothing of them is left."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx2
import pytest

from tests.server.realtime_client import realtime_client
from tests.server.stage import Scripted, serving, wav
from vita_tui.engines.llm.fake import FakeResponder
from vita_tui.engines.stt.fake import FakeRecognizer, ScriptedCall
from vita_tui.engines.tts.fake import FakeSynthesizer
from vita_tui.server.keys import Keys

SECONDS = 60


def form(data: bytes, name: str = "a.wav") -> dict[str, Any]:
    return {"files": {"file": (name, data, "audio/wav")}, "data": {"model": "m"}}


QUESTION = {"messages": [{"role": "user", "content": "Hi"}]}


async def until(true: Callable[[], bool]) -> None:
    """Wait for what becomes true by itself."""
    async with asyncio.timeout(SECONDS):
        while not true():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def client_of(stage: Scripted, **more: Any) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=stage.url, timeout=SECONDS, **more) as client:
        yield client


async def raw(stage: Scripted, data: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", stage.server.port)
    writer.write(data)
    await writer.drain()
    return reader, writer


def test_keys_are_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    keys = Keys.of({"admin": "secret-of-the-admin"})
    assert "secret" not in f"{keys!r} {keys} {keys.digests}"
    assert keys.client("secret-of-the-admin") == "admin"
    assert keys.client("secret") is None


async def test_the_log_has_each_request_and_no_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with serving(keys=Keys.of({"kitchen": "k" * 24})) as stage, client_of(stage) as client:
        await client.get("/v1/models", headers={"Authorization": "Bearer " + "k" * 24})
        await client.get("/v1/models?key=" + "k" * 24, headers={"Authorization": "Bearer " + "z" * 24})
    lines = [json.loads(record.message) for record in caplog.records if record.name.endswith("requests")]
    assert [(line["client"], line["status"]) for line in lines] == [("kitchen", 200), (None, 401)]
    server = [record.getMessage() for record in caplog.records if not record.name.startswith("http")]
    assert "k" * 24 not in "".join(server)
    assert "z" * 24 not in "".join(server)


async def test_who_asks_for_too_much_is_told_when_to_come_again() -> None:
    gate = threading.Event()
    recognizer = FakeRecognizer([ScriptedCall("late", until=gate)])
    async with (
        serving(recognizer=recognizer, waiting_per_client=1, decodes=8) as stage,
        client_of(stage) as client,
    ):
        # Two are with the recognizer, one waits.
        asked = [
            asyncio.create_task(client.post("/v1/audio/transcriptions", **form(wav()))) for _ in range(3)
        ]
        turns = stage.app.engines.recognition.turns
        await until(lambda: turns.taken == 2 and turns.waiting == 1)
        refused = await client.post("/v1/audio/transcriptions", **form(wav()))
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) >= 1
        gate.set()
        answers = await asyncio.gather(*asked)
        assert [answer.status_code for answer in answers] == [200] * 3


async def test_too_many_connections_are_refused() -> None:
    async with (
        serving(connections=1) as stage,
        realtime_client(stage.ws) as session,
        client_of(stage) as client,
    ):
        await session.until("session.created")
        refused = await client.get("/v1/models")
        assert refused.status_code == 429
        assert "retry-after" in refused.headers


async def test_a_client_that_vanishes_ends_its_reply() -> None:
    gate = asyncio.Event()
    model = FakeResponder(["one two three"], gate=gate)
    async with serving(model=model) as stage:
        body = json.dumps({**QUESTION, "stream": True}).encode()
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        _, writer = await raw(stage, head.encode() + body)
        await until(lambda: len(model.requests) == 1)
        writer.transport.abort()
        await until(lambda: not len(stage.app.connections))
        await until(lambda: stage.app.engines.model.turns.idle)
        assert model.words == 0
        gate.set()
        async with client_of(stage) as client:
            assert (await client.post("/v1/chat/completions", json=QUESTION)).status_code == 200


async def test_a_client_that_vanishes_ends_its_transcript() -> None:
    gate = threading.Event()
    recognizer = FakeRecognizer([ScriptedCall("late", until=gate), ScriptedCall("now")])
    async with serving(recognizer=recognizer) as stage, client_of(stage) as client:
        asked = asyncio.create_task(client.post("/v1/audio/transcriptions", **form(wav())))
        await until(lambda: len(recognizer.calls) == 1)
        asked.cancel()
        with suppress(asyncio.CancelledError):
            await asked
        await until(lambda: not len(stage.app.connections))
        gate.set()
        answer = await client.post("/v1/audio/transcriptions", **form(wav()))
        assert answer.json()["text"] == "now"


async def test_a_session_that_vanishes_ends_its_reply_and_frees_the_voice() -> None:
    gate = threading.Event()
    voice = FakeSynthesizer(gate=gate)
    async with serving(voice=voice, said=["One. Two. Three."]) as stage:
        async with realtime_client(stage.ws) as session:
            await session.send(
                type="conversation.item.create",
                item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
            )
            await session.send(type="response.create")
            await until(voice.asked.is_set)
            session.socket.transport.abort()
        await until(lambda: not len(stage.app.connections))
        await until(lambda: stage.app.engines.voice.turns.idle)
        assert len(voice.clauses) == 1
        gate.set()


async def test_a_client_that_takes_nothing_is_cut_off_and_keeps_nobody_waiting() -> None:
    """A text of an hour as PCM fills every buffer on the way."""
    long = "All of this is said to somebody who does not listen. " * 300
    async with serving(stalled_seconds=0.3) as stage:
        body = json.dumps({"input": long[:16_000], "response_format": "pcm"}).encode()
        head = f"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        connection = socket.create_connection(("127.0.0.1", stage.server.port))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(head.encode() + body)
        async with client_of(stage) as client:
            await until(lambda: any(one.state == "sending" for one in stage.app.connections))
            said = await client.post("/v1/audio/speech", json={"input": "Hello.", "response_format": "pcm"})
            assert said.status_code == 200
            await until(lambda: stage.app.connections.cut == 1)
            await until(lambda: not len(stage.app.connections))
        connection.close()


async def test_a_head_that_drips_is_cut_off() -> None:
    async with serving(header_seconds=0.2) as stage:
        reader, writer = await raw(stage, b"GET /v1/models HTTP/1.1\r\nHost: local")
        with suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), SECONDS) == b""
        writer.close()


async def test_a_second_head_that_drips_is_cut_off() -> None:
    async with serving(header_seconds=0.2) as stage:
        reader, writer = await raw(stage, b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200 OK" in await asyncio.wait_for(reader.readuntil(b"\r\n"), SECONDS)
        writer.write(b"GET /v1/mod")
        with suppress(ConnectionError):
            await asyncio.wait_for(reader.read(), SECONDS)
        writer.close()


async def test_a_body_that_drips_is_refused() -> None:
    async with serving(upload_seconds=0.2) as stage:
        head = b"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{"
        reader, writer = await raw(stage, head)
        answer = await asyncio.wait_for(reader.read(), SECONDS)
        assert b"408" in answer.partition(b"\r\n")[0]
        writer.close()


async def test_a_body_that_is_too_large_is_refused() -> None:
    async with serving(upload_bytes=50_000) as stage, client_of(stage) as client:
        answer = await client.post("/v1/audio/transcriptions", **form(wav(4.0)))
        assert answer.status_code == 413


async def test_a_recording_of_hours_in_few_bytes_is_refused(tmp_path: Any) -> None:
    """FLAC packs silence a thousandfold."""
    import numpy as np

    from vita_tui.audio.encoding import write_audio

    file = tmp_path / "bomb.flac"
    write_audio(file, np.zeros(16_000 * 120, np.float32), 16_000)
    assert file.stat().st_size < 100_000
    async with serving(audio_seconds=60.0, heard=[""]) as stage, client_of(stage) as client:
        answer = await client.post("/v1/audio/transcriptions", **form(file.read_bytes(), "bomb.flac"))
        assert answer.status_code == 400
        assert "longer" in answer.json()["error"]["message"]
        assert sum(call.audio_seconds for call in stage.recognizer.calls) <= 80


async def test_a_packed_body_is_not_unpacked() -> None:
    async with serving() as stage, client_of(stage) as client:
        packed = zlib.compress(b" " * 50_000_000)
        answer = await client.post(
            "/v1/chat/completions", content=packed, headers={"Content-Encoding": "deflate"}
        )
        assert answer.status_code == 400


async def test_a_message_in_a_million_pieces_is_cut_off() -> None:
    from websockets.frames import Frame, Opcode

    async with serving() as stage, realtime_client(stage.ws) as session:
        await session.until("session.created")
        piece = Frame(Opcode.CONT, b"", fin=False).serialize(mask=True)
        session.socket.transport.write(Frame(Opcode.TEXT, b"{", fin=False).serialize(mask=True))
        for _ in range(50):
            session.socket.transport.write(piece * 200)
        await until(lambda: not len(stage.app.connections))


async def test_sound_that_nobody_commits_does_not_grow() -> None:
    from tests.server.realtime_client import packed
    from tests.server.stage import tone

    async with serving(buffer_seconds=2.0) as stage, realtime_client(stage.ws) as session:
        await session.send(
            type="session.update", session={"type": "realtime", "audio": {"input": {"turn_detection": None}}}
        )
        for _ in range(4):
            await session.send(type="input_audio_buffer.append", audio=packed(tone(1.0, 24_000)))
        error = await session.until("error")
        assert error["error"]["code"] == "input_audio_buffer_full"


async def test_replies_in_progress_are_finished_when_the_server_ends() -> None:
    gate = asyncio.Event()
    model = FakeResponder(["It is noon."], gate=gate)
    async with serving(model=model) as stage:
        client = httpx2.AsyncClient(base_url=stage.url, timeout=SECONDS)
        asked = asyncio.create_task(client.post("/v1/chat/completions", json=QUESTION))
        session = await realtime_client(stage.ws).__aenter__()
        await session.until("session.created")
        await until(lambda: len(model.requests) == 1)
        stage.app.guarding.draining = True
        refused = await client.post("/v1/chat/completions", json=QUESTION)
        assert refused.status_code == 503
        asyncio.get_running_loop().call_soon(gate.set)
    answer = await asked
    assert answer.json()["choices"][0]["message"]["content"] == "It is noon."
    assert not len(stage.app.connections)
    await client.aclose()


async def test_a_connection_is_closed_by_its_id_whatever_it_does() -> None:
    gate = asyncio.Event()
    model = FakeResponder(["It is noon."], gate=gate)
    async with (
        serving(model=model) as stage,
        client_of(stage) as client,
        realtime_client(stage.ws) as session,
    ):
        await session.until("session.created")
        asked = asyncio.create_task(client.post("/v1/chat/completions", json=QUESTION))
        await until(lambda: len(model.requests) == 1)
        for one in [shown["id"] for shown in stage.app.connections.shown()]:
            assert await stage.app.connections.close(one)
        assert not len(stage.app.connections)
        answer = await asked
        assert answer.status_code == 503
        assert stage.app.engines.model.turns.idle


async def test_wyoming_is_for_the_networks_that_were_named() -> None:
    from vita_tui.errors import SettingsError
    from vita_tui.server.wyoming.wyoming_listener import Networks

    networks = Networks.of(["192.168.1.0/24", "fd00::/8"])
    let_in = ["127.0.0.1", "::1", "192.168.1.7", "::ffff:192.168.1.7", "fd00::7%eth0"]
    kept_out = ["192.168.2.7", "8.8.8.8", "2001:db8::1", "", "home.example"]
    assert [networks.let_in(one) for one in let_in] == [True] * len(let_in)
    assert [networks.let_in(one) for one in kept_out] == [False] * len(kept_out)
    with pytest.raises(SettingsError):
        Networks.of(["the kitchen"])


async def test_a_client_of_wyoming_that_drips_is_hung_up_on() -> None:
    async with serving(header_seconds=0.2) as stage:
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.wyoming)
        writer.write(b'{"type":')
        answer = await asyncio.wait_for(reader.read(), SECONDS)
        assert b"timeout" in answer
        writer.close()


async def test_sound_that_a_client_of_wyoming_never_ends_does_not_grow() -> None:
    from wyoming.audio import AudioChunk
    from wyoming.event import async_read_event, async_write_event

    async with serving(buffer_seconds=2.0) as stage:
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.wyoming)
        for _ in range(4):
            await async_write_event(AudioChunk(16_000, 2, 1, bytes(32_000)).event(), writer)
        event = await asyncio.wait_for(async_read_event(reader), SECONDS)
        assert event is not None
        assert event.data["code"] == "too_large"
        writer.close()
