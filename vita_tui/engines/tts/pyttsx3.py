"""The system's own voice, by way of pyttsx3: the one that is nearly always there.

pyttsx3 is known to hang, and to speak only once when used from several threads. So it lives in a child process that renders to
samples, is given a deadline, and is killed when it misses it; the next clause starts another. See `pyttsx3_child`.
"""

from __future__ import annotations

import errno
import json
import os
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import IO, Any

import numpy as np

from vita_tui import paths
from vita_tui.clock import Deadline
from vita_tui.engines.tts.base import Pcm
from vita_tui.engines.tts.pieces import pieces
from vita_tui.errors import EngineError, EngineTimeoutError, EngineUnavailableError
from vita_tui.health.processes import child_environment, temporary_path
from vita_tui.health.registry import Entry, registry
from vita_tui.health.threads import RegisteredThread
from vita_tui.text.spoken import spoken

__all__ = ["Pyttsx3Synthesizer"]

POLL_SECONDS = 0.02
"""How soon a cancellation is noticed."""
START_SECONDS = 20.0
END_SECONDS = 1.0
"""What a killed child gets to be gone."""
MAX_PIECE = 2000
"""Characters that are rendered at once; a request must fit into the pipe even when the child does not read."""
ROOM = 8_000_000
"""Bytes of disk that the sound of the longest clause takes; where there are fewer, the voice would wait for ever."""
LOG_BYTES = 1_000_000
"""From which size on the child's log begins anew."""
WARM_UP = "Hello, number 1."
"""Read first, so that all that reading needs is loaded too."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the child says; `header` is None when it has ended."""

    header: dict[str, Any] | None
    samples: bytes = b""


class Pyttsx3Synthesizer:
    """The system's voice. `load`, `speak` and `cleanup` as in `Synthesizer`; `cleanup` from any thread."""

    name = "pyttsx3"

    def __init__(
        self,
        voice: str = "",
        *,
        rate: float = 1.0,
        volume: float = 1.0,
        timeout: float = 10.0,
        language: str = "en",
    ) -> None:
        """
        Args:
            voice: pyttsx3's id or name of a voice; empty for the system's default.
            rate: 1 is a calm reading voice, 2 twice as fast.
            volume: 0 is silent, 1 the voice's own loudness.
            timeout: seconds after which a clause has failed and the child is killed.
            language: code of the language in which a default voice is looked for.
        """
        self.notes = ""
        self.pace = 1.0
        self.sample_rate = 22_050
        self.timeout = timeout
        self.starts = 0
        """How often the child was started."""
        self.rate = rate
        """May be changed, as `volume` and `language`; the next clause is spoken so, by a new child."""
        self.volume = volume
        self.language = language
        self._voice = voice
        self._made_for = (rate, volume, language)
        """What the child was told."""
        self._lock = threading.Lock()
        self._child: _Child | None = None

    @property
    def pid(self) -> int | None:
        """Of the child, while it runs."""
        child = self._child
        return child.process.pid if child is not None and child.process.poll() is None else None

    def load(self) -> None:
        """Start the child and have it say something, unheard.

        Raises:
            EngineUnavailableError: the system has no voice, or not that one.
            EngineTimeoutError: it did not come up in time.
        """
        if self.pid is None:
            self._start()
            for _ in self.speak(spoken(WARM_UP), cancelled=threading.Event()):
                pass

    def speak(self, clause: str, *, cancelled: threading.Event) -> Iterator[Pcm]:
        """Yield the clause's samples.

        Raises:
            EngineTimeoutError: it took longer than `timeout`; the child was killed.
            EngineError: it failed or died.
        """
        for piece in pieces(clause, MAX_PIECE):
            if self.pid is None or self._made_for != (self.rate, self.volume, self.language):
                self._start()
            child = self._child
            if child is None or cancelled.is_set():
                return
            number = child.send({"text": piece})
            answer = self._wait(child, number, self.timeout, cancelled)
            if answer is None or answer.header is None:
                return
            if "error" in answer.header:
                raise EngineError(f"The system's voice failed: {answer.header['error']}.")
            self.sample_rate = int(answer.header["rate"])
            samples = np.frombuffer(answer.samples, "<i2").astype(np.float32) / 32768.0
            if not len(samples):
                raise EngineError("The system's voice gave no sound.")
            yield samples

    def cleanup(self) -> None:
        """End the child; may be called twice and from any thread."""
        with self._lock:
            child, self._child = self._child, None
        if child is not None:
            child.end()

    # ----

    def _start(self) -> None:
        self.cleanup()
        self._made_for = (self.rate, self.volume, self.language)
        options = {
            "voice": self._voice,
            "language": self.language,
            "rate": self.rate,
            "volume": self.volume,
        }
        child = _Child(options, close=self.cleanup)
        with self._lock:
            self._child = child
        self.starts += 1
        answer = self._wait(child, 0, START_SECONDS, threading.Event())
        header = (answer.header if answer is not None else None) or {}
        if "rate" not in header:
            self.cleanup()
            raise EngineUnavailableError(
                f"The system's voice does not work: {header.get('missing', 'it was ended')}.",
                remedy=header.get("remedy") or _remedy(),
            )

    def _wait(self, child: _Child, number: int, seconds: float, cancelled: threading.Event) -> _Answer | None:
        """The answer to request `number`; None when cancelled: it is then passed over when it comes."""
        with Deadline(seconds) as deadline:
            while not cancelled.is_set():
                if deadline.left() <= 0:
                    self.cleanup()
                    raise EngineTimeoutError(f"The system's voice took longer than {seconds:g} s.")
                try:
                    answer = child.answers.get(timeout=deadline.step(POLL_SECONDS))
                except queue.Empty:
                    continue
                if answer.header is None:
                    closed = self._child is not child
                    self.cleanup()
                    if closed:
                        raise EngineError("The system's voice was closed while it was to speak.")
                    status = child.process.returncode
                    raise EngineError(f"The process of the system's voice has died (exit status {status}).")
                if answer.header.get("id") == number:
                    return answer
        return None


