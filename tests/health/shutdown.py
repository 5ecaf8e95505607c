"""The end of the real program, in a real terminal with real engines and virtual devices: how it goes, and what it leaves."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import psutil

from tests.conftest import ROOT
from tests.screen_words import as_shown
from tests.virtual_audio import VirtualAudio
from vita_tui.audio.base import Samples

__all__ = [
    "MOMENTS",
    "WAYS",
    "Ending",
    "Moment",
    "Program",
    "Way",
    "complaints",
    "end_it",
    "files_left",
    "processes_left",
    "processes_of",
]

Way = Literal["ctrl+q", "ctrl+q twice", "SIGTERM", "SIGHUP", "SIGINT", "terminal lost"]
Moment = Literal["loading", "listening", "thinking", "speaking"]
WAYS: tuple[Way, ...] = ("ctrl+q", "SIGTERM", "SIGHUP", "SIGINT", "terminal lost")
MOMENTS: tuple[Moment, ...] = ("loading", "listening", "thinking", "speaking")
PATIENCE = 90.0
"""Seconds for what must happen: a limit, not a measure."""
LONG = "Tell me a long story about a dog who sails around the world."
_ESCAPES = re.compile(rb"\x1b\[[0-9;?<>=]*[A-Za-z]|\x1b[\]P][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b.")


class Program:
    """`python -m vita_tui` in a pseudo-terminal, which is its controlling terminal."""

    def __init__(
        self,
        home: Path,
        env: Mapping[str, str],
        settings: Mapping[str, str],
        *,
        module: str = "vita_tui",
        arguments: Sequence[str] = (),
    ) -> None:
        """
        Args:
            settings: `VITA_*` variables without that prefix.
            module: that is run.
        """
        self.home = home
        self.temporary = Path(tempfile.mkdtemp(prefix="vita-ending-"))
        """Where the program and its children put temporary files."""
        environment = {
            **env,
            "VITA_HOME": str(home),
            "TMPDIR": str(self.temporary),
            "TERM": "xterm-256color",
            **{f"VITA_{name}": value for name, value in settings.items()},
        }
        for name in ("COLUMNS", "LINES"):
            environment.pop(name, None)
        self.pid, self._master = pty.fork()
        if self.pid == 0:
            os.chdir(ROOT)
            os.execve(sys.executable, [sys.executable, "-m", module, *arguments], environment)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", 32, 110, 0, 0))
        self._output = b""
        self.code: int | None = None

    def wait(self, *wanted: str, start: int = 0) -> int:
        """Wait until one of the words `wanted` was painted after `start`; returns how much was painted by then."""
        deadline = time.monotonic() + PATIENCE
        while True:
            if self.painted(*wanted, start=start):
                return len(self._output)
            plain = _ESCAPES.sub(b"", self._output[start:])
            assert time.monotonic() < deadline, f"{wanted} did not come: {plain[-1500:]!r}"
            assert self._read(0.2), f"the program ended before {wanted} came: {plain[-1500:]!r}"

    def painted(self, *wanted: str, start: int = 0, until: int | None = None) -> bool:
        """Whether one of the words `wanted` was painted after `start` and before `until`; a state is meant as the screen names it."""
        plain = _ESCAPES.sub(b"", self._output[start:until])
        return any(as_shown(word).encode() in plain for word in wanted)

    @property
    def terminal(self) -> int:
        """Descriptor of the terminal, as who looks at it has it."""
        return self._master

    def raw(self, start: int = 0) -> bytes:
        """What was written since `start`, escape sequences and all."""
        return self._output[start:]

    def mark(self) -> int:
        return len(self._output)

    def forget(self) -> None:
        """What was painted up to now is not looked at any more."""
        self._output = b""

    def pump(self, seconds: float) -> None:
        """Let time pass, and take in what is painted meanwhile."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and self._read(left):
            pass

    def press(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def leave(self, way: Way) -> None:
        if way.startswith("ctrl+q"):
            self.press(b"\x11" * (1 + way.endswith("twice")))
        elif way == "terminal lost":
            self._hang_up()
        else:
            os.kill(self.pid, getattr(signal, way))

    def end(self) -> int:
        """Wait for the end; the exit code, negative for a signal that killed it."""
        deadline = time.monotonic() + PATIENCE
        while self.code is None:
            assert time.monotonic() < deadline, "the program did not end"
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
            elif not self._read(0.005):
                time.sleep(0.005)
        return self.code

    def close(self) -> None:
        if self.code is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.code = -signal.SIGKILL
        self._hang_up()
        for process in processes_of(self.home):
            with contextlib.suppress(psutil.Error):
                process.kill()
        shutil.rmtree(self.temporary, ignore_errors=True)

    def _read(self, seconds: float) -> bool:
        """False when the terminal is gone."""
        if self._master < 0:
            return False
        if select.select([self._master], [], [], seconds)[0]:
            try:
                data = os.read(self._master, 65536)
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
                data = b""
            if not data:
                return False
            self._output += data
        return True

    def _hang_up(self) -> None:
        if self._master >= 0:
            os.close(self._master)
            self._master = -1


def processes_of(home: Path) -> list[psutil.Process]:
    """Everything that still runs for the VITA at `home`, whoever is its parent by now."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError, OSError):
            if process.environ().get("VITA_HOME") == str(home) and process.pid != os.getpid():
                words = process.cmdline()
                if process.status() != psutil.STATUS_ZOMBIE and any(w.startswith("vita_tui") for w in words):
                    found.append(process)
    return found


@dataclass
class Ending:
    """What became of one end."""

    way: Way
    moment: Moment
    code: int
    seconds: float
    """From the key, the signal or the loss of the terminal to the end of the process."""
    processes: list[str] = field(default_factory=list)
    """Children that were left."""
    files: list[str] = field(default_factory=list)
    """Temporary files, process records, control sockets and locks that were left."""
    complaints: list[str] = field(default_factory=list)
    """What the log says of parts that did not close in time, or were left open."""

    @property
    def clean(self) -> bool:
        expected = 130 if self.way == "SIGINT" else 0
        return self.code == expected and not (self.processes or self.files or self.complaints)


def end_it(audio: VirtualAudio, home: Path, way: Way, moment: Moment, question: Samples) -> Ending:
    """Open the program, bring it to `moment`, end it in that `way`, and look at what is left.

    Args:
        question: speech at 16 kHz that is spoken into the microphone while it listens.
    """
    settings = {"AUDIO__EARCONS": "false", "LLM__MAX_TOKENS": "200"}
    program = Program(home, audio.env, settings)
    speaking = None
    try:
        if moment == "loading":
            program.wait("initializing")
        else:
            program.wait("idle")
            mark = program.mark()
            if moment == "listening":
                program.press(b"\x00")
                program.wait("listening", start=mark)
                speaking = audio.speak(question)
                # The first partial transcript is on the screen: Whisper is at work.
                program.wait("How", start=program.mark())
            else:
                program.press(LONG.encode() + b"\r")
                program.wait(moment, start=mark)
        start = time.monotonic()
        program.leave(way)
        code = program.end()
        seconds = time.monotonic() - start
        left = processes_left(home)
        return Ending(way, moment, code, seconds, left, files_left(home, program.temporary), complaints(home))
    finally:
        if speaking is not None:
            speaking.terminate()
            speaking.wait()
        program.close()


def processes_left(home: Path) -> list[str]:
    """Processes that still run half a second after the end: children that saw the end of their parent have left by then."""
    deadline = time.monotonic() + 0.5
    while (left := processes_of(home)) and time.monotonic() < deadline:
        time.sleep(0.02)
    found = []
    for process in left:
        with contextlib.suppress(psutil.Error):
            found.append(f"{process.pid} {' '.join(process.cmdline())}")
    return found


def files_left(home: Path, temporary: Path, *, unclosed: bool = False) -> list[str]:
    """
    Args:
        unclosed: nobody could close the database: what SQLite keeps beside it is taken in by the next start.
    """
    left = [path for path in temporary.rglob("*") if path.is_file()]
    left += [path for path in (home / "state" / "run").rglob("*") if path.is_file()]
    left += [
        path
        for pattern in ("*.lock", "*.tmp", "*.part", *(() if unclosed else ("*-wal", "*-shm")))
        for folder in (home / "data", home / "state")
        for path in folder.rglob(pattern)  # the weights are behind a link, which is not followed
        if path.is_file() and _locked_or_temporary(path)
    ]
    return sorted(str(path) for path in left)


def _locked_or_temporary(path: Path) -> bool:
    """Lock files stay for the next time; what counts is that nobody holds them."""
    if path.suffix != ".lock":
        return True
    with path.open("rb+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def complaints(home: Path) -> list[str]:
    log = home / "state" / "log" / "vita.log"
    if not log.exists():
        return []
    words = (
        "did not close",
        "did not stop",
        "left behind",
        "is still",
        "Traceback",
        "cleanup failed",
        "leak",
    )
    return [line for line in log.read_text(errors="replace").splitlines() if any(w in line for w in words)]
