"""The ablation of the races: many threads that write the same sessions without versions, so that the last writer wins.

Each keeps a session as one piece, as services do: read it, add a turn, write it back.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

__all__ = ["lost_without_versions"]

Read = Callable[[int], list[str]]
Write = Callable[[int, list[str]], None]


def lost_without_versions(
    kind: str, place: str, *, sessions: int = 16, threads: int = 16, operations: int = 2000
) -> tuple[int, int]:
    """Turns that were written, and those of them that are not there at the end.

    Args:
        kind: memory, sqlite or redis.
        place: the file, or the URL.
    """
    shared: dict[int, list[str]] = {number: [] for number in range(sessions)}
    if kind == "sqlite":
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(place)) as db, db:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("CREATE TABLE session (id INTEGER PRIMARY KEY, body TEXT)")
            db.executemany("INSERT INTO session VALUES (?, '[]')", [(number,) for number in shared])
    barrier = threading.Barrier(threads)

    def work(number: int) -> None:
        read, write, close = _way(kind, place, shared)
        barrier.wait()
        for step in range(operations // threads):
            session = (number + step) % sessions
            turns = read(session)
            time.sleep(0)  # others may come between, as they do on many cores
            write(session, [*turns, f"{number}/{step}"])
        close()

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # so that they meet as often as on many cores
    try:
        workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    finally:
        sys.setswitchinterval(before)
    read, _, close = _way(kind, place, shared)
    there = sum(len(read(number)) for number in shared)
    close()
    written = operations // threads * threads
    return written, written - there


def _way(kind: str, place: str, shared: dict[int, list[str]]) -> tuple[Read, Write, Callable[[], Any]]:
    """How a thread reads and writes a session, and what ends that."""
    if kind == "memory":
        return shared.__getitem__, shared.__setitem__, lambda: None
    if kind == "sqlite":
        db = sqlite3.connect(place, timeout=60, isolation_level=None)
        db.execute("PRAGMA synchronous=OFF")

        def select(number: int) -> list[str]:
            found = db.execute("SELECT body FROM session WHERE id = ?", (number,)).fetchone()
            return list(json.loads(found[0]))

        def update(number: int, turns: list[str]) -> None:
            db.execute("UPDATE session SET body = ? WHERE id = ?", (json.dumps(turns), number))

        return select, update, db.close
    import redis

    client: Any = redis.Redis.from_url(place, decode_responses=True)

    def get(number: int) -> list[str]:
        return list(json.loads(client.get(f"careless:{number}") or "[]"))

    def put(number: int, turns: list[str]) -> None:
        client.set(f"careless:{number}", json.dumps(turns))

    return get, put, client.close
