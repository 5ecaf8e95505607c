"""A room with a microphone, a speaker, someone who asks, and someone who listens."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.e2e.terminal import Terminal
from tests.virtual_audio import VirtualAudio, sound, sound_here, virtual_audio
from vita_tui.text.spoken import spoken

__all__ = ["Ask", "Understand", "answering", "sound", "sound_here", "word_error_rate"]

Ask = Callable[[str], NDArray[np.float32]]
Understand = Callable[[NDArray[np.float32]], str]


@pytest.fixture(scope="module")
def room() -> Iterator[VirtualAudio]:
    with virtual_audio() as audio:
        yield audio


@pytest.fixture
def open_vita(room: VirtualAudio, home: Path) -> Iterator[Callable[..., Terminal]]:
    """Open the program; every one that was opened is gone at the end."""
    opened: list[Terminal] = []

    def start(**settings: str) -> Terminal:
        terminal = Terminal(room.env, home, settings)
        opened.append(terminal)
        return terminal

    yield start
    for terminal in opened:
        terminal.close()


@pytest.fixture(scope="module")
def voice_of_user() -> Iterator[Ask]:
    """Speech that is clear enough for a wrong word to be the program's fault, as samples at 16 kHz."""
    import soxr

    from tests.person import person

    voice = person()

    def say(text: str) -> NDArray[np.float32]:
        samples = np.concatenate(list(voice.speak(text, cancelled=threading.Event())))
        resampled: NDArray[np.float32] = soxr.resample(samples, voice.sample_rate, 16_000)
        return resampled

    yield say
    voice.cleanup()


@pytest.fixture(scope="module")
def understand() -> Iterator[Understand]:
    """Whisper, as the judge of what a recording says."""
    from tests.judge import judge

    recognizer = judge()
    yield lambda samples: recognizer.transcribe(samples).text
    recognizer.cleanup()


@contextlib.contextmanager
def answering(*answers: str, after: float = 0.0) -> Iterator[str]:
    """An OpenAI-compatible server that gives the answers in order, the last one again and again; yields its base URL.

    Args:
        after: seconds that it thinks first.
    """
    left = list(answers)
    taking = threading.Lock()
    over = threading.Event()

    def next_answer() -> str:
        with taking:
            return left.pop(0) if len(left) > 1 else left[0]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            over.wait(after)
            pieces: list[dict[str, object]] = [
                {"delta": {"content": f"{word} "}, "finish_reason": None} for word in next_answer().split()
            ]
            pieces.append({"delta": {}, "finish_reason": "stop"})
            lines = [json.dumps({"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "fixed",
                                 "choices": [{"index": 0, **piece}]}) for piece in pieces]  # fmt: skip
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            with contextlib.suppress(OSError):  # who asked is gone
                for line in [*lines, "[DONE]"]:
                    self.wfile.write(f"data: {line}\n\n".encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{running.server_port}/v1"
    finally:
        over.set()
        running.shutdown()
        running.server_close()


@pytest.fixture
def server() -> Iterator[Callable[[str], str]]:
    """Such servers; called with an answer, returns the base URL of one."""
    with contextlib.ExitStack() as running:
        yield lambda answer: running.enter_context(answering(answer))


def word_error_rate(wanted: str, heard: str) -> float:
    """Of what was heard against what was to be said, both as plain words."""
    import jiwer
    from whisper_normalizer.english import EnglishTextNormalizer

    normal = EnglishTextNormalizer()  # type: ignore[no-untyped-call]  # the library has no types
    return float(jiwer.wer(normal(spoken(wanted)), normal(heard)))
