"""The program in a real pseudo-terminal: what is painted, how it ends, and that nothing else writes on the screen."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import stat
import struct
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.screen_words import as_shown
from vita_tui import paths

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")


class Terminal:
    """The program on a terminal of 100 by 30."""

    def __init__(self, behaviour: str = "", *, program: str = "tests.tui.program") -> None:
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.chdir(ROOT)
            environment = dict(os.environ, TERM="xterm-256color", COLUMNS="", LINES="")
            del environment["COLUMNS"], environment["LINES"]
            os.execve(sys.executable, [sys.executable, "-m", program, behaviour], environment)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        self.output = b""
        self._code: int | None = None

    def read_until(self, wanted: bytes, seconds: float = 60.0) -> bytes:
        """All output so far, once `wanted` is in what came since the last call."""
        wanted = as_shown(wanted.decode()).encode()
        start, deadline = len(self.output), time.monotonic() + seconds
        while wanted not in self.output[start:]:
            assert time.monotonic() < deadline, f"{wanted!r} did not come: {self.output[start:][-2000:]!r}"
            if select.select([self.master], [], [], 0.2)[0]:
                try:
                    data = os.read(self.master, 65536)
                except OSError:
                    data = b""
                assert data, f"the program ended before {wanted!r} came: {self.output[-2000:]!r}"
                self.output += data
        return self.output

    def press(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def end(self, seconds: float = 60.0) -> int:
        """Read what is left and wait; returns the exit code."""
        deadline = time.monotonic() + seconds
        while self._code is None:
            assert time.monotonic() < deadline, "the program did not end"
            if self.master >= 0 and select.select([self.master], [], [], 0.05)[0]:
                try:
                    self.output += os.read(self.master, 65536)
                except OSError:
                    self.hang_up()
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
        return self._code

    def hang_up(self) -> None:
        if self.master >= 0:
            os.close(self.master)
            self.master = -1

    def close(self) -> None:
        if self._code is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        self.hang_up()


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    opened: list[Terminal] = []
    yield opened
    for terminal in opened:
        terminal.close()


def test_a_question_is_answered_and_ctrl_q_leaves_the_terminal_as_it_was(terminals: list[Terminal]) -> None:
    terminals.append(terminal := Terminal())
    terminal.read_until(b"initializing")
    terminal.read_until(b"idle")
    # All at once, as a program types it: nothing may be sent by halves.
    terminal.press(b"what are gulls\r")
    terminal.read_until(b"Gulls.")
    terminal.press(b"\x11")
    assert terminal.end() == 0
    after = terminal.output[terminal.output.rindex(b"Gulls.") :]
    assert b"\x1b[?1049l" in after, "the alternate screen was left"
    assert b"\x1b[?25h" in after, "the cursor is back"
    history = paths.state_dir() / "prompts.jsonl"
    assert history.read_text() == '"what are gulls"\n'
    assert stat.S_IMODE(history.stat().st_mode) == 0o600


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGHUP, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_it_in_good_order(terminals: list[Terminal], number: signal.Signals, code: int) -> None:
    terminals.append(terminal := Terminal())
    terminal.read_until(b"idle")
    os.kill(terminal.pid, number)
    assert terminal.end() == code
    assert b"\x1b[?1049l" in terminal.output


def test_it_ends_when_the_terminal_goes_away(terminals: list[Terminal]) -> None:
    terminals.append(terminal := Terminal())
    terminal.read_until(b"idle")
    terminal.hang_up()
    assert terminal.end() == 0


def test_what_libraries_print_goes_to_the_log(terminals: list[Terminal]) -> None:
    terminals.append(terminal := Terminal("noisy"))
    terminal.read_until(b"idle")
    terminal.press(b"\x11")
    assert terminal.end() == 0
    assert b"NOISE" not in terminal.output
    log = paths.log_file()
    written = log.read_text()
    for noise in ("NOISE-ON-STDOUT", "NOISE-ON-STDERR", "NOISE-OF-A-CHILD"):
        assert noise in written
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert stat.S_IMODE(log.parent.stat().st_mode) == 0o700


def test_settings_that_are_wrong_are_said_after_the_screen_is_gone(terminals: list[Terminal]) -> None:
    terminals.append(terminal := Terminal("unbuilt"))
    assert terminal.end() == 2
    left = terminal.output.rindex(b"\x1b[?1049l")
    assert b"There is no setting stt.modle. Did you mean stt.model?" in terminal.output[left:]


def test_before_the_first_paint_only_the_screen_is_imported() -> None:
    import subprocess

    code = "import sys, vita_tui.tui.start; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()
    heavy = {
        "pydantic",
        "pydantic_settings",
        "numpy",
        "psutil",
        "httpx2",
        "markdown_it",
        "vita_tui.settings",
        "vita_tui.conversation",
    }
    assert not heavy & set(loaded)


def test_the_log_is_for_the_user_alone(tmp_path: Path) -> None:
    import logging

    from vita_tui.tui.logs import log_to_file

    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        root.handlers.clear()
        log_to_file()
        logging.getLogger("vita_tui.test").warning("kept")
        assert "kept" in paths.log_file().read_text()
        assert stat.S_IMODE(paths.log_file().stat().st_mode) == 0o600
    finally:
        for handler in root.handlers:
            handler.close()
        root.handlers[:] = before
        root.setLevel(level)
        logging.captureWarnings(False)
