"""Tasks on a loop: kept, told of when they fail, cancelled in the end; and what threads have done there."""

from __future__ import annotations

import asyncio
import threading

import pytest

from vita_tui.errors import EngineError
from vita_tui.health.registry import registry
from vita_tui.health.tasks import Tasks, notice_of


def _shown() -> list[str]:
    return [one.name for one in registry.open() if one.owner == "tests"]


async def test_a_task_is_written_down_until_it_is_over() -> None:
    tasks, over = Tasks("tests", lambda _: None), asyncio.Event()
    task = tasks.spawn(over.wait(), "waits")
    assert _shown() == ["waits"]
    over.set()
    assert await task
    await asyncio.sleep(0)
    assert _shown() == []


async def test_an_error_is_told_once_and_a_cancelled_task_is_none(caplog: pytest.LogCaptureFixture) -> None:
    errors: list[BaseException] = []
    tasks = Tasks("tests", errors.append)

    async def fail() -> None:
        raise EngineError("No voice.", remedy="vita doctor")

    tasks.spawn(asyncio.sleep(60), "sleeps")
    await asyncio.wait({tasks.spawn(fail(), "fails")})
    await tasks.aclose()
    assert [notice_of(error).message for error in errors] == ["No voice."]
    assert "task fails failed" in caplog.text
    assert notice_of(errors[0]).remedy == "vita doctor"
    assert notice_of(ValueError()).message == "ValueError"
    assert _shown() == []


async def test_who_closes_the_tasks_may_be_one_of_them() -> None:
    tasks = Tasks("tests", lambda _: None)
    sleeping = tasks.spawn(asyncio.sleep(60), "sleeps")
    await asyncio.wait_for(tasks.spawn(tasks.aclose(), "closes"), 60)
    assert sleeping.cancelled()


async def test_a_thread_has_work_done_on_the_loop() -> None:
    tasks, threads, errors = Tasks("tests", lambda _: None), [], []
    tasks.begin()

    async def note() -> None:
        threads.append(threading.current_thread())

    def work() -> None:
        tasks.post(threads.append, None)
        tasks.wait_for(note(), 60)
        try:
            tasks.wait_for(asyncio.sleep(60), 0.05)
        except EngineError as error:
            errors.append(str(error))

    await asyncio.to_thread(work)
    assert threads == [None, threading.main_thread()]
    assert errors == ["It did not end within 0 s."]


def test_without_a_loop_nothing_is_done_and_nobody_waits() -> None:
    called: list[int] = []
    tasks = Tasks("tests", lambda _: None)
    tasks.post(called.append, 1)
    tasks.wait_for(asyncio.sleep(60), 60)
    asyncio.run(_begin(tasks))
    tasks.post(called.append, 2)
    tasks.wait_for(asyncio.sleep(60), 60)
    assert called == []


async def _begin(tasks: Tasks) -> None:
    tasks.begin()
