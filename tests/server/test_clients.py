"""Clients that were not written here: the SDKs of OpenAI, its realtime agents, Wyoming's own client, curl; and VITA as its own client.

What is not installed skips with its name; `pytest tests/server --clients` installs it: packages of npm into `VITA_TEST_CLIENTS`, or else a
folder of the user's cache.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("starlette", reason="needs the extra serve")

from tests.server.realtime_client import SOUND
from tests.server.stage import Scripted, serving, tone, wav
from vita_tui.engines.llm.base import ToolCall
from vita_tui.server.keys import Keys

pytestmark = pytest.mark.long

KEY = "k" * 24
KEYS = Keys.of({"client": KEY})
SCRIPTS = Path(__file__).parent / "clients"
NPM = ["openai", "@openai/agents-realtime", "ws", "zod"]
SECONDS = 120


@pytest.fixture(scope="session")
def installs(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--clients"))


@pytest.fixture(scope="session")
def npm(installs: bool) -> Path:
    """A folder with the packages of npm."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("needs node and npm")
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vita-test-clients"
    folder = Path(os.environ.get("VITA_TEST_CLIENTS") or default)
    if installs:
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix", str(folder), *NPM]
        subprocess.run(command, check=True, timeout=600)
    missing = [name for name in NPM if not (folder / "node_modules" / name).is_dir()]
    if missing:
        pytest.skip(f"needs {', '.join(missing)} of npm: pytest tests/server --clients")
    return folder


@pytest.fixture(scope="session")
def sdk(installs: bool) -> Any:
    """The openai SDK of Python."""
    if installs:
        subprocess.run([sys.executable, "-m", "pip", "install", "-q", "openai"], check=True, timeout=600)
    return pytest.importorskip("openai", reason="needs the package openai: pytest tests/server --clients")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    folder = tmp_path_factory.mktemp("tls")
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    ]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([*command, *files, "-addext", names], check=True, capture_output=True)
    return folder / "cert.pem", folder / "key.pem"


