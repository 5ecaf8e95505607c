"""Time as an argument: whatever waits, expires or measures takes a clock, so that a day passes in a test in a millisecond."""

from __future__ import annotations

import time
from typing import Protocol

__all__ = ["Clock", "FakeClock", "SystemClock"]


class Clock(Protocol):
    """What the time is, for intervals and for the calendar."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes backwards."""
        ...

    def time(self) -> float:
        """Seconds since 1970, UTC; may jump either way."""
        ...


class SystemClock:
    """The machine's clocks."""

    def monotonic(self) -> float:
        return time.monotonic()

    def time(self) -> float:
        return time.time()


class FakeClock:
    """A clock that stands still until `advance` moves it."""

    def __init__(self, now: float = 1_000_000_000.0) -> None:
        self._monotonic = 0.0
        self._time = now

    def monotonic(self) -> float:
        return self._monotonic

    def time(self) -> float:
        return self._time

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass on both clocks."""
        self._monotonic += seconds
        self._time += seconds

    def jump(self, seconds: float) -> None:
        """Set the calendar forwards or backwards, as a time server does; intervals are not touched."""
        self._time += seconds
