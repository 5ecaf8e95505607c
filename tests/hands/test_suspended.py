"""Suspended in the middle of anything (ctrl+z, a closed lid), the program goes on as if no time had passed: nothing timed out, nothing failed."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engines.llm.servers import Request, chunk, event_stream, serving

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs SIGSTOP")
TIMEOUT = 1.5
STOPPED = 3.0
"""Seconds, twice the timeout of the engine."""


async def suspended(child: asyncio.subprocess.Process) -> None:
    """Have `child` not run for a while."""
    os.kill(child.pid, signal.SIGSTOP)
    assert await ended(child, STOPPED) is False
    os.kill(child.pid, signal.SIGCONT)
    # It goes on for a while before anybody answers: a deadline that is over shows now.
    assert await ended(child, TIMEOUT / 3) is False


async def ended(child: asyncio.subprocess.Process, seconds: float) -> bool:
    """Whether `child` ends within `seconds`."""
    try:
        await asyncio.wait_for(child.wait(), seconds)
    except TimeoutError:
        return False
    return True


@pytest.mark.long
@pytest.mark.parametrize("state", ["before the reply", "in the reply"])
async def test_a_server_that_could_answer_only_after_the_program_was_suspended_is_waited_for(
    state: str, home: Path
) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        if "chat/completions" not in request.path:
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        begun = event_stream(chunk("It is "))
        if state == "in the reply":
            writer.write(begun)
            await writer.drain()
            begun = b""
        asked.set()
        await go_on.wait()
        writer.write(begun + chunk("Paris.", "stop") + b"data: [DONE]\n\n")
        await writer.drain()

    async with serving(answer) as server:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "vita_tui", "ask", "What is the capital of France?", "--json",
            env={
                **os.environ,
                "VITA_LLM__BASE_URL": server.base_url,
                "VITA_LLM__MODEL": "fake",
                "VITA_LLM__TIMEOUT": str(TIMEOUT),
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        await asyncio.wait_for(asked.wait(), 60)
        await suspended(child)
        go_on.set()
        out, said = await asyncio.wait_for(child.communicate(), 60)
    assert child.returncode == 0, said.decode()
    assert "It is Paris." in json.dumps(json.loads(out)), out
    assert len([request for request in server.requests if "chat/completions" in request.path]) == 1


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")
def test_a_voice_that_could_speak_only_after_the_program_was_suspended_is_waited_for(
    home: Path, tmp_path: Path
) -> None:
    program = f"""
import threading
from vita_tui.engines.tts.pyttsx3 import Pyttsx3Synthesizer
voice = Pyttsx3Synthesizer(timeout={TIMEOUT})
voice.load()
print(voice.pid, flush=True)
input()
print(sum(map(len, voice.speak("Hello there.", cancelled=threading.Event()))) > 0, voice.starts, flush=True)
voice.cleanup()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        voice = int(child.stdout.readline())
        # The voice cannot answer while the program is about to be suspended, as with a closed lid.
        os.kill(voice, signal.SIGSTOP)
        child.stdin.write("\n")
        child.stdin.flush()
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(0.5)
        os.kill(child.pid, signal.SIGSTOP)
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(STOPPED)
        os.kill(voice, signal.SIGCONT)
        os.kill(child.pid, signal.SIGCONT)
        assert child.stdout.readline().split() == ["True", "1"]


def test_a_recognizer_that_could_answer_only_after_the_program_was_suspended_is_waited_for(
    home: Path,
) -> None:
    program = f"""
import sys, threading
import numpy as np
from vita_tui.engines.chain import Chain
from vita_tui.engines.stt.fake import FakeRecognizer, ScriptedCall
from vita_tui.engines.stt.scheduling.worker import WhisperWorker
from vita_tui.events import EventBus
from vita_tui.settings import HealthSettings
heard = threading.Event()
engine = FakeRecognizer([ScriptedCall("in time", until=heard)])
chain = Chain("stt", [engine], HealthSettings(), bus=EventBus())
worker = WhisperWorker(chain, timeout={TIMEOUT})
worker.start().result()
final = worker.final(np.zeros(16_000, np.float32))
engine.began.acquire()
print("decoding", flush=True)
sys.stdin.readline()
heard.set()
print(final.result().text, worker.counts().overruns, chain.breakers()[0].failures, flush=True)
worker.cleanup()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline().strip() == "decoding"
        os.kill(child.pid, signal.SIGSTOP)
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(STOPPED)
        os.kill(child.pid, signal.SIGCONT)
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(TIMEOUT / 3)
        child.stdin.write("\n")
        child.stdin.flush()
        assert child.stdout.readline().strip() == "in time 0 0"
