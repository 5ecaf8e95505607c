"""Asking a running program: what is open, close what leaked."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from vita_tui import paths
from vita_tui.health import control
from vita_tui.health.control import ControlServer, Program
from vita_tui.health.registry import registry


def _record() -> Path:
    return paths.runtime_dir() / "control" / f"{os.getpid()}.json"


def _program() -> Program:
    """This very program, which `programs` leaves out."""
    data = json.loads(_record().read_text())
    address = _record().with_suffix(".sock") if "socket" in data else data["port"]
    return Program(data["pid"], address, data["key"])


def _connect() -> socket.socket:
    address = _program().address
    if isinstance(address, int):
        return socket.create_connection(("127.0.0.1", address))
    connection = socket.socket(socket.AF_UNIX)
    with control._short(address) as name:
        connection.connect(name)
    return connection


@pytest.fixture
def server() -> Iterator[ControlServer]:
    server = ControlServer()
    server.start()
    yield server
    server.cleanup()


def test_it_tells_what_is_open(server: ControlServer) -> None:
    found = control.ask(_program(), "open")
    assert {"kind": "server", "name": "control", "owner": "health.control"}.items() <= found[-1].items()
    assert control.programs() == []  # not itself


def test_it_closes_what_leaked_and_says_so(server: ControlServer) -> None:
    class Owner:
        pass

    class Stream:
        pass

    closed: list[str] = []
    owner, stream = Owner(), Stream()
    registry.register(
        stream, kind="stream", name="s", owner="tests", close=lambda: closed.append("s"), owner_ref=owner
    )
    del owner
    gc.collect()
    answer = control.ask(_program(), "cleanup")
    # The registry is the whole test run's: what others left is not what is asked here.
    assert [leak["name"] for leak in answer["leaks"] if leak["owner"] == "tests"] == ["s"]
    assert [leak for leak in answer["remaining"] if leak["owner"] == "tests"] == []
    assert closed == ["s"]


def test_only_who_can_read_the_key_is_answered(server: ControlServer) -> None:
    assert _record().stat().st_mode & 0o077 == 0
    program = _program()
    with pytest.raises(OSError, match="no answer"):
        control.ask(Program(program.pid, program.address, "wrong"), "open")
    assert control.ask(program, "open")


def test_an_unknown_or_failing_request_is_told_and_the_server_goes_on() -> None:
    def broken() -> None:
        raise ZeroDivisionError("x")

    server = ControlServer({"broken": broken, "fine": lambda: 1})
    server.start()
    try:
        with pytest.raises(OSError, match="unknown request"):
            control.ask(_program(), "nonsense")
        with pytest.raises(OSError, match="ZeroDivisionError"):
            control.ask(_program(), "broken")
        assert control.ask(_program(), "fine") == 1
    finally:
        server.cleanup()


def test_garbage_and_silence_do_not_end_it(server: ControlServer) -> None:
    with _connect() as silent, _connect() as garbage:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            garbage.sendall(b"\xff\x00" * 5000)
        assert control.ask(_program(), "open")
        assert silent.fileno() > 0


@pytest.mark.parametrize("number", [1, 8, 3 * control.MAX_CONNECTIONS])
def test_who_drips_or_is_silent_holds_up_nobody(server: ControlServer, number: int) -> None:
    """More than can be open at once, too: the oldest is dropped, and a request that is whole is answered at once."""
    with contextlib.ExitStack() as stack:
        dripping = [stack.enter_context(_connect()) for _ in range(min(number, control.MAX_CONNECTIONS))]
        for _ in range(3):
            for one in dripping:
                with contextlib.suppress(OSError):
                    one.send(b"x")
            assert control.ask(_program(), "open")


def test_a_request_has_one_deadline_however_it_drips(server: ControlServer) -> None:
    with _connect() as dripping:
        dripping.settimeout(0.05)
        closed = False
        deadline = time.monotonic() + 60
        while not closed and time.monotonic() < deadline:
            try:
                dripping.send(b"x")
                closed = dripping.recv(1) == b""
            except TimeoutError:
                continue
            except OSError:
                closed = True
        assert closed


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs Unix sockets")
def test_it_is_a_socket_in_a_folder_that_only_the_user_can_enter(server: ControlServer) -> None:
    file = _record().with_suffix(".sock")
    assert stat.S_ISSOCK(file.stat().st_mode)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert "port" not in json.loads(_record().read_text())


@pytest.mark.skipif(
    sys.platform != "linux", reason="needs a queue of connections that refuses for a moment only"
)
def test_who_asks_while_too_many_do_waits_for_a_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "full.sock"
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.socket(socket.AF_UNIX))
        with control._short(file) as name:
            listening.bind(name)
            listening.listen(0)
            with contextlib.suppress(BlockingIOError):
                for _ in range(100):
                    other = stack.enter_context(socket.socket(socket.AF_UNIX))
                    other.setblocking(False)
                    other.connect(name)
        with pytest.raises(BlockingIOError):
            control.connected(file, timeout=0)
        waited = []

        def makes_room(seconds: float) -> None:
            waited.append(seconds)
            stack.enter_context(listening.accept()[0])

        monkeypatch.setattr(control, "time", SimpleNamespace(monotonic=time.monotonic, sleep=makes_room))
        stack.enter_context(control.connected(file, timeout=60))
        assert len(waited) == 1


def test_a_long_path_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITA_HOME", str(tmp_path / ("x" * 120)))
    server = ControlServer()
    server.start()
    try:
        assert control.ask(_program(), "open")
    finally:
        server.cleanup()


def test_without_unix_sockets_it_listens_on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: Path) -> contextlib.AbstractContextManager[str]:
        raise OSError("no such thing here")

    monkeypatch.setattr(control, "_short", refused)
    server = ControlServer()
    server.start()
    try:
        assert isinstance(_program().address, int)
        assert control.ask(_program(), "open")
    finally:
        server.cleanup()


def test_what_a_killed_program_left_goes_at_the_next_start() -> None:
    folder = paths.ensure_private_dir(paths.runtime_dir() / "control")
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    for ending in ("json", "sock"):
        (folder / f"{gone.pid}.{ending}").write_text("{}")
    server = ControlServer()
    server.start()
    try:
        control.ask(_program(), "open")  # answered after that
        assert not list(folder.glob(f"{gone.pid}.*"))
    finally:
        server.cleanup()


def test_it_ends_without_a_trace_and_may_be_ended_twice() -> None:
    server = ControlServer()
    server.start()
    program = _program()
    server.cleanup()
    server.cleanup()
    assert not _record().exists()
    assert not any(resource.name == "control" for resource in registry.open())
    with pytest.raises(OSError):
        control.ask(program, "open")


def test_a_folder_that_cannot_be_written_costs_only_this_service(home: Path) -> None:
    paths.ensure_private_dir(paths.runtime_dir())
    (paths.runtime_dir() / "control").write_text("in the way")
    server = ControlServer()
    server.start()
    server.cleanup()
