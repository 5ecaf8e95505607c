"""Proofs with figures for sessions and stores, each beside its ablation; `python -m tests.health.proofs` prints them."""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.sessions.hammer import figures, in_threads, store_of
from tests.sessions.servers import RedisServer
from vita_tui.clock import FakeClock
from vita_tui.sessions.manager import SessionManager
from vita_tui.sessions.memory import MemoryStore
from vita_tui.sessions.session import Turn, new_session
from vita_tui.sessions.sqlite import SqliteStore
from vita_tui.sessions.store import Store
from vita_tui.settings import SessionSettings

__all__ = [
    "PROCESSES",
    "SESSIONS",
    "THREADS",
    "Leak",
    "Race",
    "begin",
    "hammer",
    "leak",
    "race",
    "races",
    "store_place",
]

ROOT = Path(__file__).parent.parent.parent
SESSIONS = 16
THREADS = 16
PROCESSES = 4
ROUND = 10_240
"""Operations on the same conversations: with more of them these grow so long that reading them takes all the time."""
SUMMED = ("updates", "lost", "doubled", "stale", "conflicts", "errors", "seconds")
HALF = 12 * 3600.0


# ---- a day of sessions


@dataclass(frozen=True, slots=True)
class Leak:
    """What a simulated day of conversations leaves in memory."""

    sessions: int
    most: int
    """Sessions that were live after any of them."""
    stored: int
    half: int
    """Bytes after half of the day."""
    whole: int
    """Bytes at its end."""

    @property
    def growth(self) -> float:
        """Of the second half."""
        return self.whole / self.half - 1.0


async def leak(folder: Path, sessions: int, max_live: int) -> Leak:
    """So many conversations of 4 KB in a day, at most `max_live` of them in memory, on a SQLite file in `folder`."""
    clock = FakeClock()
    store = SqliteStore(folder / f"{max_live}" / "sessions.db", clock=clock)
    manager = SessionManager(store, SessionSettings(max_live=max_live), clock)
    await manager.open()
    tracemalloc.start()
    most, traced = 0, list[int]()
    try:
        for _ in range(2):
            for number in range(sessions // 2):
                session = await manager.create({})
                await manager.append(session.id, Turn("user", f"{number:8} " + "x" * 4000))
                clock.advance(HALF / (sessions // 2))
                if number % max(1, sessions // 24) == 0:
                    await manager.sweep()
                most = max(most, manager.stats().live)
            await manager.sweep()  # the writer's last piece of work is one without text
            gc.collect()
            traced.append(tracemalloc.get_traced_memory()[0])
        stored = await store.count()
    finally:
        tracemalloc.stop()
        await manager.cleanup()
    return Leak(sessions, most, stored, *traced)


# ---- races


@dataclass(frozen=True, slots=True)
class Race:
    """What became of updates that many writers made at once."""

    kind: str
    processes: int
    updates: int
    """That the writers were told are stored."""
    lost: int
    doubled: int
    stale: int
    """Turns whose last change is not there."""
    conflicts: int
    """Writes that met a newer version and were merged."""
    errors: int
    exact: bool
    """The store's counters, the sessions' versions and their token counts all say the same number."""
    seconds: float


async def begin(store: Store, sessions: int = SESSIONS) -> list[str]:
    begun = [new_session({}, 1.0) for _ in range(sessions)]
    for session in begun:
        await store.create(session)
    return [session.id for session in begun]


def hammer(kind: str, place: str, ids: list[str], operations: int) -> list[dict[str, Any]]:
    """Four processes of sixteen threads at once; what each of them was told."""
    command = [
        *(sys.executable, "-m", "tests.sessions.hammer", kind, place),
        *(str(THREADS), str(operations // PROCESSES), *ids),
    ]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(PROCESSES)
    ]
    return [json.loads(child.communicate()[0]) for child in running]


@contextmanager
def store_place(kind: str) -> Iterator[str]:
    """A SQLite file or a Redis server of its own."""
    with tempfile.TemporaryDirectory(prefix="vita-races-") as folder:
        if kind != "redis":
            yield f"{folder}/store/sessions.db"
            return
        server = RedisServer(Path(folder) / "redis")
        server.start()
        try:
            yield server.url
        finally:
            server.kill()


async def races(kind: str, operations: int, place: str = "") -> Race:
    """`race` until there were so many operations or a few more, each time on conversations that are new, as one."""
    found = [await race(kind, min(ROUND, operations), place) for _ in range(0, operations, ROUND)]
    return Race(
        kind,
        found[0].processes,
        exact=all(one.exact for one in found),
        **{name: sum(getattr(one, name) for one in found) for name in SUMMED},
    )


async def race(kind: str, operations: int, place: str = "") -> Race:
    """Sixteen threads on the memory store, four processes of sixteen threads on the others.

    Args:
        operations: of all writers together.
        place: the file or URL of the store.
    """
    started = time.monotonic()
    if kind == "memory":
        store: Store = MemoryStore(clock=FakeClock())
        ids = await begin(store)
        before = (await store.totals()).total_updated
        manager = SessionManager(store)
        await manager.open()
        told = await asyncio.to_thread(in_threads, manager, ids, THREADS, operations)
        counted = [figures(manager)]
        result = await _account(kind, 1, store, ids, told, counted, before, started)
        await manager.cleanup()
        return result
    store = store_of(kind, place)
    await store.open()
    ids = await begin(store)
    before = (await store.totals()).total_updated
    results = await asyncio.to_thread(hammer, kind, place, ids, operations)
    told = [one for result in results for one in result["told"]]
    counted = [one for result in results for one in result["counted"]]
    try:
        return await _account(kind, PROCESSES, store, ids, told, counted, before, started)
    finally:
        await store.cleanup()


async def _account(
    kind: str,
    processes: int,
    store: Store,
    ids: list[str],
    told: Iterable[dict[str, list[str]]],
    counted: list[dict[str, Any]],
    before: int,
    started: float,
) -> Race:
    told = list(told)
    lost = doubled = stale = updates = 0
    exact = True
    for session_id in ids:
        session = await store.read(session_id)
        assert session is not None
        stored = [turn.id for turn in session.turns]
        expected = [turn_id for writer in told for turn_id in writer[session_id]]
        lost += len(set(expected) - set(stored))
        doubled += len(stored) - len(set(stored))
        stale += sum(turn.heard != turn.text for turn in session.turns)
        exact &= session.tokens == 2 * len(expected) == session.version - 1
        updates += 2 * len(expected)
    exact &= (
        (await store.totals()).total_updated - before == updates == sum(one["updated"] for one in counted)
    )
    exact &= not any(one["away"] for one in counted)
    return Race(
        kind,
        processes,
        updates,
        lost,
        doubled,
        stale,
        sum(one["conflicts"] for one in counted),
        sum(one["errors"] for one in counted),
        exact,
        time.monotonic() - started,
    )
