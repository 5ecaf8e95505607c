"""A circuit breaker: an engine that keeps failing is left alone for a while, and everyone can see why and for how long.

::

    closed ──failures in a row──▶ open ──time is over──▶ half-open ──success──▶ closed
                                   ▲                        │
                                   └──────── failure ───────┘   (the next time is twice as long, at most `MAX_REST`)

Every admitted call carries a `Permit` of the period in which it was admitted. A report with a permit of an earlier period
changes nothing: a call that has hung since before the breaker opened says nothing about the engine of today.

The usual libraries hide the countdown and do not count slow calls; showing both is the point here.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from vita_tui.clock import Clock, SystemClock

__all__ = ["Breaker", "BreakerSnapshot", "BreakerState", "Permit", "Transition"]

MAX_REST = 16
"""Longest time open, as a multiple of the first."""
HISTORY = 128
"""Transitions that are remembered."""


class BreakerState(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to call the engine once."""

    period: int
    """Transitions that the breaker had made when it was given."""


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of state."""

    number: int
    """1 for a breaker's first."""
    before: BreakerState
    after: BreakerState
    reason: str
    at: float
    """Monotonic seconds."""


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
    trying: bool = False
    """Half-open, and the call that decides is on its way."""


class Breaker:
    """Guards one engine; every method may be called from any thread, every transition is one step under a lock."""

    def __init__(
        self,
        name: str,
        failures: int = 2,
        rest_seconds: float = 30.0,
        slow_seconds: float | None = None,
        clock: Clock | None = None,
        on_change: Callable[[BreakerSnapshot], None] | None = None,
    ) -> None:
        """
        Args:
            failures: in a row, after which it opens.
            rest_seconds: for which it is open the first time.
            slow_seconds: a success that took longer counts as a failure; None for no limit.
            on_change: called after every transition, outside the lock, in the thread that caused it. Two threads may call it
                at once and in either order: `transitions` has the order.
        """
        self.name = name
        self._limit = max(1, failures)
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
        """Times it opened since it last was closed."""
        self._probing = False
        """A call is on its way in the half-open state."""
        self._period = 0
        self._history: deque[Transition] = deque(maxlen=HISTORY)

    def allow(self) -> Permit | None:
        """Leave to call the engine now; None while the breaker is open.

        The call must be reported with its permit, or the permit given back with `release`. While half-open, one at a time.
        """
        with self._lock:
            if self._state is BreakerState.CLOSED:
                return Permit(self._period)
            if self._probing or (self._state is BreakerState.OPEN and self._remaining() > 0):
                return None
            moved = self._state is BreakerState.OPEN
            if moved:
                self._move(BreakerState.HALF_OPEN, "the wait is over")
            self._probing = True
            permit, snapshot = Permit(self._period), self._snapshot()
        if moved:
            self._tell(snapshot)
        return permit

    def release(self, permit: Permit | None = None) -> None:
        """The call was cancelled before it could tell anything about the engine."""
        with self._lock:
            if self._counts(permit):
                self._probing = False

    def record_success(
        self, seconds: float = 0.0, permit: Permit | None = None, *, allowance: float = 0.0
    ) -> bool:
        """The call worked; one that was slower than the limit counts as a failure.

        Args:
            allowance: seconds by which the limit is higher for this call, because there was more to do.

        Returns:
            False when it was too slow.
        """
        if self._slow is not None and seconds > self._slow + allowance:
            self.record_failure(f"took {seconds:.1f} s", seconds, permit)
            return False
        with self._lock:
            if not self._counts(permit) or self._state is BreakerState.OPEN:
                return True
            self._probing = False
            self._failures = self._rests = 0
            self._reason = ""
            moved = self._state is BreakerState.HALF_OPEN
            if moved:
                self._move(BreakerState.CLOSED, "it works again")
            snapshot = self._snapshot()
        if moved:
            self._tell(snapshot)
        return True

    def record_failure(self, reason: str, seconds: float = 0.0, permit: Permit | None = None) -> None:
        """The call failed, timed out, or was too slow.

        Args:
            seconds: after how long; for symmetry with `record_success`, a fast failure counts as much as a slow one.
        """
        with self._lock:
            if not self._counts(permit) or self._state is BreakerState.OPEN:
                return
            self._probing = False
            self._failures += 1
            self._reason = reason
            opens = self._state is BreakerState.HALF_OPEN or self._failures >= self._limit
            if opens:
                self._opened = self._clock.monotonic()
                self._rests += 1
                self._move(BreakerState.OPEN, reason)
            snapshot = self._snapshot()
        if opens:
            self._tell(snapshot)

    def reset(self) -> None:
        """Close it, as after the user has fixed something."""
        with self._lock:
            self._failures = self._rests = 0
            self._reason = ""
            self._probing = False
            moved = self._state is not BreakerState.CLOSED
            if moved:
                self._move(BreakerState.CLOSED, "reset")
            snapshot = self._snapshot()
        if moved:
            self._tell(snapshot)

    def snapshot(self) -> BreakerSnapshot:
        """State, reason and countdown, all of one moment."""
        with self._lock:
            return self._snapshot()

    def transitions(self) -> list[Transition]:
        """The last changes of state, in the order in which they happened."""
        with self._lock:
            return list(self._history)

    # ---- with the lock held

    def _counts(self, permit: Permit | None) -> bool:
        return permit is None or permit.period == self._period

    def _move(self, state: BreakerState, reason: str) -> None:
        self._period += 1
        self._history.append(Transition(self._period, self._state, state, reason, self._clock.monotonic()))
        self._state = state

    def _remaining(self) -> float:
        rest = self._rest * min(1 << min(self._rests - 1, 30), MAX_REST)
        return rest - (self._clock.monotonic() - self._opened)

    def _snapshot(self) -> BreakerSnapshot:
        retry = max(0.0, self._remaining()) if self._state is BreakerState.OPEN else None
        return BreakerSnapshot(
            self.name, self._state, self._reason, self._failures, self._limit, retry, self._probing
        )

    # ----

    def _tell(self, snapshot: BreakerSnapshot) -> None:
        if self._on_change is not None:
            self._on_change(snapshot)
