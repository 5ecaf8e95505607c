"""Each store, open; and the events that a manager publishes."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.sessions.servers import RedisServer
from vita_tui.clock import FakeClock
from vita_tui.events import Event, EventBus, Notice
from vita_tui.sessions.memory import MemoryStore
from vita_tui.sessions.redis import RedisStore
from vita_tui.sessions.sqlite import SqliteStore
from vita_tui.sessions.store import Store

OPERATIONS = int(os.environ.get("VITA_TEST_OPERATIONS", "2000"))
"""How much the long tests do; 100000 for the whole proof."""


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["memory", "sqlite", pytest.param("redis", marks=pytest.mark.redis)])
def make_store(request: pytest.FixtureRequest, clock: FakeClock, tmp_path: Path) -> Callable[[], Store]:
    """Makes another client of the same store; the memory store has only one."""
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        return lambda: RedisStore(server.url)
    if request.param == "sqlite":
        return lambda: SqliteStore(tmp_path / "store" / "sessions.db", clock=clock)
    memory = MemoryStore(clock=clock)
    return lambda: memory


@pytest.fixture
async def store(make_store: Callable[[], Store]) -> AsyncIterator[Store]:
    store = make_store()
    await store.open()
    yield store
    await store.cleanup()


@pytest.fixture
def bus() -> EventBus:
    return EventBus()


@pytest.fixture
def notices(bus: EventBus) -> list[Notice]:
    """What was said to the user."""
    seen: list[Notice] = []

    def listen(event: Event) -> None:
        if isinstance(event, Notice):
            seen.append(event)

    bus.subscribe(listen)
    return seen
