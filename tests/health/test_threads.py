"""A thread is in the registry from its start until it ends, or until it is left to itself."""

from __future__ import annotations

import threading
from uuid import uuid4

import pytest

from vita_tui.health.registry import registry
from vita_tui.health.threads import RegisteredThread

LONG = 60.0


def listed(name: str) -> list[str]:
    return [open_.owner for open_ in registry.open() if open_.name == name]


def test_it_is_there_while_it_runs_and_gone_when_it_has_ended() -> None:
    name, go = f"worker {uuid4()}", threading.Event()
    heard: list[tuple[int, ...]] = []

    def work(*said: int) -> None:
        go.wait(LONG)
        heard.append(said)

    thread = RegisteredThread(work, 1, 2, name=name, owner="tests")
    thread.start()
    assert listed(name) == ["tests"]
    go.set()
    assert thread.finish(LONG)
    assert (listed(name), heard) == ([], [(1, 2)])


def test_one_that_raises_leaves_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    name, told = f"worker {uuid4()}", threading.Event()
    monkeypatch.setattr(threading, "excepthook", lambda _: told.set())
    thread = RegisteredThread(lambda: 1 / 0, name=name, owner="tests")
    thread.start()
    thread.join(LONG)
    assert told.is_set()
    assert listed(name) == []


def test_one_that_does_not_end_is_left_to_itself() -> None:
    name, go = f"worker {uuid4()}", threading.Event()
    thread = RegisteredThread(go.wait, LONG, name=name, owner="tests")
    thread.start()
    assert not thread.finish(0.0)
    assert listed(name) == []
    go.set()
    thread.join(LONG)


def test_it_does_not_wait_for_itself() -> None:
    ended: list[bool] = []
    thread = RegisteredThread(
        lambda: ended.append(thread.finish(LONG)), name=f"worker {uuid4()}", owner="tests"
    )
    thread.start()
    thread.join(LONG)
    assert ended == [True]


def test_the_registry_closes_it_by_what_it_was_given() -> None:
    name, stop = f"worker {uuid4()}", threading.Event()
    thread = RegisteredThread(stop.wait, LONG, name=name, owner="tests", close=stop.set)
    thread.start()
    entry = next(entry for entry in registry._entries.values() if entry.name == name)
    entry.close()
    thread.join(LONG)
    assert not thread.is_alive()
    assert listed(name) == []
