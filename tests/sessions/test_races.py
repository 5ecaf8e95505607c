"""Sixteen threads and four processes on each store: every update is accounted for, none lost, none doubled."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.sessions.conftest import OPERATIONS
from tests.sessions.hammer import figures, in_threads, store_of
from tests.sessions.servers import RedisServer
from vita_tui.clock import FakeClock
from vita_tui.sessions.contention import measure_contention
from vita_tui.sessions.manager import SessionManager
from vita_tui.sessions.memory import MemoryStore
from vita_tui.sessions.session import Turn, new_session
from vita_tui.sessions.sqlite import SqliteStore
from vita_tui.sessions.store import Store

SESSIONS = 16
THREADS = 16
PROCESSES = 4


async def begin(store: Store) -> list[str]:
    sessions = [new_session({}, 1.0) for _ in range(SESSIONS)]
    for session in sessions:
        await store.create(session)
    return [session.id for session in sessions]


async def account(store: Store, ids: list[str], told: Iterable[dict[str, list[str]]]) -> int:
    """Compare what the writers were told with what is stored; returns how many updates there were."""
    told = list(told)
    updates = 0
    for session_id in ids:
        session = await store.read(session_id)
        assert session is not None
        stored = [turn.id for turn in session.turns]
        expected = [turn_id for writer in told for turn_id in writer[session_id]]
        assert len(stored) == len(set(stored)) == len(expected)
        assert set(stored) == set(expected)
        assert all(turn.heard == turn.text for turn in session.turns)
        assert session.tokens == 2 * len(expected)
        assert session.version == 1 + 2 * len(expected)  # one for each write that was told to have succeeded
        updates += 2 * len(expected)
    summaries = {summary.id: summary for summary in await store.recent(100, 0)}
    assert sum(summary.tokens for summary in summaries.values()) == updates
    assert (await store.totals()).total_updated == updates
    return updates


async def test_sixteen_threads_on_the_memory_store() -> None:
    store = MemoryStore(clock=FakeClock())
    ids = await begin(store)
    manager = SessionManager(store)
    await manager.open()
    told = await asyncio.to_thread(in_threads, manager, ids, THREADS, OPERATIONS)
    counted = figures(manager)
    assert await account(store, ids, told) == counted["updated"] == counted["appended"]
    for session_id in ids:
        assert manager.live(session_id) == await store.read(session_id)
    await manager.cleanup()


def hammer(kind: str, place: str, ids: list[str]) -> list[dict[str, Any]]:
    """Four processes of sixteen threads at once; what each of them was told."""
    command = [
        *(sys.executable, "-m", "tests.sessions.hammer", kind, place),
        *(str(THREADS), str(OPERATIONS // PROCESSES), *ids),
    ]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(PROCESSES)
    ]
    return [json.loads(child.communicate()[0]) for child in running]


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", ["sqlite", pytest.param("redis", marks=pytest.mark.redis)])
async def test_four_processes_of_sixteen_threads(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if kind == "redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        place = server.url
    else:
        place = str(tmp_path / "store" / "sessions.db")
    store = store_of(kind, place)
    await store.open()
    ids = await begin(store)
    results = await asyncio.to_thread(hammer, kind, place, ids)
    counted = [one for result in results for one in result["counted"]]
    assert [one["away"] for one in counted if one["away"]] == []
    updates = await account(store, ids, (told for result in results for told in result["told"]))
    assert updates == sum(one["updated"] for one in counted)
    assert sum(one["errors"] for one in counted) == 0
    assert sum(one["conflicts"] for one in counted) > 0  # they did meet
    print(
        f"{kind}: {updates} updates, {sum(one['conflicts'] for one in counted)} conflicts merged, none lost"
    )
    await store.cleanup()


async def test_who_looks_does_not_wait_for_who_writes(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    manager = SessionManager(SqliteStore(path, busy_seconds=60))
    await manager.open()
    session = await manager.create({})
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(manager.append(session.id, Turn("user", "waits for the disk")))
        looks = await asyncio.to_thread(lambda: [manager.live(session.id) for _ in range(1000)])
        assert looks == [session] * 1000
        assert await manager.get(session.id) == session  # readers of the file do not wait either
        assert await manager.list() == []
        assert not writing.done()
        other.execute("ROLLBACK")
    assert len((await writing).turns) == 1
    await manager.cleanup()


def test_both_ways_of_locking_do_all_the_work() -> None:
    figures = measure_contention(threads=16, operations=640)
    print(figures)  # what each of them waits is a figure, not a test
    assert figures.operations == 640
    assert figures.design.per_second > 0 < figures.global_lock.per_second
