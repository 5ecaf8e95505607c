"""Ends and crashes of the real program in a real terminal, by the rows of `lifecycle.toml`."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys
import termios
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.health.shutdown import Program, files_left, processes_left, processes_of
from tests.virtual_audio import VirtualAudio, virtual_audio
from vita_tui.health.processes import child_environment

CASES: dict[str, list[dict[str, Any]]] = tomllib.loads(
    Path(__file__).with_name("lifecycle.toml").read_text(encoding="utf-8")
)

pytestmark = [
    pytest.mark.models,
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal"),
]


def cases(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", CASES[kind], ids=lambda case: case["name"])


@pytest.fixture
def audio() -> Iterator[VirtualAudio]:
    with virtual_audio() as made:
        yield made


def child_of(home: Path, module: str) -> int:
    return children_of(home, module)[0]


def children_of(home: Path, module: str) -> list[int]:
    found = []
    for process in processes_of(home):
        with contextlib.suppress(psutil.Error):
            if module in process.cmdline():
                found.append(process.pid)
    return found


class Log:
    """In place of the log file a pipe, which takes nothing more once it is `fill`ed: whoever writes then waits for ever."""

    def __init__(self, home: Path) -> None:
        log = home / "state" / "log" / "vita.log"
        log.parent.mkdir(parents=True, mode=0o700)
        os.mkfifo(log, 0o600)
        self._reader = os.open(log, os.O_RDONLY | os.O_NONBLOCK)
        self._writer = os.open(log, os.O_WRONLY | os.O_NONBLOCK)

    def fill(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(self._writer, b"\n" * 512)

    def close(self) -> None:
        os.close(self._writer)
        os.close(self._reader)


@pytest.mark.audio
@cases("hang")
def test_it_is_gone_while_something_still_hangs(
    audio: VirtualAudio, home: Path, case: dict[str, Any]
) -> None:
    settings = {"AUDIO__EARCONS": "false", "LLM__MAX_TOKENS": "200", **case.get("settings", {})}
    log = Log(home) if case["hangs"] == "log" else None
    program = Program(home, audio.env, settings)
    stopped = 0
    try:
        before = termios.tcgetattr(program.terminal)
        if case["moment"] == "loading":
            while not children_of(home, case["hangs"]):
                program.pump(0.02)
        else:
            program.wait("idle")
        mark = program.mark()
        if case["moment"] not in ("idle", "loading"):
            program.press(case["type"].encode() + b"\r")
            program.wait(case["moment"], start=mark)
        if log is not None:
            log.fill()
        elif case["hangs"] == "sound server":
            audio.freeze()
        else:
            os.kill(stopped := child_of(home, case["hangs"]), signal.SIGSTOP)
        if "then" in case:
            program.press(case["type"].encode() + b"\r")
            program.wait(case["then"], start=mark)
        program.leave(case["way"])
        assert program.end() == 0
        assert termios.tcgetattr(program.terminal) == before
        assert processes_left(home) == []
        assert not stopped or not psutil.pid_exists(stopped)
        assert files_left(home, program.temporary) == []
    finally:
        audio.thaw()
        program.close()
        if log is not None:
            log.close()


@cases("crash")
def test_a_crash_gives_the_terminal_back_and_leaves_nothing(home: Path, case: dict[str, Any]) -> None:
    program = Program(home, os.environ, {})
    try:
        before = termios.tcgetattr(program.terminal)
        program.wait("idle")
        mark = program.mark()
        (app,) = psutil.Process(program.pid).children()
        app.send_signal(getattr(signal, case["signal"]))
        assert program.end() == case["code"]
        program.pump(0.1)
        assert termios.tcgetattr(program.terminal) == before
        assert b"\x1b[?1049l" in program.raw(mark), "the alternate screen is left"
        assert b"\x1b[?25h" in program.raw(mark), "the cursor is back"
        assert program.painted(case["says"], start=mark)
        assert processes_left(home) == []
        assert files_left(home, program.temporary, unclosed=True) == []
    finally:
        program.close()


def test_when_the_guard_is_killed_the_program_leaves(home: Path) -> None:
    program = Program(home, os.environ, {})
    try:
        program.wait("idle")
        (app,) = psutil.Process(program.pid).children()
        os.kill(program.pid, signal.SIGKILL)
        program.end()
        psutil.wait_procs([app], timeout=60)
        assert not app.is_running()
        assert processes_left(home) == []
        assert files_left(home, program.temporary) == []
    finally:
        program.close()


def test_a_suspended_program_suspends_its_guard_and_goes_on_with_it(home: Path) -> None:
    program = Program(home, os.environ, {}, module="tests.tui.shell", arguments=["vita_tui"])
    try:
        program.wait("idle")
        (guard,) = psutil.Process(program.pid).children()
        (app,) = guard.children()
        app.send_signal(signal.SIGSTOP)
        program.wait("stopped")  # a shell waits for the process that it started
        mark = program.mark()
        program.press(b"back\n")
        program.wait("idle", start=mark)
        program.press(b"\x11")
        assert program.end() == 0
    finally:
        program.close()


def test_the_key_that_quits_is_not_lost_before_the_first_paint(home: Path) -> None:
    program = Program(home, os.environ, {})
    try:
        before = termios.tcgetattr(program.terminal)
        program.wait("is starting")
        program.press(b"\x11")
        assert program.end() == 0
        assert termios.tcgetattr(program.terminal) == before
        assert files_left(home, program.temporary, unclosed=True) == []
    finally:
        program.close()


NO_SOUND = "There is no sound on this machine"


@cases("no_sound")
def test_a_sound_system_that_aborts_costs_a_sentence(
    home: Path, tmp_path: Path, case: dict[str, Any]
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "vita_tui", *case["command"]],
        env={**os.environ, "VITA_HOME": str(home), "ALSA_CONFIG_PATH": "/nonexistent"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == case["code"], said
    assert said.count(NO_SOUND) == (0 if case.get("says") == "" else 1)
    assert "ALSA lib" not in said
    assert "Assertion" not in said


@pytest.mark.parametrize("arguments", [[], ["--text"]], ids=["vita", "vita --text"])
def test_without_sound_typed_questions_are_answered(home: Path, arguments: list[str]) -> None:
    program = Program(home, {**os.environ, "ALSA_CONFIG_PATH": "/nonexistent"}, {}, arguments=arguments)
    try:
        before = termios.tcgetattr(program.terminal)
        program.wait("idle")
        program.wait("Type your questions.")
        program.press(b"How many days are in a week?\r")
        program.wait("thinking")
        program.wait("idle", start=program.mark())
        program.leave("ctrl+q")
        assert program.end() == 0
        assert termios.tcgetattr(program.terminal) == before
        assert b"ALSA lib" not in program.raw()
    finally:
        program.close()


@cases("variable")
def test_children_inherit_no_keys(monkeypatch: pytest.MonkeyPatch, case: dict[str, Any]) -> None:
    monkeypatch.setenv(case["name"], "hunter2")
    assert (case["name"] in child_environment()) == case["kept"]


def test_no_child_of_the_program_has_a_key(home: Path) -> None:
    keys = {row["name"]: "hunter2" for row in CASES["variable"] if not row["kept"]}
    keys.pop("VITA_SESSIONS__REDIS_URL")  # it would be opened
    keys.pop("VITA_TTS__REMOTE__API_KEY")  # there is no such setting
    program = Program(home, {**os.environ, **keys}, {})
    try:
        program.wait("idle")
        (app,) = psutil.Process(program.pid).children()
        children = app.children(recursive=True)
        assert any("vita_tui.engines.llm.server" in child.cmdline() for child in children)
        assert all("hunter2" not in child.environ().values() for child in children)
        assert resource.prlimit(app.pid, resource.RLIMIT_CORE) == (0, 0)
    finally:
        program.close()
