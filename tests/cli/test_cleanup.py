"""`vita cleanup`, as users run it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.forked import run_vita
from vita_tui import paths

CRASHES = """
import os, subprocess, sys
from vita_tui.health.control import ControlServer
from vita_tui.health.processes import record_process, temporary_path
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], stdout=subprocess.DEVNULL)
record_process(child.pid, "language model")
ControlServer().start()
with temporary_path(".wav", owner="tests") as path:
    path.write_bytes(b"x")
    print(child.pid, flush=True)
    os.kill(os.getpid(), 9)
"""
RUNS = """
import gc
from vita_tui.health.control import ControlServer
from vita_tui.health.registry import registry
class Thing: pass
owner, thing = Thing(), Thing()
registry.register(thing, kind="stream", name="forgotten", owner="tests", close=lambda: None, owner_ref=owner)
del owner
gc.collect()
server = ControlServer()
server.start()
print(flush=True)
input()
server.cleanup()
"""


def _vita(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run_vita("cleanup", *arguments)


@pytest.fixture
def crashed() -> int:
    """A VITA was killed; the id of its child."""
    parent = subprocess.run([sys.executable, "-c", CRASHES], stdout=subprocess.PIPE, check=False)
    return int(parent.stdout)


def _left(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_after_a_crash_nothing_is_left(crashed: int) -> None:
    done = _vita()
    assert done.returncode == 0
    assert f"Ended language model, process {crashed}" in done.stdout
    assert done.stdout.count("Removed ") == 3
    assert not psutil.pid_exists(crashed) or psutil.Process(crashed).status() == psutil.STATUS_ZOMBIE
    assert _left(paths.runtime_dir()) == []
    again = _vita()
    assert (again.stdout, again.stderr) == ("", "Nothing was left behind.\n")


def test_a_dry_run_only_says_so_and_json_lists_it(crashed: int) -> None:
    before = _left(paths.runtime_dir())
    dry = json.loads(_vita("--dry-run", "--json").stdout)
    assert [record["pid"] for record in dry["ended"]] == [crashed]
    assert len(dry["removed"]) == 3
    assert _left(paths.runtime_dir()) == before
    assert "Would end language model" in _vita("--dry-run").stdout
    done = json.loads(_vita("--json").stdout)
    assert done == dry


def test_a_running_vita_cleans_up_after_itself() -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", RUNS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert program.stdout is not None
    program.stdout.readline()
    try:
        assert "Nothing was left behind." in _vita().stderr  # what runs is left alone
        done = _vita("--running")
        assert done.returncode == 0
        assert f"VITA, process {program.pid}: closed 1 of 1 leaks" in done.stdout
        (told,) = json.loads(_vita("--running", "--json").stdout)["programs"]
        assert (told["pid"], told["leaks"]) == (program.pid, [])
    finally:
        program.communicate("\n")
    assert "No VITA is running." in _vita("--running").stderr
