"""The checker itself: it must find what it is there for."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests import lockorder
from tests.conftest import ROOT
from tests.lockorder import LockOrder, watched


def test_two_orders_that_contradict_each_other_fail_though_no_deadlock_happened() -> None:
    with pytest.raises(pytest.fail.Exception, match="contradicting orders"), watched("tests"):
        first, second = (
            threading.Lock(),
            threading.Lock(),
        )
        with first, second:
            pass
        with second, first:
            pass


def test_one_order_over_and_over_is_fine() -> None:
    with watched("tests") as order:
        outer = threading.RLock()
        inner = threading.Lock()
        for _ in range(3):
            with outer, outer, inner:
                pass
    assert len(order.edges) == 1


def test_trying_a_lock_is_no_order() -> None:
    with watched("tests") as order:
        first = threading.Lock()
        second = threading.Lock()
        with first, second:
            pass
        with second:
            assert first.acquire(timeout=60)
            first.release()
    assert len(order.edges) == 1


def test_a_condition_gives_its_lock_up_while_it_waits() -> None:
    with watched("tests") as order:
        lock = threading.RLock()
        condition = threading.Condition(lock)
        other = threading.Lock()
        told = threading.Event()

        def tell() -> None:
            with other, condition:  # this order would contradict if waiting held the lock
                condition.notify()
                told.set()

        with condition:
            thread = threading.Thread(target=tell)
            thread.start()
            assert condition.wait(timeout=60)
        thread.join()
    assert told.is_set()
    assert order.cycle() == []


def test_a_deadlock_that_happens_is_shown_with_all_stacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lockorder, "PATIENCE", 0.05)
    with pytest.raises(pytest.fail.Exception, match="was not had in"), watched("tests"):
        lock = threading.Lock()
        with lock, pytest.raises(RuntimeError):
            lock.acquire()


WHOLE = """
from tests.lockorder import TrackedLock
from tests import conftest, lockorder
from vita_tui.audio import portaudio
from vita_tui.health.registry import registry

def test_from_before_the_first_import():
    assert isinstance(registry._lock, TrackedLock)
    assert isinstance(portaudio._lock, TrackedLock)
    taken = conftest.LOCKS.taken
    registry.open()
    assert conftest.LOCKS.taken > taken
    lock, other = registry._lock, portaudio._lock
    conftest.LOCKS.edges = {("a", "b"): "", ("b", "a"): ""}
"""


@pytest.mark.long
@pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["alone", "in a worker"])
def test_the_option_watches_the_whole_run_from_before_the_first_import(
    tmp_path: Path, workers: list[str]
) -> None:
    file = tmp_path / "test_whole.py"
    file.write_text(WHOLE)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.conftest",
        "-p",
        "no:cacheprovider",
        "--lockorder",
    ]
    child = subprocess.run(
        [*command, "--lockorder", *workers, f"--rootdir={tmp_path}", str(file)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert " 1 passed" in child.stdout, child.stdout
    assert " 1 error" in child.stdout, child.stdout
    assert "locks are taken in contradicting orders" in child.stdout
    assert "lock order: " in child.stdout
    assert "lock order: 0 locks" not in child.stdout


def test_a_condition_without_a_lock_of_its_own_is_tracked_too() -> None:
    with watched("tests") as order:
        condition = threading.Condition()
        lock = threading.Lock()
        with condition, lock:
            condition.notify()
    assert len(order.edges) == 1


def test_what_was_told_once_fails_no_later_test() -> None:
    order = LockOrder()
    order.edges = {("a", "b"): "", ("b", "a"): "", ("a", "c"): ""}
    with pytest.raises(pytest.fail.Exception, match="contradicting orders"):
        order.check_news()
    order.check_news()
    assert order.edges == {("a", "c"): ""}
    order.edges["c", "a"] = ""
    with pytest.raises(pytest.fail.Exception, match="contradicting orders"):
        order.check_news()
