"""After a crash: only what is surely ours is ended or removed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from vita_tui import paths
from vita_tui.health import processes
from vita_tui.health.registry import registry

# A program that starts a child as VITA does, tells its id, and dies without a word.
CRASHES = """
import os, subprocess, sys
from vita_tui.health.processes import record_process
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], stdout=subprocess.DEVNULL)
record_process(child.pid, "test child")
print(child.pid, flush=True)
{end}
"""


@pytest.fixture
def orphan() -> Iterator[psutil.Process]:
    """A recorded child whose parent was killed."""
    parent = subprocess.run(
        [sys.executable, "-c", CRASHES.format(end="os.kill(os.getpid(), 9)")],
        stdout=subprocess.PIPE,
        check=False,
    )
    child = psutil.Process(int(parent.stdout))
    yield child
    if child.is_running():
        child.kill()


def _record(pid: int) -> Path:
    return paths.runtime_dir() / "processes" / f"{pid}.json"


def test_a_child_that_outlived_its_parent_is_found_and_ended(orphan: psutil.Process) -> None:
    assert [(record.pid, record.kind) for record in processes.stale_processes()] == [
        (orphan.pid, "test child")
    ]
    done = processes.clean_up()
    assert [record.pid for record in done.ended] == [orphan.pid]
    assert not processes.runs(orphan.pid, orphan.create_time())
    assert not _record(orphan.pid).exists()


def test_pretending_ends_nothing(orphan: psutil.Process) -> None:
    assert len(processes.clean_up(pretend=True).ended) == 1
    assert orphan.is_running()
    assert _record(orphan.pid).exists()


# The same, with a child that says when it has begun to ignore SIGTERM.
IGNORES = """
import os, subprocess, sys
from vita_tui.health.processes import record_process
code = "import signal, os; signal.signal(15, signal.SIG_IGN); print(flush=True); os.dup2(2, 1); signal.pause()"
child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
child.stdout.readline()
record_process(child.pid, "test child")
print(child.pid, flush=True)
os._exit(1)
"""


def test_a_child_that_ignores_sigterm_is_killed() -> None:
    parent = subprocess.run([sys.executable, "-c", IGNORES], stdout=subprocess.PIPE, check=False)
    pid = int(parent.stdout)
    (record,) = processes.stale_processes()
    assert processes.kill_process(record, patience=0.2)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_another_process_with_the_same_id_is_left_alone(orphan: psutil.Process) -> None:
    file = _record(orphan.pid)
    data = json.loads(file.read_text())
    file.write_text(json.dumps(data | {"birth": "another", "created": data["created"] - 100}))
    assert processes.clean_up().ended == []
    assert orphan.is_running()
    assert not file.exists()  # the record is about a process that is gone


def test_setting_the_clock_does_not_hide_a_child(orphan: psutil.Process) -> None:
    file = _record(orphan.pid)
    data = json.loads(file.read_text())
    if not data["birth"]:
        pytest.skip("needs /proc: elsewhere only the calendar tells births")
    file.write_text(json.dumps(data | {"created": data["created"] - 3600}))
    assert [record.pid for record in processes.stale_processes()] == [orphan.pid]


def test_children_of_a_running_program_are_left_alone() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", CRASHES.format(end="input(); child.kill(); child.wait()")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    try:
        assert processes.clean_up().ended == []
        assert psutil.pid_exists(pid)
        assert _record(pid).exists()
    finally:
        parent.communicate(b"\n")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": "x"}', "null", "\0\0"])
def test_a_damaged_record_is_removed_and_ends_nothing(content: str) -> None:
    file = paths.ensure_private_dir(_record(1).parent) / "1.json"
    file.write_text(content)
    assert processes.clean_up().ended == []
    assert not file.exists()


def test_temporary_files_go_at_the_end_and_are_registered_meanwhile() -> None:
    with processes.temporary_path(".wav", owner="tests") as path:
        path.write_bytes(b"sound")
        assert any(resource.name == path.name for resource in registry.open())
        assert path.parent.stat().st_mode & 0o077 == 0
        assert processes.clean_up().removed == []  # its maker runs
        assert path.exists()
    assert not path.exists()
    assert not any(resource.name == path.name for resource in registry.open())


def test_temporary_and_control_files_of_a_crashed_program_are_removed() -> None:
    code = (
        "import os\nfrom vita_tui.health.processes import temporary_path\nfrom vita_tui.health.control import ControlServer\n"
        "ControlServer().start()\n"
        "with temporary_path('.wav', owner='t') as path:\n path.write_bytes(b'x'); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    folder = paths.runtime_dir()
    left = [path for path in folder.rglob("*") if not path.is_dir()]
    assert len(left) == 3, "a file, the record of the control socket, and the socket"
    assert set(processes.clean_up().removed) == set(left)
    assert [path for path in folder.rglob("*") if not path.is_dir()] == []


def test_a_file_of_an_earlier_program_with_a_process_id_that_is_used_again_is_removed() -> None:
    file = paths.ensure_private_dir(paths.runtime_dir() / "tmp") / f"{os.getpid()}-abc.wav"
    file.write_bytes(b"x")
    before = psutil.Process().create_time() - 3600
    os.utime(file, (before, before))
    assert processes.clean_up().removed == [file]


def test_json_is_whole_or_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    processes.write_json(file, {"a": 1})
    with pytest.raises(TypeError):
        processes.write_json(file, {"a": object()})
    assert json.loads(file.read_text()) == {"a": 1}
    assert list(tmp_path.iterdir()) == [file]
    assert file.stat().st_mode & 0o777 == 0o600


def test_births_differ_between_processes() -> None:
    if not processes.birth(os.getpid()):
        pytest.skip("needs /proc")
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert processes.birth(child.pid) != ""
        assert processes.birth(child.pid).split(":")[0] == processes.birth(os.getpid()).split(":")[0]
        assert processes.runs(child.pid, time.time(), processes.birth(child.pid))
        assert not processes.runs(child.pid, 0.0, processes.birth(os.getpid()) + "0")
    finally:
        child.communicate(b"\n")
    assert processes.birth(child.pid) == ""
