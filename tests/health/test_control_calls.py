"""Requests that take their time: told of meanwhile, answered, refused, and ended with whoever asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.health.test_control import _connect, _program
from vita_tui.errors import DeviceError, VitaError
from vita_tui.health import control, control_calls
from vita_tui.health.control import ControlServer
from vita_tui.health.control_calls import RemoteCall, RemoteCalls, Tell, call
from vita_tui.health.tasks import Tasks

LIMIT = 60.0


@asynccontextmanager
async def serving(calls: Mapping[str, RemoteCall]) -> AsyncIterator[Tasks]:
    tasks = Tasks("tests", lambda error: None)
    tasks.begin()
    server = ControlServer(calls=RemoteCalls(calls, lambda work: tasks.post(tasks.spawn, work, "control")))  # type: ignore[arg-type]
    server.start()
    try:
        async with asyncio.timeout(LIMIT):
            yield tasks
    finally:
        await tasks.aclose()
        await asyncio.to_thread(server.cleanup)


async def test_it_tells_and_answers() -> None:
    async def count(given: Any, tell: Tell) -> Any:
        for number in range(given["to"]):
            tell(number)
        return "done: ä\n"

    told: list[int] = []
    async with serving({"count": count}):
        assert await call(_program(), "count", {"to": 3}, on_event=told.append) == "done: ä\n"
        assert told == [0, 1, 2]
        assert await asyncio.to_thread(control.ask, _program(), "open"), "the short ones go on"


async def test_an_error_arrives_as_what_it_is() -> None:
    async def fail(given: Any, tell: Tell) -> Any:
        raise DeviceError("There is no microphone.", remedy="Plug it in.") if given else ValueError("oh")

    async with serving({"fail": fail}):
        with pytest.raises(DeviceError) as device:
            await call(_program(), "fail", True)
        assert (device.value.message, device.value.remedy) == ("There is no microphone.", "Plug it in.")
        with pytest.raises(VitaError, match="ValueError: oh"):
            await call(_program(), "fail", False)


@pytest.mark.parametrize("how", ["cancelled", "closed"])
async def test_who_goes_away_ends_it(how: str) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def wait(given: Any, tell: Tell) -> Any:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with serving({"wait": wait}):
        if how == "cancelled":
            asking = asyncio.ensure_future(call(_program(), "wait"))
            await begun.wait()
            asking.cancel()
        else:
            connection = await asyncio.to_thread(_connect)
            connection.sendall(f"{_program().key} wait\n".encode())
            await begun.wait()
            connection.close()
        await ended.wait()


async def test_the_program_ends_and_whoever_asks_is_told() -> None:
    begun = asyncio.Event()

    async def wait(given: Any, tell: Tell) -> Any:
        begun.set()
        await asyncio.Event().wait()

    async with serving({"wait": wait}) as tasks:
        asking = asyncio.ensure_future(call(_program(), "wait"))
        await begun.wait()
        await tasks.aclose()
        with pytest.raises(VitaError, match="does not answer"):
            await asking


async def test_too_many_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_calls, "MAX_CALLS", 1)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def wait(given: Any, tell: Tell) -> Any:
        begun.set()
        await go_on.wait()
        return "first"

    async with serving({"wait": wait}):
        first = asyncio.ensure_future(call(_program(), "wait"))
        await begun.wait()
        with pytest.raises(VitaError, match="Too many"):
            await call(_program(), "wait")
        go_on.set()
        assert await first == "first"


async def test_one_that_does_not_read_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_calls, "MAX_UNREAD", 10_000)
    ended = asyncio.Event()

    async def flood(given: Any, tell: Tell) -> Any:
        try:
            while True:
                tell("x" * 1000)
                await asyncio.sleep(0)
        finally:
            ended.set()

    async with serving({"flood": flood}):
        connection = await asyncio.to_thread(_connect)
        connection.sendall(f"{_program().key} flood\n".encode())
        await ended.wait()
        connection.close()


@pytest.mark.parametrize(
    ("request_of", "answer"),
    [
        (lambda key: f"{key} echo {{not JSON\n", "not JSON"),
        (lambda key: f"{key} nothing 1\n", "unknown request"),
        (lambda key: "wrong echo 1\n", ""),
    ],
    ids=["bad argument", "unknown", "wrong key"],
)
async def test_bad_requests_get_an_answer_or_none(request_of: Callable[[str], str], answer: str) -> None:
    async def echo(given: Any, tell: Tell) -> Any:
        return given

    async with serving({"echo": echo}):
        connection = await asyncio.to_thread(_connect)
        connection.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=connection)
        writer.write(request_of(_program().key).encode())
        assert answer in (await reader.read()).decode()
        writer.close()
        assert await call(_program(), "echo", ["still", "there"]) == ["still", "there"]


async def test_a_program_that_is_gone_is_told(home: Path) -> None:
    gone = control.Program(1, home / "none.sock", "key")
    with pytest.raises(VitaError, match="does not answer"):
        await call(gone, "status")
