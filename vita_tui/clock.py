"""Time as an argument: whatever waits, expires or measures takes a clock, so that a day passes in a test in a millisecond.

Engines are judged by `RUNNING`: a program that was suspended (ctrl+z, a closed lid) finds all its deadlines over when it goes on, though
no engine had any time to meet them.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Protocol, Self

__all__ = [
    "CLOCK_POLL_SECONDS",
    "RUNNING",
    "SUSPENDED_SECONDS",
    "Clock",
    "Deadline",
    "FakeClock",
    "RunningClock",
    "SystemClock",
    "time_limit",
]

CLOCK_POLL_SECONDS = 0.25
"""Who waits for an engine looks at the clock at least so often."""
REMEMBERED = 16
"""Times in which the program did not run that are remembered, for intervals that are asked about afterwards."""
SUSPENDED_SECONDS = 1.0
"""A longer step between two looks is time in which the program did not run."""


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


class RunningClock:
    """Another clock, less the time in which the program did not run. Any thread may use it.

    Such time shows as a long step between two looks at the clock while somebody has promised, by `looking`, to look often. While nobody
    has, all time counts.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._lookers = 0
        self._looked = 0.0
        self._lost = 0.0
        self._gaps: deque[tuple[float, float]] = deque(maxlen=REMEMBERED)
        """When the program stood still: from and until which second of the other clock."""

    def monotonic(self) -> float:
        with self._lock:
            now = self._clock.monotonic()
            if self._lookers:
                if now - self._looked > SUSPENDED_SECONDS:
                    self._lost += now - self._looked
                    self._gaps.append((self._looked, now))
                self._looked = now
            return now - self._lost

    def time(self) -> float:
        return self._clock.time()

    @property
    def lost(self) -> float:
        """Seconds in which the program did not run, as far as anybody looked."""
        self.monotonic()
        return self._lost

    def lost_between(self, start: float, end: float) -> float:
        """Seconds of `lost` between two moments of the other clock, which may have passed long ago."""
        self.monotonic()
        with self._lock:
            gaps = tuple(self._gaps)
        return sum(max(0.0, min(end, until) - max(start, since)) for since, until in gaps)

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Who holds this asks for the time at least every `CLOCK_POLL_SECONDS`."""
        with self._lock:
            if not self._lookers:
                self._looked = self._clock.monotonic()
            self._lookers += 1
        try:
            yield
        finally:
            self.monotonic()
            with self._lock:
                self._lookers -= 1


RUNNING = RunningClock()
"""The time of this program."""


class Deadline:
    """So many seconds of running time, for something that is waited for; a context manager in which `left` is asked for often."""

    def __init__(self, seconds: float, clock: RunningClock | None = None) -> None:
        self._clock = clock or RUNNING
        self._looking = self._clock.looking()
        self._seconds = seconds
        self._end = 0.0

    def __enter__(self) -> Self:
        self._looking.__enter__()
        self._end = self._clock.monotonic() + self._seconds
        return self

    def __exit__(self, *error: object) -> None:
        self._looking.__exit__(None, None, None)

    def left(self) -> float:
        """Seconds until it is over; not above 0 when it is."""
        return self._end - self._clock.monotonic()

    def step(self, longest: float = CLOCK_POLL_SECONDS) -> float:
        """Seconds to wait before the next look."""
        return max(0.0, min(self.left(), longest))


@asynccontextmanager
async def time_limit(seconds: float, clock: RunningClock | None = None) -> AsyncIterator[None]:
    """As `asyncio.timeout`, of running time.

    Raises:
        TimeoutError: what is inside took longer.
    """
    loop = asyncio.get_running_loop()
    handle: asyncio.TimerHandle | None = None
    with Deadline(seconds, clock) as deadline:
        async with asyncio.timeout(None) as limit:

            def look() -> None:
                nonlocal handle
                if deadline.left() <= 0:
                    limit.reschedule(loop.time())
                else:
                    handle = loop.call_later(deadline.step(), look)

            handle = loop.call_later(deadline.step(), look)
            try:
                yield
            finally:
                handle.cancel()
