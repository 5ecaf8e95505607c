"""ctrl+z suspends where somebody can bring VITA back, and nowhere else."""

from __future__ import annotations

import os
import pty
import shlex
import shutil
import signal
import sys
from pathlib import Path

import psutil
import pytest

from tests.health.shutdown import Program, processes_left
from tests.tui.driving import running, until
from vita_tui.tui import job_control

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs job control")
ASK = [sys.executable, "-c", "from vita_tui.tui.job_control import is_job; print('job', is_job())"]


def in_a_terminal(*command: str) -> str:
    """What `command` prints as the first process of a terminal."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(command[0], command)
    said = b""
    try:
        while data := os.read(terminal, 4096):
            said += data
    except OSError:  # it has ended
        pass
    os.waitpid(pid, 0)
    os.close(terminal)
    return said.decode()


@pytest.mark.parametrize(
    ("command", "job"),
    [
        (ASK, False),
        (["sh", "-c", f"{shlex.join(ASK)}; true"], False),
        (["bash", "--norc", "-i", "-c", f"{shlex.join(ASK)}; true"], True),
    ],
    ids=["in place of a shell", "a script", "a shell"],
)
def test_who_could_bring_it_back(command: list[str], job: bool) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"needs {command[0]}")
    assert f"job {job}" in in_a_terminal(*command)


async def test_where_nobody_could_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_control, "is_job", lambda: False)
    async with running() as (app, pilot):
        await pilot.press("ctrl+z")
        await until(pilot, lambda: any(note.title == "Not suspended" for note in app._notifications))


def told(home: Path) -> list[str]:
    return (home / "data" / "told").read_text().splitlines()


def the_app(program: Program, *, guarded: bool) -> psutil.Process:
    (job,) = psutil.Process(program.pid).children()
    return job.children()[0] if guarded else job


@pytest.mark.parametrize("guarded", [False, True], ids=["alone", "behind its guard"])
@pytest.mark.parametrize("how", ["from outside", "ctrl+z"])
def test_who_comes_back_takes_the_terminal_once(tmp_path: Path, how: str, guarded: bool) -> None:
    arguments = ["tests.tui.program", "telling", *(["guarded"] if guarded else [])]
    program = Program(tmp_path, os.environ, {}, module="tests.tui.shell", arguments=arguments)
    try:
        program.wait("idle")
        for _ in range(2):
            mark = program.mark()
            if how == "ctrl+z":
                program.press(b"\x1a")
            else:
                the_app(program, guarded=guarded).send_signal(signal.SIGSTOP)
            program.wait("stopped", start=mark)
            mark = program.mark()
            program.press(b"back\n")
            program.wait("idle", start=mark)
            assert b"\x1b[?1049h" in program.raw(mark), "the screen of its own"
        program.press(b"hello\r")
        program.wait("Gulls.", start=mark)
        program.press(b"\x11")
        assert program.end() == 0
        assert told(tmp_path)[-1] == "textual-input textual-output"
        assert processes_left(tmp_path) == []
    finally:
        program.close()


def test_without_a_shell_the_guard_waits_on(tmp_path: Path) -> None:
    program = Program(tmp_path, os.environ, {}, module="tests.tui.program", arguments=["telling", "guarded"])
    try:
        program.wait("idle")
        (app,) = psutil.Process(program.pid).children()
        mark = program.mark()
        app.send_signal(signal.SIGSTOP)
        app.send_signal(signal.SIGCONT)
        program.wait("idle", start=mark)
        program.press(b"\x11")
        assert program.end() == 0
        assert told(tmp_path)[-1] == "textual-input textual-output"
    finally:
        program.close()
