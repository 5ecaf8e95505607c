"""A circuit breaker: an engine that keeps failing is left alone for a while, and everyone can see why and for how long.

::

    closed ──failures in a row──▶ open ──rest is over──▶ half-open ──success──▶ closed
                                   ▲                        │
                                   └──────── failure ───────┘   (the next rest is twice as long, at most `MAX_REST`)

The usual libraries hide the countdown and do not count slow calls; showing both is the point here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from vita_tui.clock import Clock, SystemClock

__all__ = ["Breaker", "BreakerSnapshot", "BreakerState"]

MAX_REST = 16
"""Longest rest, as a multiple of the first."""


class BreakerState(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(frozen=True, slots=True)
class BreakerSnapshot:
    """A breaker at one moment."""

    name: str
    state: BreakerState
    reason: str
    """Why the last call failed; empty when it did not."""
    failures: int
    """In a row."""
    limit: int
    """Failures in a row that open it."""
    retry_seconds: float | None
    """Until it may be tried again; None unless open."""


class Breaker:
    """Guards one engine; every method may be called from any thread, every transition is one step under a lock."""

    def __init__(
        self,
        name: str,
        *,
        failures: int = 2,
        rest_seconds: float = 30.0,
        slow_seconds: float | None = None,
        clock: Clock | None = None,
        on_change: Callable[[BreakerSnapshot], None] | None = None,
    ) -> None:
        """
        Args:
            failures: in a row, after which it opens.
            rest_seconds: of the first rest.
            slow_seconds: a success that took longer counts as a failure; None for no limit.
            on_change: called after every transition, outside the lock, in the thread that caused it.
        """
        self.name = name
        self._limit = failures
        self._rest = rest_seconds
        self._slow = slow_seconds
        self._clock = clock or SystemClock()
        self._on_change = on_change
        self._lock = threading.Lock()
        self._state = BreakerState.CLOSED
        self._failures = 0
        self._reason = ""
        self._opened = 0.0
        self._rests = 0
        """Rests since it last was closed."""
        self._probing = False
        """A call is on its way in the half-open state."""
        self.transitions = 0

    def allow(self) -> bool:
        """Whether the engine may be called now. When True, the call must be reported, or given back with `release`."""
        with self._lock:
            if self._state is BreakerState.CLOSED:
                return True
            if self._state is BreakerState.OPEN and self._remaining() <= 0:
                self._move(BreakerState.HALF_OPEN)
            elif self._state is BreakerState.OPEN or self._probing:
                return False
            self._probing = True
            snapshot = self._snapshot()
        self._tell(snapshot)
        return True

    def release(self) -> None:
        """The call was cancelled before it could tell anything about the engine."""
        with self._lock:
            self._probing = False

    def record_success(self, seconds: float = 0.0) -> None:
        """The call worked; one that was slower than the limit counts as a failure."""
        if self._slow is not None and seconds > self._slow:
            self.record_failure(f"took {seconds:.1f} s")
            return
        with self._lock:
            self._probing = False
            changed = self._state is BreakerState.HALF_OPEN
            if self._state is BreakerState.OPEN:
                return  # a call from before it opened: one late success proves nothing
            self._failures = 0
            self._reason = ""
            self._rests = 0
            if changed:
                self._move(BreakerState.CLOSED)
            snapshot = self._snapshot()
        if changed:
            self._tell(snapshot)

    def record_failure(self, reason: str) -> None:
        """The call failed, timed out, or was too slow."""
        with self._lock:
            self._probing = False
            if self._state is BreakerState.OPEN:
                return
            self._failures += 1
            self._reason = reason
            opens = self._state is BreakerState.HALF_OPEN or self._failures >= self._limit
            if opens:
                self._opened = self._clock.monotonic()
                self._rests += 1
                self._move(BreakerState.OPEN)
            snapshot = self._snapshot()
        if opens:
            self._tell(snapshot)

    def reset(self) -> None:
        """Close it, as after the user has mended something."""
        with self._lock:
            changed = self._state is not BreakerState.CLOSED
            self._failures = self._rests = 0
            self._reason = ""
            self._probing = False
            if changed:
                self._move(BreakerState.CLOSED)
            snapshot = self._snapshot()
        if changed:
            self._tell(snapshot)

    def snapshot(self) -> BreakerSnapshot:
        with self._lock:
            return self._snapshot()

    # ---- with the lock held

    def _move(self, state: BreakerState) -> None:
        self._state = state
        self.transitions += 1

    def _remaining(self) -> float:
        rest = self._rest * min(1 << max(0, self._rests - 1), MAX_REST)
        return rest - (self._clock.monotonic() - self._opened)

    def _snapshot(self) -> BreakerSnapshot:
        retry = max(0.0, self._remaining()) if self._state is BreakerState.OPEN else None
        return BreakerSnapshot(self.name, self._state, self._reason, self._failures, self._limit, retry)

    # ----

    def _tell(self, snapshot: BreakerSnapshot) -> None:
        if self._on_change is not None:
            self._on_change(snapshot)
