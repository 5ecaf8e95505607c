"""What the locks are worth: how long an operation waits under many threads, with the design's locks and with one for all.

The design holds a lock for the time of a dictionary's operation and lets the disk be waited for outside; one global lock around
every operation, as a service with one big lock has it, makes whoever only looks wait for whoever writes.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from vita_tui.sessions.journal import Journal
from vita_tui.sessions.manager import SessionManager
from vita_tui.sessions.session import Turn
from vita_tui.sessions.sqlite import SqliteStore

__all__ = ["Contention", "Waits", "measure_contention"]


@dataclass(frozen=True, slots=True)
class Waits:
    """Milliseconds that operations took."""

    looks_p50: float
    """Looking at a session in memory."""
    looks_p95: float
    appends_p50: float
    """Adding a turn, until it is on the disk."""
    appends_p95: float
    per_second: float
    """Operations of all threads together."""


@dataclass(frozen=True, slots=True)
class Contention:
    threads: int
    operations: int
    """Of each of the two runs, all threads together."""
    design: Waits
    global_lock: Waits


def measure_contention(threads: int = 16, operations: int = 8000) -> Contention:
    """Measure both, one after the other, on a SQLite file of its own. Blocks; nine of ten operations look, one appends."""
    with tempfile.TemporaryDirectory(prefix="vita-contention-") as folder:
        runs = [
            asyncio.run(_run(Path(folder) / name, threads, max(10, operations // threads), lock))
            for name, lock in (("design", None), ("global", threading.Lock()))
        ]
    return Contention(threads, threads * max(10, operations // threads), *runs)


async def _run(folder: Path, threads: int, each: int, lock: threading.Lock | None) -> Waits:
    store = SqliteStore(folder / "sessions.db")
    manager = SessionManager(store, journal=Journal(store.name, folder=folder / "unsent"))
    await manager.open()
    ids = [(await manager.create({})).id for _ in range(threads)]
    looks: list[float] = []
    appends: list[float] = []
    barrier = threading.Barrier(threads)
    guard = lock or contextlib.nullcontext()

    async def work(number: int) -> None:
        for step in range(each):
            began = time.perf_counter()
            if step % 10:
                with guard:
                    manager.live(ids[(number + step) % threads])
                looks.append(time.perf_counter() - began)
            else:
                with guard:  # held across the wait for the disk: this is what is compared
                    await manager.append(ids[number], Turn("user", f"{number} {step}"))
                appends.append(time.perf_counter() - began)

    def thread(number: int) -> None:
        barrier.wait()
        asyncio.run(work(number))

    def all_threads() -> float:
        # Not the loop's own pool: it has too few threads for all to begin at once.
        running = [threading.Thread(target=thread, args=(number,), daemon=True) for number in range(threads)]
        began = time.perf_counter()
        for one in running:
            one.start()
        for one in running:
            one.join()
        return time.perf_counter() - began

    seconds = await asyncio.to_thread(all_threads)
    await manager.cleanup()
    return Waits(*_percentiles(looks), *_percentiles(appends), per_second=len(looks + appends) / seconds)


def _percentiles(seconds: list[float]) -> tuple[float, float]:
    cuts = statistics.quantiles(seconds, n=20)
    return cuts[9] * 1000, cuts[18] * 1000
