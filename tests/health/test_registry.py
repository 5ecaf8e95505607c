"""What is open, what leaked, and closing everything in order."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import subprocess
import sys
import threading
import weakref

import psutil
import pytest

from tests.conversation.support import assistant, silence
from tests.lockorder import LockOrder, lock_order  # noqa: F401  # a fixture
from vita_tui import paths
from vita_tui.clock import FakeClock
from vita_tui.engines.llm.fake import FakeResponder
from vita_tui.engines.tts.fake import FakeSynthesizer
from vita_tui.events import ReplyFinished
from vita_tui.health.registry import HISTORY, Entry, Registry, ResourceKind, register_task
from vita_tui.health.registry import registry as process_registry


class Thing:
    """Something that can be closed."""

    def __init__(self, log: list[str] | None = None, name: str = "") -> None:
        self.log = log if log is not None else []
        self.name = name

    def close(self) -> None:
        self.log.append(self.name)


def _add(
    registry: Registry, thing: object, name: str = "it", kind: ResourceKind = "client", **more: object
) -> Entry:
    return registry.register(thing, kind=kind, name=name, owner="tests", **more)  # type: ignore[arg-type]


def test_what_is_open_since_when_and_owned_by_whom() -> None:
    clock = FakeClock(1000.0)
    registry = Registry(clock)
    thing = Thing()
    entry = _add(registry, thing, "player", "stream")
    clock.advance(5)

    (shown,) = registry.open()
    assert (shown.kind, shown.name, shown.owner, shown.since, shown.leaked) == (
        "stream",
        "player",
        "tests",
        1000.0,
        False,
    )
    entry.leave()
    entry.leave()
    assert registry.open() == []
    assert (registry.total_opened, registry.total_closed) == (1, 1)
    (closed,) = registry.history()
    assert (closed.name, closed.since, closed.until) == ("player", 1000.0, 1005.0)


def test_the_registry_keeps_nothing_alive_not_even_through_a_bound_method() -> None:
    registry = Registry()
    thing = Thing()
    _add(registry, thing, close=thing.close)
    gone = weakref.ref(thing)
    del thing
    gc.collect()
    assert gone() is None


def test_a_resource_that_was_collected_is_a_leak_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    registry = Registry()
    thing = Thing()
    _add(registry, thing, "forgotten")
    assert registry.leaks() == []
    del thing
    gc.collect()
    assert [leak.leak for leak in registry.leaks()] == ["it was collected without being closed"]
    with caplog.at_level(logging.WARNING):
        assert len(registry.report_leaks()) == 1
        assert registry.report_leaks() == []
    assert sum("forgotten" in record.getMessage() for record in caplog.records) == 1


def test_an_owner_that_is_gone_makes_a_leak_of_what_it_opened() -> None:
    registry = Registry()
    owner, thing = Thing(), Thing()
    _add(registry, thing, owner_ref=owner)
    assert registry.leaks() == []
    del owner
    gc.collect()
    assert [leak.leak for leak in registry.leaks()] == ["its owner is gone"]


def test_an_owner_that_left_makes_a_leak_of_what_it_opened() -> None:
    registry = Registry()
    owner, thing = Thing(), Thing()
    parent = _add(registry, owner)
    _add(registry, thing, "child", owner_ref=parent)
    parent.leave()
    assert [leak.name for leak in registry.leaks()] == ["child"]


def test_a_thread_that_ended_without_leaving_is_a_leak() -> None:
    registry = Registry()
    thread = threading.Thread(target=lambda: None)
    _add(registry, thread, kind="thread")
    assert registry.leaks() == []  # not started yet
    thread.start()
    thread.join()
    assert [leak.leak for leak in registry.leaks()] == ["the thread has ended"]


def test_leaks_do_not_make_the_registry_grow() -> None:
    registry = Registry()
    for _ in range(20 * HISTORY):
        _add(registry, Thing())
    assert len(registry.open()) <= 2 * HISTORY
    assert registry.total_leaked >= 18 * HISTORY
    assert len(registry.history()) == HISTORY


def test_dependents_close_before_what_they_need_and_the_youngest_first() -> None:
    registry, log = Registry(), list[str]()
    things = {name: Thing(log, name) for name in ("device", "stream", "reader", "other")}
    device = _add(registry, things["device"], close=things["device"].close)
    stream = _add(registry, things["stream"], close=things["stream"].close, depends_on=[device])
    _add(registry, things["other"], close=things["other"].close)
    _add(registry, things["reader"], close=things["reader"].close, depends_on=[stream, device])

    assert registry.close_all(deadline=10.0) == []
    assert log == ["reader", "other", "stream", "device"]
    assert registry.open() == []


def test_one_that_hangs_is_forced_and_holds_up_only_what_it_needs() -> None:
    registry, log = Registry(), list[str]()
    released = threading.Event()
    base, hung, free = Thing(log, "base"), Thing(), Thing(log, "free")
    needed = _add(registry, base, close=base.close, force=lambda: log.append("base by force"))
    _add(registry, free, close=free.close)

    def force() -> None:
        log.append("forced")
        released.set()

    _add(registry, hung, close=lambda: released.wait(60), force=force, depends_on=[needed])
    assert registry.close_all(deadline=2.0) == []
    assert log[0] == "free"
    assert set(log[1:]) == {"forced", "base by force"}  # base was never closed while its user hung


def test_what_cannot_be_closed_is_told() -> None:
    registry = Registry()
    released = threading.Event()
    thing, broken = Thing(), Thing()
    _add(registry, thing, "stubborn", close=lambda: released.wait(60))
    _add(registry, broken, "broken", close=lambda: 1 / 0)
    assert {left.name for left in registry.close_all(deadline=0.2)} == {"stubborn", "broken"}
    released.set()


def test_the_calling_thread_is_not_closed_by_its_own_call() -> None:
    registry = Registry()
    closed: list[str] = []
    remaining: list[object] = []

    def run() -> None:
        _add(registry, threading.current_thread(), kind="thread", close=lambda: closed.append("self"))
        remaining.extend(registry.close_all(deadline=1.0))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert (closed, remaining) == ([], [])


def test_closing_leaks_leaves_the_rest_open() -> None:
    registry, log = Registry(), list[str]()
    kept, thing, owner = Thing(log, "kept"), Thing(log, "leaked"), Thing()
    _add(registry, kept, "kept", close=kept.close)
    _add(registry, thing, "leaked", close=thing.close, owner_ref=owner)
    del owner
    gc.collect()
    assert registry.close_leaks() == []
    assert log == ["leaked"]
    assert [resource.name for resource in registry.open()] == ["kept"]


def test_many_threads_register_and_leave_and_the_counts_are_exact(lock_order: LockOrder) -> None:  # noqa: F811
    registry = Registry()
    barrier = threading.Barrier(17)

    def work() -> None:
        things = [Thing() for _ in range(200)]
        barrier.wait()
        for thing in things:
            _add(registry, thing).leave()

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    barrier.wait()
    while any(thread.is_alive() for thread in threads):
        registry.open()
        registry.leaks()
    assert (registry.total_opened, registry.total_closed) == (3200, 3200)
    assert registry.open() == []
    assert lock_order.made > 0


def test_a_child_process_is_written_down_until_it_leaves() -> None:
    registry = Registry()
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        entry = _add(registry, child, "sleeper", "process", pid=child.pid)
        file = paths.runtime_dir() / "processes" / f"{child.pid}.json"
        record = json.loads(file.read_text())
        assert record["kind"] == "sleeper"
        assert record["created"] == psutil.Process(child.pid).create_time()
        assert file.stat().st_mode & 0o077 == 0
        entry.leave()
        assert not file.exists()
    finally:
        child.communicate(b"\n")


async def test_a_task_is_registered_until_it_is_done_and_can_be_cancelled_from_any_thread() -> None:
    async def forever() -> None:
        await asyncio.Event().wait()

    async def short() -> None: ...

    quick = asyncio.create_task(short(), name="short")
    entry = register_task(quick, owner="tests")
    await quick
    await asyncio.sleep(0)
    assert entry.left
    task = asyncio.create_task(forever(), name="forever")
    entry = register_task(task, owner="tests")
    assert [(one.kind, one.name) for one in process_registry.open() if one.owner == "tests"] == [
        ("task", "forever")
    ]
    await asyncio.to_thread(entry.close)
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    await asyncio.sleep(0)
    assert entry.left


async def test_in_the_middle_of_a_turn_every_thread_and_task_of_the_program_is_registered() -> None:
    threads, tasks = set(threading.enumerate()), asyncio.all_tasks()
    gate = threading.Event()
    async with assistant(
        FakeResponder(["A reply."]), voices=[FakeSynthesizer(gate=gate)], microphone=silence(), upkeep=True
    ) as (vita, events):
        asking = asyncio.create_task(vita.ask("One?"))
        await events.until(ReplyFinished)
        opened = [one.name for one in process_registry.open()]
        ours = {thread.name for thread in set(threading.enumerate()) - threads}
        ours = {name for name in ours if not name.startswith("asyncio_")}  # the loop's own pool
        assert {"listener", "whisper", "synthesis", "health", "pressure", "breaker-probe", "control"} <= ours
        assert ours <= set(opened)
        ours = {task.get_name() for task in asyncio.all_tasks() - tasks - {asking}}
        assert ours
        assert ours <= set(opened)
        gate.set()
        await asking
    left = [one for one in process_registry.open() if not one.owner.startswith("tests")]
    assert left == []