async def node(folder: Path, script: str, *arguments: str, **more: str) -> dict[str, Any]:
    """What a script prints; it runs where the packages are."""
    file = folder / script
    await asyncio.to_thread(shutil.copyfile, SCRIPTS / script, file)
    process = await asyncio.create_subprocess_exec(
        "node",
        str(file),
        *arguments,
        cwd=folder,
        env={**os.environ, **more},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, complaints = await asyncio.wait_for(process.communicate(), SECONDS)
    except TimeoutError:
        process.kill()
        raise
    assert process.returncode == 0, complaints.decode()
    found: dict[str, Any] = json.loads(out)
    return found


async def test_the_openai_sdk_of_npm(npm: Path, certificate: tuple[Path, Path], tmp_path: Path) -> None:
    """Over TLS: it knows no other WebSockets."""
    file = tmp_path / "speech.wav"
    file.write_bytes(wav())
    async with serving(keys=KEYS, certificate=certificate[0], certificate_key=certificate[1]) as stage:
        found = await node(
            npm, "openai_sdk.mjs", stage.url, str(file), NODE_EXTRA_CA_CERTS=str(certificate[0])
        )
    realtime = found.pop("realtime")
    assert realtime[0] == "session.created"
    assert realtime[-1] == "response.done"
    assert "response.output_audio.delta" in realtime
    assert found == {
        "models": ["speech recognition", "language model", "voice"],
        "transcript": "what time is it",
        "streamed": ["transcript.text.delta", "transcript.text.done"],
        "speech": 14_400,
        "chat": "It is noon.",
        "deltas": "It is noon.",
        "refused": 400,
    }


async def test_the_realtime_agents_of_npm(npm: Path) -> None:
    """An agent whose tool is called, and whose answer is spoken."""
    script = [[ToolCall("call_1", "clock", "{}")], "It is noon."]
    async with serving(keys=KEYS, said=script) as stage:
        found = await node(npm, "agents_realtime.mjs", stage.url)
        assert found["output"] == "It is noon."
        assert found["called"] == ["clock"]
        assert found["bytes"] == 14_400
        assert stage.model.requests[-1][-1] == {"role": "tool", "content": "noon", "tool_call_id": "call_1"}


async def test_the_openai_sdk_of_python(sdk: Any) -> None:
    async with serving(keys=KEYS) as stage:
        client = sdk.AsyncOpenAI(base_url=f"{stage.url}/v1", api_key=KEY, timeout=SECONDS)
        recording = ("speech.wav", wav(), "audio/wav")
        assert (await client.audio.transcriptions.create(model="w", file=recording)).text == "what time is it"
        verbose = await client.audio.transcriptions.create(
            model="w",
            file=recording,
            response_format="verbose_json",
            timestamp_granularities=["word", "segment"],
        )
        assert [word.word for word in verbose.words] == ["what", "time", "is", "it"]
        assert await client.audio.transcriptions.create(model="w", file=recording, response_format="srt")
        stream = await client.audio.transcriptions.create(model="w", file=recording, stream=True)
        assert [event.type async for event in stream] == ["transcript.text.delta", "transcript.text.done"]
        async with client.audio.speech.with_streaming_response.create(
            model="t", voice="alloy", input="It is noon.", response_format="pcm"
        ) as speech:
            assert sum([len(piece) async for piece in speech.iter_bytes()]) == 14_400
        hi: Any = [{"role": "user", "content": "Hi"}]
        chat = await client.chat.completions.create(model="m", messages=hi)
        assert chat.choices[0].message.content == "It is noon."
        chunks = await client.chat.completions.create(
            model="m", messages=hi, stream=True, stream_options={"include_usage": True}
        )
        pieces = [chunk async for chunk in chunks]
        assert (
            "".join(chunk.choices[0].delta.content or "" for chunk in pieces if chunk.choices)
            == "It is noon."
        )
        assert pieces[-1].usage.total_tokens > 0
        with pytest.raises(sdk.BadRequestError):
            await client.chat.completions.create(model="m", messages=[])
        with pytest.raises(sdk.AuthenticationError):
            await client.with_options(api_key="z" * 24).models.list()
        await client.close()


async def test_a_session_by_the_openai_sdk_of_python(sdk: Any) -> None:
    async with serving(keys=KEYS) as stage:
        client = sdk.AsyncOpenAI(base_url=f"{stage.url}/v1", api_key=KEY, timeout=SECONDS)
        async with asyncio.timeout(SECONDS), client.realtime.connect(model="vita") as session:
            heard = {"turn_detection": None, "transcription": {"model": "whisper-1"}}
            await session.session.update(session={"type": "realtime", "audio": {"input": heard}})
            await session.input_audio_buffer.append(audio=SOUND)
            await session.input_audio_buffer.commit()
            await session.response.create()
            sound, item, said = 0, "", ""
            async for event in session:
                match event.type:
                    case "response.output_audio.delta":
                        sound, item = sound + len(base64.b64decode(event.delta)), event.item_id
                    case "response.output_audio_transcript.done":
                        said = event.transcript
                    case "response.done":
                        break
                    case "error":
                        pytest.fail(event.error.message)
            assert (sound, said) == (14_400, "It is noon.")
            await session.conversation.item.truncate(item_id=item, content_index=0, audio_end_ms=120)
            async for event in session:
                if event.type == "conversation.item.truncated":
                    break
        await client.close()


async def test_the_client_of_wyoming() -> None:
    from wyoming.asr import Transcribe, Transcript
    from wyoming.audio import AudioChunk, AudioStart, AudioStop
    from wyoming.client import AsyncTcpClient
    from wyoming.info import Describe, Info
    from wyoming.tts import Synthesize

    async with serving() as stage, AsyncTcpClient("127.0.0.1", stage.wyoming, read_timeout=SECONDS) as client:
        await client.write_event(Describe().event())
        event = await client.read_event()
        assert event is not None
        info = Info.from_event(event)
        assert info.asr[0].models[0].name == "fake"
        assert info.tts[0].voices[0].name == "fake voice"
        await client.write_event(Transcribe(language="en").event())
        await client.write_event(AudioStart(16_000, 2, 1).event())
        await client.write_event(AudioChunk(16_000, 2, 1, bytes(32_000)).event())
        await client.write_event(AudioStop().event())
        event = await client.read_event()
        assert event is not None
        assert Transcript.from_event(event).text == "what time is it"
        await client.write_event(Synthesize("It is noon.").event())
        sound = 0
        while (event := await client.read_event()) is not None and event.type != "audio-stop":
            sound += len(event.payload or b"")
        assert sound == 14_400


async def test_the_wake_word_by_the_client_of_wyoming() -> None:
    pytest.importorskip("pyopen_wakeword", reason="needs the extra wake")
    from wyoming.audio import AudioChunk, AudioStart, AudioStop
    from wyoming.client import AsyncTcpClient
    from wyoming.wake import Detect

    async with serving() as stage, AsyncTcpClient("127.0.0.1", stage.wyoming, read_timeout=SECONDS) as client:
        await client.write_event(Detect(names=["okay_nabu"]).event())
        await client.write_event(AudioStart(16_000, 2, 1).event())
        await client.write_event(AudioChunk(16_000, 2, 1, bytes(64_000)).event())
        await client.write_event(AudioStop().event())
        event = await client.read_event()
        assert event is not None
        assert event.type == "not-detected"


async def test_curl(tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    file = tmp_path / "speech.wav"
    file.write_bytes(wav())

    async def curl(*arguments: str) -> bytes:
        command = [
            "curl",
            "-sS",
            "--fail-with-body",
            "--max-time",
            str(SECONDS),
            "-H",
            f"Authorization: Bearer {KEY}",
        ]
        process = await asyncio.create_subprocess_exec(*command, *arguments, stdout=asyncio.subprocess.PIPE)
        return (await process.communicate())[0]

    async with serving(keys=KEYS) as stage:
        heard = await curl("-F", f"file=@{file}", "-F", "model=w", f"{stage.url}/v1/audio/transcriptions")
        assert json.loads(heard)["text"] == "what time is it"
        said = await curl(
            "-d", '{"input":"It is noon.","response_format":"wav"}', f"{stage.url}/v1/audio/speech"
        )
        assert len(said) == 44 + 14_400
        question = '{"stream":true,"messages":[{"role":"user","content":"Hi"}]}'
        chunks = await curl("-N", "-d", question, f"{stage.url}/v1/chat/completions")
        assert chunks.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("scheme", ["http", "ws", "tcp"])
async def test_vita_understands_by_another_vita(scheme: str) -> None:
    from vita_tui.conversation.build import served_recognizer
    from vita_tui.settings.endpoints import Endpoint

    async with serving() as stage:
        recognizer = served_recognizer("box", Endpoint(url=_address(stage, scheme)))
        try:
            await asyncio.to_thread(recognizer.load)
            found = await asyncio.to_thread(recognizer.transcribe, tone(1.0))
        finally:
            await asyncio.to_thread(recognizer.cleanup)
        assert found.text == "what time is it"


@pytest.mark.parametrize("scheme", ["http", "tcp"])
async def test_vita_speaks_by_another_vita(scheme: str) -> None:
    from threading import Event

    from vita_tui.conversation.build import synthesizer_engines
    from vita_tui.settings import Settings

    async with serving() as stage:
        settings = Settings.model_validate(
            {"tts": {"engines": ["box"], "endpoints": {"box": {"url": _address(stage, scheme)}}}}
        )
        voice = synthesizer_engines(settings)[0]

        def speak() -> float:
            voice.load()
            pieces = list(voice.speak("It is noon.", cancelled=Event()))
            return float(len(np.concatenate(pieces)) / voice.sample_rate)

        try:
            seconds = await asyncio.to_thread(speak)
        finally:
            await asyncio.to_thread(voice.cleanup)
        assert seconds == pytest.approx(0.3, abs=0.02)


def _address(stage: Scripted, scheme: str) -> str:
    match scheme:
        case "tcp":
            return f"tcp://127.0.0.1:{stage.wyoming}"
        case "ws":
            return f"{stage.ws}/v1"
        case _:
            return f"{stage.url}/v1"
