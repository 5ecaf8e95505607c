"""Proofs with figures, each beside its ablation. For the tables in docs/health.md::

    python -m tests.health.proofs [NAME ...]

Names are those of `printed.PROOFS`. The same functions, at the same or a smaller size, are tests in `test_proofs.py` and in the test
file of each proof.
"""

from __future__ import annotations

import gc
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass

from vita_tui.clock import FakeClock
from vita_tui.health import process_memory as memory
from vita_tui.health.metrics import Metrics
from vita_tui.health.pressure import Ladder, MemoryReading, SimpleStep
from vita_tui.health.process_memory import MemoryMeter
from vita_tui.health.registry import Registry
from vita_tui.health.series import Key, Series
from vita_tui.settings import HealthSettings

DAY = 24 * 3600.0
LOOK = 1013
"""Writes between two looks at memory: a prime, so that the looks fall on every filling of the table in turn."""


@dataclass(frozen=True, slots=True)
class Leak:
    """What `writes` metrics of different names leave in memory."""

    writes: int
    most: int
    """Metrics that lived at once."""
    oldest: float
    """Age of the oldest metric after any write, in seconds."""
    half: int
    """Most bytes at any look in the first half."""
    whole: int
    """Most bytes at any look."""

    @property
    def growth(self) -> float:
        """Of the second half, as a share of what was there."""
        return self.whole / self.half - 1.0


def leak(writes: int = 200_000, *, limits: bool) -> Leak:
    """A day of simulated time in which every write makes a new metric, a quarter of them timings."""
    clock = FakeClock()
    unlimited = HealthSettings(max_metrics=10**9, retention_hours=10**6, sweep_seconds=10**9)
    metrics = Metrics(HealthSettings() if limits else unlimited, clock=clock)
    most = half = whole = 0
    oldest = 0.0
    tracemalloc.start()
    try:
        before = _traced()
        for number in range(writes):
            clock.advance(DAY / writes)
            if number % 4:
                metrics.count(f"metric {number}", thread="main")
            else:
                metrics.time(f"metric {number}", 0.1)
            most = max(most, len(metrics))
            if number % LOOK == 0:
                oldest = max(oldest, metrics.oldest_seconds())
                whole = max(whole, _traced() - before)
                half = whole if number < writes // 2 else half
    finally:
        tracemalloc.stop()
    return Leak(writes, most, oldest, half, whole)


def _traced() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


class CountingLock:
    """A lock that knows how often and how long it was waited for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.taken = 0
        self.contended = 0
        self.waited = 0.0

    def __enter__(self) -> bool:
        if not self._lock.acquire(blocking=False):
            start = time.perf_counter()
            self._lock.acquire()
            self.contended += 1
            self.waited += time.perf_counter() - start
        self.taken += 1
        return True

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class _Counted(Metrics):
    """Metrics with locks that count; one for each series as designed, or one for all."""

    def __init__(self, *, one: bool) -> None:
        super().__init__()
        self.locks = [CountingLock()] if one else []
        self._one = one

    def _make(self, key: Key, now: float) -> Series:
        series = super()._make(key, now)
        if not isinstance(series.lock, CountingLock):
            if not self._one:
                self.locks.append(CountingLock())
            series.lock = self.locks[-1]  # type: ignore[assignment]  # it does what is needed of a lock
        return series


@dataclass(frozen=True, slots=True)
class Contention:
    """What threads waited for each other."""

    threads: int
    operations: int
    contended: int
    """Operations that had to wait."""
    waited_us: float
    """Microseconds waited per operation, in the mean."""
    rate: float
    """Operations a second, all threads together."""


def contention(
    threads: int = 16, operations: int = 5_000, *, one_lock: bool, switch: float = 1e-4
) -> Contention:
    """Each thread times a stage of its own, as the program's threads do.

    Args:
        switch: seconds after which Python lets another thread run; short, so that they meet as often as on many cores.
    """
    metrics = _Counted(one=one_lock)
    for number in range(threads):
        metrics.time("stage", 0.1, thread=str(number))
    for lock in metrics.locks:
        lock.taken = lock.contended = 0
        lock.waited = 0.0
    barrier = threading.Barrier(threads + 1)

    def work(number: int) -> None:
        barrier.wait()
        for _ in range(operations):
            metrics.time("stage", 0.1, thread=str(number))

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(switch)
    try:
        for worker in workers:
            worker.start()
        barrier.wait()
        start = time.perf_counter()
        for worker in workers:
            worker.join()
        seconds = time.perf_counter() - start
    finally:
        sys.setswitchinterval(before)
    taken = sum(lock.taken for lock in metrics.locks)
    assert taken == threads * operations
    waited = sum(lock.waited for lock in metrics.locks)
    contended = sum(lock.contended for lock in metrics.locks)
    return Contention(threads, taken, contended, waited / taken * 1e6, taken / seconds)


def freed(*, trimmed: bool, megabytes: int = 200) -> tuple[int, int]:
    """Bytes in small blocks that a step of the ladder lets go, and bytes that the system got back."""
    meter = MemoryMeter()
    count = megabytes * 16
    blocks: list[bytearray] = []
    pins: list[bytearray] = []
    for _ in range(count):
        blocks.append(bytearray(64 * 1024))
        pins.append(bytearray(1024))  # between each two, something that stays
    ladder = Ladder(
        [SimpleStep("drop", blocks.clear, lambda: None)],
        HealthSettings(),
        measure=lambda: meter.read(fresh=True).own,
        trim=memory.trim if trimmed else lambda: None,
    )
    change = ladder.observe(MemoryReading(0, 0))
    assert change is not None
    assert len(pins) == count
    return count * 64 * 1024, change.freed


def closing(*, isolated: bool, hanging: int = 3, others: int = 20) -> tuple[int, float]:
    """Resources that closed in good order within a second although some hang, and the seconds it took.

    Args:
        isolated: as designed; otherwise one after the other, as a loop of close() would.
    """
    registry, closed = Registry(), list[str]()
    released = threading.Event()

    class Thing:
        pass

    things = [Thing() for _ in range(hanging + others)]
    for number, thing in enumerate(things):
        hangs = number >= others  # the youngest: they are closed first
        close: Callable[[], object] = (
            (lambda: released.wait(30)) if hangs else (lambda: closed.append("closed"))
        )
        registry.register(
            thing, kind="client", name=f"{number}", owner="proofs", close=close, force=lambda: None
        )
    start = time.monotonic()
    if isolated:
        registry.close_all(deadline=1.0)
    else:
        entries = sorted(registry._entries.values(), key=lambda entry: -entry.number)
        for entry in entries:
            left = 1.0 - (time.monotonic() - start)
            if left > 0:
                thread = threading.Thread(target=entry.close, daemon=True)
                thread.start()
                thread.join(left)
    seconds = time.monotonic() - start
    released.set()
    return len(closed), seconds


def main() -> None:
    from tests.health import printed  # it uses this module

    printed.run(sys.argv[1:])


if __name__ == "__main__":
    main()