class _Child:
    """The process, the thread that reads from it, and its temporary file; all end with `end`."""

    def __init__(self, options: dict[str, Any], *, close: Any) -> None:
        self.answers: queue.SimpleQueue[_Answer] = queue.SimpleQueue()
        self._numbers = count()
        self._belongings = ExitStack()
        try:
            file = self._belongings.enter_context(
                temporary_path(".wav", owner="engines.tts.pyttsx3", room=ROOM)
            )
        except OSError as error:
            raise EngineError(
                f"The system's voice cannot write its sound: {error.strerror}: {error.filename}."
            ) from error
        try:
            with _log() as log:
                self.process = subprocess.Popen(
                    [sys.executable, "-m", "vita_tui.engines.tts.pyttsx3_child"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env=child_environment(),
                    # A ctrl+c in the terminal is for the program, which ends the child in good order.
                    start_new_session=True,
                )
        except OSError as error:
            self._belongings.close()
            raise EngineError(f"The process of the system's voice could not be started: {error}.") from error
        self._entry: Entry = registry.register(
            self.process,
            kind="process",
            name="pyttsx3",
            owner="engines.tts.pyttsx3",
            close=close,
            force=self.process.kill,
            pid=self.process.pid,
        )
        self._reader = RegisteredThread(
            _read,
            self.process.stdout,
            self.answers,
            name="pyttsx3-reader",
            owner="engines.tts.pyttsx3",
            depends_on=(self._entry,),
        )
        self._reader.start()
        self.send({**options, "file": str(file)})  # number 0

    def send(self, request: dict[str, Any]) -> int:
        """Ask for something; returns the number that the answer will bear. A child that is dead says so through `answers`."""
        number = next(self._numbers)
        assert self.process.stdin is not None
        with suppress(OSError, ValueError):
            self.process.stdin.write(json.dumps({**request, "id": number}).encode() + b"\n")
            self.process.stdin.flush()
        return number

    def end(self) -> None:
        self.process.kill()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(END_SECONDS)
        self._reader.finish(END_SECONDS)
        for pipe in (self.process.stdin, self.process.stdout):
            with suppress(OSError):
                if pipe is not None and not self._reader.is_alive():
                    pipe.close()
        self._belongings.close()
        self._entry.leave()


def _read(pipe: IO[bytes], answers: queue.SimpleQueue[_Answer]) -> None:
    """The thread `pyttsx3-reader`: hands answers over until the child ends or talks nonsense."""
    try:
        for line in pipe:
            header = json.loads(line)
            answers.put(_Answer(header, pipe.read(int(header.get("bytes", 0)))))
    except (OSError, ValueError, TypeError, AttributeError):
        pass
    answers.put(_Answer(None))


def _log() -> IO[bytes]:
    """Where the child's chatter goes; nowhere when the log cannot be written."""
    file = paths.log_file().with_name("pyttsx3.log")
    try:
        paths.ensure_private_dir(file.parent)
        if shutil.disk_usage(file.parent).free < LOG_BYTES:
            raise OSError(
                errno.ENOSPC, os.strerror(errno.ENOSPC)
            )  # a line that cannot be written ends the voice
        fresh = not file.exists() or file.stat().st_size > LOG_BYTES
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if fresh else os.O_APPEND), 0o600)
        return os.fdopen(descriptor, "wb")
    except OSError:
        return Path(os.devnull).open("wb")


def _remedy() -> str:
    if sys.platform == "darwin":
        return "Choose a voice in System Settings, Accessibility, Spoken Content."
    if sys.platform == "win32":
        return "Add a voice in Settings, Time & language, Speech."
    return "Run: sudo apt-get install espeak-ng"
