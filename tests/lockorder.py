"""Finds deadlocks that have not happened yet: the order in which locks are taken, over a whole test.

Every `threading.Lock()`, `RLock()` and `Condition()` that a `vita_tui` module makes is tracked, under the name of the line that
made it. Whenever a thread waits for one lock while it holds another, that order is noted. Two orders that contradict each other
are a deadlock in waiting, even if no two threads ever met: `check` fails and shows where both were taken. A lock that is not had
within `PATIENCE` seconds is a deadlock that did happen: every thread's stack is shown.

`install` does that for the whole test run (`conftest.py` calls it before anything of VITA is imported, and fails the test after
which there is a contradiction); `watched` for the body of one test, from a clean sheet.
"""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import pytest

__all__ = ["LockOrder", "TrackedLock", "install", "lock_order", "watched"]

PATIENCE = 60.0
_make_lock = threading.Lock
_make_rlock = threading.RLock


class LockOrder:
    """The graph of what was taken while what was held."""

    def __init__(self) -> None:
        # Re-entrant: the collector may run a finaliser that takes a tracked lock while this very thread is in here.
        self._own = _make_rlock()
        self.edges: dict[tuple[str, str], str] = {}
        """(held, wanted) → the stack on which that was first seen."""
        self.stuck: list[str] = []
        """Deadlocks that happened."""
        self.made = 0
        self.taken = 0
        """How often a tracked lock was taken; about so, as it is counted without a lock."""
        self._looked_at = 0
        self._held = threading.local()

    def held(self) -> list[TrackedLock]:
        if not hasattr(self._held, "locks"):
            self._held.locks = []
        locks: list[TrackedLock] = self._held.locks
        return locks

    def wants(self, lock: TrackedLock) -> None:
        for other in self.held():
            edge = (other.site, lock.site)
            if edge not in self.edges:
                with self._own:
                    self.edges.setdefault(edge, "".join(traceback.format_stack(limit=8)[:-2]))

    def track(self, lock: Any, site: str, *, reentrant: bool) -> TrackedLock:
        self.made += 1
        return TrackedLock(self, lock, site, reentrant=reentrant)

    def cycle(self) -> list[str]:
        """Sites whose orders contradict each other; empty when there are none."""
        after: dict[str, set[str]] = {}
        for held, wanted in self.edges:
            after.setdefault(held, set()).add(wanted)
        done: set[str] = set()

        def visit(site: str, path: list[str]) -> list[str]:
            if site in path:
                return path[path.index(site) :]
            if site in done:
                return []
            for following in sorted(after.get(site, ())):
                if found := visit(following, [*path, site]):
                    return found
            done.add(site)
            return []

        return next((found for site in sorted(after) if (found := visit(site, []))), [])

    def check_news(self) -> None:
        """`check`, if anything is new since the last time; what was told is forgotten, so that it fails one test."""
        if len(self.edges) == self._looked_at and not self.stuck:
            return
        try:
            self.check()
        except pytest.fail.Exception:
            cycle = self.cycle()
            for pair in zip(cycle, [*cycle[1:], *cycle[:1]], strict=True):
                self.edges.pop(pair, None)
            self.stuck.clear()
            raise
        finally:
            self._looked_at = len(self.edges)

    def check(self) -> None:
        """Fail on a deadlock that happened or could happen."""
        if self.stuck:
            pytest.fail("deadlock:\n" + "\n".join(self.stuck))
        if cycle := self.cycle():
            pairs = zip(cycle, [*cycle[1:], cycle[0]], strict=True)
            shown = "\n".join(f"{held} then {wanted}:\n{self.edges[held, wanted]}" for held, wanted in pairs)
            pytest.fail(f"locks are taken in contradicting orders:\n{shown}")


class TrackedLock:
    """A lock, and who holds it."""

    def __init__(self, order: LockOrder, lock: Any, site: str, *, reentrant: bool) -> None:
        self.site = site
        self._order = order
        self._lock = lock
        self._reentrant = reentrant
        self._holders: list[list[TrackedLock]] = []
        """The holding thread's list, once for each time it holds this."""

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        # Trying, or waiting for a limited time, cannot deadlock.
        forever = blocking and timeout < 0
        held = self._order.held()
        if forever and not (self._reentrant and self in held):
            self._order.wants(self)
        got = bool(self._lock.acquire(blocking, PATIENCE if forever else timeout))
        if got:
            self._order.taken += 1
            held.append(self)
            self._holders.append(held)
        elif forever:
            stacks = "\n".join(
                "".join(traceback.format_stack(frame)) for frame in sys._current_frames().values()
            )
            self._order.stuck.append(f"{self.site} was not had in {PATIENCE} s:\n{stacks}")
            raise RuntimeError(f"deadlock on {self.site}")
        return got

    def release(self) -> None:
        # The list of the thread that took it: a plain lock may be released by another.
        if self._holders:
            self._holders.pop().remove(self)
        self._lock.release()

    def locked(self) -> bool:
        return bool(self._lock.locked())

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    # What threading.Condition asks of a lock.

    def _is_owned(self) -> bool:
        return self in self._order.held()

    def _release_save(self) -> int:
        times = self._order.held().count(self) if self._reentrant else 1
        for _ in range(times):
            self.release()
        return times

    def _acquire_restore(self, times: int) -> None:
        for _ in range(times):
            self.acquire()


def _factories(order: LockOrder, package: str) -> tuple[Any, Any]:
    """What takes the place of `threading.Lock` and `threading.RLock`."""

    def site() -> str:
        frame = sys._getframe(2)
        if frame.f_code is threading.Condition.__init__.__code__ and frame.f_back is not None:
            frame = frame.f_back
        module = frame.f_globals.get("__name__", "")
        return f"{module}:{frame.f_lineno}" if module.split(".")[0] == package else ""

    def lock() -> Any:
        made, place = _make_lock(), site()
        return order.track(made, place, reentrant=False) if place else made

    def rlock() -> Any:
        made, place = _make_rlock(), site()
        return order.track(made, place, reentrant=True) if place else made

    return lock, rlock


def install(order: LockOrder, package: str = "vita_tui") -> None:
    """Track in `order` the locks that `package` makes from now on, to the end of the process.

    Raises:
        RuntimeError: some of the package is imported already, and its locks were missed.
    """
    if any(name.split(".")[0] == package for name in sys.modules):
        raise RuntimeError(f"{package} was imported before its locks could be tracked")
    threading.Lock, threading.RLock = _factories(order, package)


@contextmanager
def watched(package: str = "vita_tui") -> Iterator[LockOrder]:
    """Track the locks that `package` makes in the body, and only there; `check` at its end."""
    from vita_tui.health.registry import registry

    order = LockOrder()
    before, makers = registry._lock, (threading.Lock, threading.RLock)
    threading.Lock, threading.RLock = _factories(order, package)
    registry._lock = order.track(before, "vita_tui.health.registry:registry", reentrant=True)  # type: ignore[assignment]
    try:
        yield order
    finally:
        threading.Lock, threading.RLock = makers
        registry._lock = before
    order.check()


@pytest.fixture
def lock_order() -> Iterator[LockOrder]:
    """The order of locks over this test alone; it fails at the end when there is a deadlock in it."""
    with watched() as order:
        yield order
