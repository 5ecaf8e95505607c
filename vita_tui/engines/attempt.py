"""One try of one engine of a chain: how long it takes, and how it ends."""

from __future__ import annotations

import logging
import math
import statistics
import threading
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from vita_tui.clock import Clock, RunningClock
from vita_tui.engines.served import Served
from vita_tui.errors import DeviceError, EngineError, ModelError, StoreError, VitaError
from vita_tui.events import Health
from vita_tui.health.breaker import Breaker, BreakerState, Permit

if TYPE_CHECKING:
    from vita_tui.engines.chain import Chain

__all__ = ["Attempt", "E", "Link", "Named", "pool"]

log = logging.getLogger(__name__)

MEASURED_SECONDS = 60.0
"""For so long it is known how quick a server is."""
MEDIAN_OVER = 64
"""Durations of work from which an engine's median is taken."""
ENOUGH_MEASURED = 8
"""Durations from which it is known what 19 of 20 take."""
HEDGE_SECONDS = 1.0
"""After which a second server is asked while that is not known."""


class Named(Protocol):
    name: str
    notes: str
    """What is not as asked for; empty normally."""


E = TypeVar("E", bound=Named)


class Link(Generic[E]):
    """One engine, with what is known of it."""

    def __init__(self, engine: E, breaker: Breaker) -> None:
        self.engine = engine
        self.breaker = breaker
        self.health = Health.LOADING
        self.reason = ""
        self.remedy = ""
        """Of the last failure."""
        self.warm = False
        """It has worked since it was loaded, so its next work includes no loading."""
        self.aside = ""
        """Why it is left alone although it works; empty normally."""
        self.durations: deque[float] = deque(maxlen=MEDIAN_OVER)
        self.measured = -math.inf
        """When the last of them was."""
        self.outstanding = 0
        """Attempts that are under way."""
        self.pool = 0
        """Place of the first of the servers that share the work with it; its own place where there are none."""

    @property
    def disabled(self) -> bool:
        return self.breaker.snapshot().state is not BreakerState.CLOSED

    def load(self, now: float) -> tuple[bool, float, float]:
        """By which servers of one pool are chosen, the lowest first: those that only help out, work under way, how quick they are.

        One that has not been measured for a while is measured again.
        """
        if not isinstance(self.engine, Served):
            return False, 0.0, 0.0
        weight = self.engine.weight
        known = self.durations and now - self.measured < MEASURED_SECONDS
        quick = statistics.median(self.durations) if known else 0.0
        return not weight, self.outstanding / (weight or 1.0), quick

    def reluctance(self, watched: bool) -> int:
        """First those that are to answer, then those that only do when nobody else can."""
        return 2 if watched and self.disabled else 1 if self.aside else 0

    @property
    def late_after(self) -> float:
        """Seconds that 19 of 20 pieces of work took at most."""
        if len(self.durations) < ENOUGH_MEASURED:
            return HEDGE_SECONDS
        return sorted(self.durations)[math.ceil(0.95 * len(self.durations)) - 1]

    @property
    def passed_over(self) -> bool:
        return bool(self.aside) or self.disabled


def pool(links: Sequence[Link[E]]) -> None:
    """Find out which servers stand side by side: they share the work."""
    first = 0
    for place, link in enumerate(links):
        served = isinstance(link.engine, Served)
        if not (place and served and isinstance(links[place - 1].engine, Served)):
            first = place
        link.pool = first


class Attempt(Generic[E]):
    """One try of one engine; a context manager, used once."""

    def __init__(
        self,
        chain: Chain[E],
        link: Link[E],
        permit: Permit,
        clock: Clock,
        allowance: float = 0.0,
        *,
        probe: bool = False,
    ) -> None:
        """
        Args:
            probe: nobody waits for it: it decides about the breaker and counts in no figure.
        """
        self._chain = chain
        self._link = link
        self._permit = permit
        self._clock = clock
        self._allowance = allowance
        self.probe = probe
        self._started = self._lost = 0.0
        self._answered: float | None = None
        self._lock = threading.Lock()
        self._settled = self._begun = False
        self.failed: VitaError | None = None
        """Why it failed, once it has."""

    @property
    def engine(self) -> E:
        return self._link.engine

    @property
    def link(self) -> Link[E]:
        return self._link

    def answered(self) -> None:
        """The engine has begun to answer: what it still takes depends on the length of the answer and is not timed."""
        if self._answered is None:
            self._answered = self._clock.monotonic()

    def __enter__(self) -> E:
        self.begin()
        return self._link.engine

    def begin(self) -> None:
        """The work begins; for those who `settle` themselves instead of using a `with` statement."""
        self._started, self._lost = self._clock.monotonic(), _lost(self._clock)
        with self._lock:
            if not (self._begun or self._settled):
                self._begun = True
                self._chain.count(self._link, 1)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        # What ended in another way meanwhile is not this thread's to go on with.
        return self.settle(error) and self.failed is not None

    def settle(self, error: BaseException | None) -> bool:
        """Say how it ended: None for success. Only the first call counts, from whichever thread it comes.

        Returns:
            Whether this call was the first.
        """
        with self._lock:
            if self._settled:
                return False
            self._settled = True
            if self._begun:
                self._chain.count(self._link, -1)
        end = self._clock.monotonic() if self._answered is None else self._answered
        seconds = end - self._started
        if error is None:
            self._chain.succeeded(self._link, seconds, self._permit, self._allowance, probe=self.probe)
            return True
        # A speaker or a store that fails while the engine's work is handed on is not the engine's failure.
        if not isinstance(error, Exception) or isinstance(error, DeviceError | StoreError):
            self._link.breaker.release(self._permit)
            return True
        if not isinstance(error, VitaError):
            # A bug in an engine or its library must not end the conversation; the log has the details.
            log.error("%s failed", self._link.engine.name, exc_info=error)
            detail = str(error).strip().rstrip(".")
            error = EngineError(f"{type(error).__name__}{f': {detail}' if detail else ''}.")
        self.failed = error
        if _lost(self._clock) > self._lost and not isinstance(error, ModelError):
            log.info("%s failed while the program was suspended: %s", self._link.engine.name, error)
            self._link.breaker.release(self._permit)
            return True
        self._chain.failed(self._link, error, seconds, self._permit, probe=self.probe)
        return True

    def abandon(self) -> None:
        """It was never entered, or left without a word: it says nothing about the engine."""
        self.settle(GeneratorExit())


def _lost(clock: Clock) -> float:
    """Seconds in which the program did not run."""
    return clock.lost if isinstance(clock, RunningClock) else 0.0
