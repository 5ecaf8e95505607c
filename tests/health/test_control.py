"""Asking a running program: what is open, close what leaked."""

from __future__ import annotations

import gc
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

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
    return Program(data["pid"], data["port"], data["key"])


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
        control.ask(Program(program.pid, program.port, "wrong"), "open")
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
    address = ("127.0.0.1", _program().port)
    with socket.create_connection(address) as silent, socket.create_connection(address) as garbage:
        garbage.sendall(b"\xff\x00" * 5000)
        assert control.ask(_program(), "open")
        assert silent.fileno() > 0


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
