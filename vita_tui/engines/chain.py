"""Engines of one job in order of preference, each with a breaker: who answers now, and why.

The same chain serves recognisers, minds and voices, in threads and on the asyncio loop::

    for attempt in chain.attempts():
        with attempt as engine:
            engine.load()
            return engine.speak(...)

An attempt times the work. A failure inside it is recorded and swallowed, and the loop goes on with the next engine; after the
last one `NoEngineError` gives each engine's reason. Cancellation passes through and counts neither way.
"""

from __future__ import annotations

import asyncio
import logging
import statistics
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Generic, Protocol, TypeVar

from vita_tui.clock import Clock, SystemClock
from vita_tui.errors import EngineError, EngineUnavailableError, ModelError, NoEngineError, VitaError
from vita_tui.events import EngineStatus, EventBus, Health, Job
from vita_tui.health.breaker import Breaker, BreakerSnapshot, BreakerState
from vita_tui.settings import HealthSettings

__all__ = ["Attempt", "Chain"]

log = logging.getLogger(__name__)

REMEMBERED = 64
"""Durations of work from which an engine's median is taken."""
_TITLES: dict[Job, str] = {"stt": "speech recognition", "llm": "language model", "tts": "voice"}


class Named(Protocol):
    name: str


E = TypeVar("E", bound=Named)


class _Link(Generic[E]):
    """One engine, with what is known of it."""

    def __init__(self, engine: E, breaker: Breaker) -> None:
        self.engine = engine
        self.breaker = breaker
        self.health = Health.LOADING
        self.reason = ""
        self.durations: deque[float] = deque(maxlen=REMEMBERED)


class Attempt(Generic[E]):
    """One try of one engine; a context manager, used once."""

    def __init__(self, chain: Chain[E], link: _Link[E], clock: Clock) -> None:
        self._chain = chain
        self._link = link
        self._clock = clock
        self._started = 0.0
        self.failed: VitaError | None = None

    @property
    def engine(self) -> E:
        return self._link.engine

    def __enter__(self) -> E:
        self._started = self._clock.monotonic()
        return self._link.engine

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        seconds = self._clock.monotonic() - self._started
        if error is None:
            self._chain.succeeded(self._link, seconds)
            return False
        if not isinstance(error, Exception) or isinstance(error, asyncio.CancelledError | GeneratorExit):
            self._link.breaker.release()
            return False
        if not isinstance(error, VitaError):
            # A defect in an engine or its library must not end the conversation; the log has the details.
            log.error("%s failed", self._link.engine.name, exc_info=error)
            error = EngineError(f"{type(error).__name__}: {error}.")
        self.failed = error
        self._chain.failed(self._link, error)
        return True


class Chain(Generic[E]):
    """The engines of one job; every method may be called from any thread."""

    def __init__(
        self,
        job: Job,
        engines: Sequence[E],
        settings: HealthSettings,
        *,
        bus: EventBus,
        clock: Clock | None = None,
    ) -> None:
        self.job = job
        self._bus = bus
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._links = [self._link(engine, settings) for engine in engines]
        self._active = 0

    def _link(self, engine: E, settings: HealthSettings) -> _Link[E]:
        breaker = Breaker(
            engine.name,
            failures=settings.breaker_failures,
            rest_seconds=settings.breaker_seconds,
            clock=self._clock,
            on_change=self._breaker_changed,
        )
        return _Link(engine, breaker)

    @property
    def engines(self) -> list[E]:
        return [link.engine for link in self._links]

    @property
    def active(self) -> E:
        """The engine that answers now: the one that did so last, or the first.

        Raises:
            NoEngineError: the chain is empty.
        """
        if not self._links:
            raise self._none([])
        return self._links[self._active].engine

    @property
    def active_name(self) -> str:
        return self._links[self._active].engine.name if self._links else ""

    def attempts(self, wanted: Callable[[E], bool] = lambda _: True) -> Iterator[Attempt[E]]:
        """The engines to try, first choice first, passing over those that rest and those that are not `wanted`.

        Raises:
            NoEngineError: all of them failed or rest.
        """
        tried: list[tuple[_Link[E], str, str]] = []
        for link in self._links:
            if not wanted(link.engine):
                continue
            if not link.breaker.allow():
                tried.append((link, link.reason or "resting after failures", ""))
                continue
            attempt = Attempt(self, link, self._clock)
            yield attempt
            if attempt.failed is not None:
                tried.append((link, attempt.failed.message, attempt.failed.remedy))
        raise self._none(tried)

    def statuses(self) -> list[EngineStatus]:
        """How every engine stands now, in order."""
        return [self._status(link) for link in self._links]

    def reset(self) -> None:
        """Close every breaker: the user has mended something."""
        for link in self._links:
            link.breaker.reset()

    # ---- reported by attempts

    def succeeded(self, link: _Link[E], seconds: float) -> None:
        link.breaker.record_success(seconds)
        with self._lock:
            link.durations.append(seconds)
            notes = getattr(link.engine, "notes", "")
            link.health = Health.DEGRADED if notes else Health.READY
            link.reason = notes
            self._active = self._links.index(link)
        self._publish()

    def failed(self, link: _Link[E], error: VitaError) -> None:
        link.breaker.record_failure(error.message)
        snapshot = link.breaker.snapshot()
        missing = isinstance(error, EngineUnavailableError | ModelError)
        with self._lock:
            link.health = Health.MISSING if missing else Health.DEGRADED
            count = f" ({snapshot.failures} of {snapshot.limit})" if not missing else ""
            link.reason = f"{error.message.rstrip('.')}{count}"
        log.warning("%s: %s", link.engine.name, error)
        self._publish()

    # ----

    def _none(self, tried: list[tuple[_Link[E], str, str]]) -> NoEngineError:
        title = _TITLES[self.job]
        if not tried:
            return NoEngineError(f"No {title} is set up.", remedy="See: vita doctor")
        reasons = "; ".join(f"{link.engine.name}: {reason.rstrip('.')}" for link, reason, _ in tried)
        remedy = next((remedy for _, _, remedy in tried if remedy), "See: vita doctor")
        return NoEngineError(f"No {title} works now: {reasons}.", remedy=remedy)

    def _breaker_changed(self, _: BreakerSnapshot) -> None:
        self._publish()

    def _publish(self) -> None:
        for status in self.statuses():
            self._bus.publish(status)

    def _status(self, link: _Link[E]) -> EngineStatus:
        breaker = link.breaker.snapshot()
        with self._lock:
            durations = list(link.durations)
            health, reason = link.health, link.reason
            active = self._links[self._active] is link
        if breaker.state is not BreakerState.CLOSED and health is not Health.MISSING:
            health = Health.RESTING
        return EngineStatus(
            self.job,
            link.engine.name,
            health,
            active,
            reason,
            breaker.retry_seconds,
            round(durations[-1] * 1000, 1) if durations else None,
            round(statistics.median(durations) * 1000, 1) if durations else None,
        )
