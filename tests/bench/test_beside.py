"""Programs that keep cores busy: they are there while they are needed, and gone afterwards, whatever happens."""

from __future__ import annotations

import subprocess
import sys

import psutil
import pytest

from vita_tui.bench.beside import beside

MOST = 60.0
"""Seconds for a process to be gone."""


def test_they_compute_meanwhile_and_are_gone_afterwards() -> None:
    with beside(2) as pids:
        processes = [psutil.Process(pid) for pid in pids]
        assert len(set(pids)) == 2
        assert all(process.is_running() for process in processes)
    assert not psutil.wait_procs(processes, MOST)[1]


def test_none_is_started_where_none_is_wanted() -> None:
    with beside(0) as pids:
        assert pids == []


def test_they_go_when_what_is_measured_fails() -> None:
    pids: list[int] = []
    with pytest.raises(ZeroDivisionError), beside(1) as found:  # what is inside is what fails
        pids += found
        1 / 0  # noqa: B018
    assert not psutil.pid_exists(pids[0])


def test_they_end_by_themselves_when_their_time_is_over() -> None:
    with beside(1, seconds=0.01) as (pid,):
        psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], MOST)
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_they_go_with_their_parent_however_it_ends() -> None:
    code = (
        "import os\nfrom vita_tui.bench.beside import beside\n"
        "with beside(1) as (pid,):\n    print(pid, flush=True)\n    os._exit(1)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=MOST, check=False
    )
    (pid,) = map(int, run.stdout.split())
    if psutil.pid_exists(pid):
        assert not psutil.wait_procs([psutil.Process(pid)], MOST)[1]
