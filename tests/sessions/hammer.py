"""Many threads of one process that write the same sessions; run as a program by the races' test.

`python -m tests.sessions.hammer KIND PLACE THREADS OPERATIONS ID...` prints what it was told is stored, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from vita_tui.sessions.manager import SessionManager
from vita_tui.sessions.redis import RedisStore
from vita_tui.sessions.session import Turn
from vita_tui.sessions.sqlite import SqliteStore
from vita_tui.sessions.store import Store


def store_of(kind: str, place: str) -> Store:
    # With 64 writers on two cores an answer may take its time; that is not what is tested here.
    return RedisStore(place, timeout=30) if kind == "redis" else SqliteStore(Path(place), busy_seconds=60)


async def work(
    manager: SessionManager, ids: Sequence[str], number: int, operations: int
) -> dict[str, list[str]]:
    """Add turns and change them afterwards, spread over the sessions; returns the turns of each."""
    told: dict[str, list[str]] = {session_id: [] for session_id in ids}
    for step in range(operations // 2):
        session_id = ids[(number + step) % len(ids)]
        turn = Turn("user", f"{number}/{step}", tokens=1)
        await manager.append(session_id, turn)
        await manager.update_turn(session_id, replace(turn, heard=turn.text, tokens=2))
        told[session_id].append(turn.id)
    return told


def in_threads(
    manager: SessionManager, ids: Sequence[str], threads: int, operations: int
) -> list[dict[str, list[str]]]:
    """`work` in so many threads that share one manager, each with its own loop; all begin at once."""
    results: list[dict[str, list[str]]] = []
    barrier = threading.Barrier(threads)

    def run(number: int) -> None:
        barrier.wait()
        results.append(asyncio.run(work(manager, ids, number, operations // threads)))

    running = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return results


def in_threads_of_their_own(
    place: str, ids: Sequence[str], threads: int, operations: int
) -> tuple[list[dict[str, list[str]]], list[dict[str, Any]]]:
    """The same with a store and a manager in each thread, as a Redis store belongs to one loop."""
    results: list[dict[str, list[str]]] = []
    counted: list[dict[str, Any]] = []
    barrier = threading.Barrier(threads)

    async def one(number: int) -> None:
        manager = SessionManager(store_of("redis", place))
        await manager.open()
        results.append(await work(manager, ids, number, operations // threads))
        counted.append(figures(manager))
        await manager.cleanup()

    def run(number: int) -> None:
        barrier.wait()
        asyncio.run(one(number))

    running = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return results, counted


def figures(manager: SessionManager) -> dict[str, Any]:
    stats = manager.stats()
    return {
        "updated": stats.counters.total_updated,
        "errors": stats.counters.access_errors,
        "conflicts": stats.conflicts,
        "away": stats.away,
        "appended": stats.appended,
    }


async def main(kind: str, place: str, threads: int, operations: int, ids: list[str]) -> None:
    if kind == "redis":
        told, counted = await asyncio.to_thread(in_threads_of_their_own, place, ids, threads, operations)
    else:
        manager = SessionManager(store_of(kind, place))
        await manager.open()
        told = await asyncio.to_thread(in_threads, manager, ids, threads, operations)
        counted = [figures(manager)]
        await manager.cleanup()
    sys.stdout.write(json.dumps({"told": told, "counted": counted}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5:]))
