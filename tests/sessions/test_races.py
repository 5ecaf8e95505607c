"""Sixteen threads and four processes on each store: every update is accounted for, none lost, none doubled."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from tests.sessions import contention
from tests.sessions.careless import lost_without_versions
from tests.sessions.conftest import OPERATIONS
from tests.sessions.hammer import in_threads
from tests.sessions.proofs import THREADS, begin, race, store_place
from vita_tui.clock import FakeClock
from vita_tui.sessions.manager import SessionManager
from vita_tui.sessions.memory import MemoryStore
from vita_tui.sessions.session import Session, Turn
from vita_tui.sessions.sqlite import SqliteStore


@pytest.mark.proof
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", ["memory", "sqlite", pytest.param("redis", marks=pytest.mark.redis)])
async def test_every_update_of_many_writers_is_accounted_for(kind: str) -> None:
    with store_place(kind) as place:
        found = await race(kind, OPERATIONS, place)
    print(found)
    assert found.updates == OPERATIONS // (THREADS * found.processes) // 2 * 2 * THREADS * found.processes
    assert (found.lost, found.doubled, found.stale, found.errors) == (0, 0, 0, 0)
    assert found.exact
    assert kind == "memory" or found.conflicts > 0  # they did meet


@pytest.mark.proof
@pytest.mark.parametrize("kind", ["memory", "sqlite", pytest.param("redis", marks=pytest.mark.redis)])
def test_without_versions_turns_are_lost(kind: str) -> None:
    with store_place(kind) as place:
        written, lost = lost_without_versions(kind, place)
    assert 0 < lost < written


@pytest.mark.proof
async def test_live_sessions_are_pictures_of_their_records_after_a_race() -> None:
    store = MemoryStore(clock=FakeClock())
    ids = await begin(store)
    manager = SessionManager(store)
    await manager.open()
    await asyncio.to_thread(in_threads, manager, ids, THREADS, OPERATIONS)
    for session_id in ids:
        assert manager.live(session_id) == await store.read(session_id)
    await manager.cleanup()


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


def test_both_ways_of_locking_do_all_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    done: Counter[str] = Counter()

    class Counting(SessionManager):
        def live(self, session_id: str) -> Session | None:
            done["looks"] += 1
            return super().live(session_id)

        async def append(self, session_id: str, turn: Turn) -> Session:
            session = await super().append(session_id, turn)
            assert session.turns[-1].id == turn.id
            done["appends"] += 1
            return session

    monkeypatch.setattr(contention, "SessionManager", Counting)
    figures = contention.measure_contention(threads=16, operations=640)
    print(figures)  # what each of them waits is a figure, not a test
    assert figures.operations == 640
    # In both runs each of 16 threads did 40 operations, four of them appends, which look, too.
    assert done["appends"] == 2 * 16 * 4
    assert done["looks"] >= 2 * 16 * 36
