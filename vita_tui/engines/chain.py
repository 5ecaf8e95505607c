"""Engines of one job in order of preference, each with a breaker: who answers now, and why.

The same chain serves speech recognition, language models and voices, in threads and on the asyncio loop::

    for attempt in chain.attempts():
        with attempt as engine:
            engine.load()
            return engine.speak(...)

An attempt times the work. A failure inside it is recorded and swallowed, and the loop goes on with the next engine; after the
last one `NoEngineError` gives each engine's reason. Cancellation passes through and counts neither way. An engine's first work
includes loading it: it is neither timed nor called slow.

A chain that a `Prober` watches tries disabled engines again in the background once their time is over; users reach them only when nothing else
answers. An engine that is put aside, to save memory, is passed over in the same way.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Generic

from vita_tui.clock import RUNNING, Clock
from vita_tui.engines.attempt import Attempt, E, Link, pool
from vita_tui.engines.chain_reports import counted, none_works, now_answers, status, uncounted, why_disabled
from vita_tui.engines.served import where
from vita_tui.errors import (
    EngineTimeoutError,
    EngineUnavailableError,
    ModelError,
    VitaError,
)
from vita_tui.events import EnginesReplaced, EngineStatus, EngineWorked, EventBus, Health, Job
from vita_tui.health.breaker import Breaker, BreakerSnapshot, BreakerState, Permit
from vita_tui.settings import HealthSettings

__all__ = ["Chain"]

log = logging.getLogger(__name__)


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
        slow_counts: bool = True,
        hedge: bool = False,
    ) -> None:
        """
        Args:
            hedge: `rival` has a second server asked for what takes long.
            slow_counts: work that takes long counts as a failure, for which another engine takes over; a server that timed out is not asked
                for the same work in another way.
        """
        self.job = job
        self.watched = False
        """A `Prober` tries engines again when the time for which they are disabled is over."""
        self._bus = bus
        self._clock = clock or RUNNING
        self._lock = threading.Lock()
        self._slow_counts = slow_counts
        self._settings = settings
        self._hedge = hedge
        self._links = [self._link(engine) for engine in engines]
        pool(self._links)
        self._answered = 0
        """Place of the engine that answered last."""
        self._announced = 0
        """Place of the engine that users have last been told of."""
        self._changed = False
        self._publishing = False

    def _link(self, engine: E) -> Link[E]:
        breaker = Breaker(
            engine.name,
            failures=self._settings.breaker_failures,
            rest_seconds=self._settings.breaker_seconds,
            slow_seconds=self._settings.breaker_slow_seconds if self._slow_counts else math.inf,
            clock=self._clock,
        )
        return Link(engine, breaker)

    def sort(self, rank: Callable[[E], int]) -> None:
        """Try engines in another order from now on: those of the lowest rank first."""
        with self._lock:
            self._links = sorted(self._links, key=lambda link: rank(link.engine))
            self._answered = self._announced = 0
            pool(self._links)

    def replace(self, engines: Sequence[E]) -> list[E]:
        """Have `engines` do the work, from the next piece of it on.

        Returns:
            Those that did it before and do it no more: they may still be at work, and are to be freed by whoever knows when they are not.
        """
        with self._lock:
            there = {id(link.engine): link for link in self._links}
            self._answered = self._announced = 0
            self._links = [
                there.pop(id(engine)) if id(engine) in there else self._link(engine) for engine in engines
            ]
            pool(self._links)
        self._bus.publish(EnginesReplaced(self.job, tuple(engine.name for engine in engines)))
        self._publish()
        return [link.engine for link in there.values()]

    @property
    def engines(self) -> list[E]:
        return [link.engine for link in self._links]

    @property
    def active(self) -> E:
        """The engine that answers now: the one that did so last unless it is disabled, then the first that is not.

        Raises:
            NoEngineError: the chain is empty.
        """
        if (link := self._active()) is None:
            raise none_works(self.job, [])
        return link.engine

    @property
    def active_name(self) -> str:
        link = self._active()
        return link.engine.name if link is not None else ""

    def attempts(
        self, wanted: Callable[[E], bool] = lambda _: True, *, allowance: float = 0.0
    ) -> Iterator[Attempt[E]]:
        """The engines to try, first choice first, passing over those that are disabled and those that are not `wanted`.

        Ends after the first attempt that worked.

        Args:
            allowance: seconds by which this work may be slower than the limit, such as the length of the audio.

        Raises:
            NoEngineError: all of them failed or are disabled.
        """
        tried: list[tuple[str, str, str]] = []
        silent: set[str] = set()
        for link in self._order():
            if not wanted(link.engine):
                continue
            if (host := where(link.engine)) in silent:  # another way to it would cost the same wait
                tried.append((link.engine.name, f"{host} does not answer", ""))
                continue
            permit = link.breaker.allow()
            if permit is None:
                tried.append((link.engine.name, why_disabled(link), link.remedy))
                continue
            if link.disabled:
                self._publish()
            attempt = Attempt(self, link, permit, self._clock, allowance)
            try:
                yield attempt
            finally:
                attempt.abandon()
            if attempt.failed is None:
                return
            if self._slow_counts and host and isinstance(attempt.failed, EngineTimeoutError):
                silent.add(host)
            tried.append((link.engine.name, attempt.failed.message, attempt.failed.remedy))
        raise none_works(self.job, tried)

    def glance(self, wanted: Callable[[E], bool] = lambda _: True) -> Iterator[Attempt[E]]:
        """At most one attempt, at the engine that answers now, for work that can be left undone."""
        if (active := self._active()) is None:
            raise none_works(self.job, [])
        # Of the servers that share the work the one that the next attempt takes; after them what is loaded anyway.
        link = next(
            (
                link
                for link in sorted(self._order(), key=lambda link: link.pool != active.pool)
                if not link.passed_over and (link.pool == active.pool or link.warm) and wanted(link.engine)
            ),
            None,
        )
        if link is None:
            return
        if (permit := link.breaker.allow()) is not None:
            attempt = Attempt(self, link, permit, self._clock)
            try:
                yield attempt
            finally:
                attempt.abandon()

    def rival(self, attempt: Attempt[E]) -> tuple[float, Attempt[E]] | None:
        """An attempt at another server of the same pool, and after how many seconds it should begin when `attempt` has not ended by then.

        None where that is not asked for, or there is no such server. Whoever gets it settles or abandons it.
        """
        first = attempt.link
        if not self._hedge:
            return None
        for link in self._order():
            if link is first or link.pool != first.pool or link.passed_over:
                continue
            if (permit := link.breaker.allow()) is not None:
                return first.late_after, Attempt(self, link, permit, self._clock)
        return None

    def probes(self, wanted: Callable[[E], bool] = lambda _: True) -> Iterator[Attempt[E]]:
        """An attempt for each disabled engine whose time is over, so that it is tried before a user needs it.

        The caller enters each and does a little real work, in the thread or on the loop where the engine lives. Engines that
        are put aside, or are not `wanted`, are left alone.
        """
        for link in self._links:
            if link.aside or not link.disabled or not wanted(link.engine):
                continue
            if (permit := link.breaker.allow()) is not None:
                self._publish()
                attempt = Attempt(self, link, permit, self._clock, probe=True)
                try:
                    yield attempt
                finally:
                    attempt.abandon()

    def due_seconds(self) -> float | None:
        """Until the next engine is to be probed, 0 when one is; None when no engine is disabled."""
        snapshots = [link.breaker.snapshot() for link in self._links if not link.aside]
        waits = [
            snapshot.retry_seconds
            or 0.0  # a call that was to decide was cancelled: it may be tried again now
            for snapshot in snapshots
            if snapshot.state is not BreakerState.CLOSED and not snapshot.trying
        ]
        return min(waits) if waits else None

    def put_aside(self, engine: E, reason: str) -> None:
        """Leave `engine` alone, because of `reason`, until `take_back`; it is still asked when no other answers."""
        self._set_aside(engine, reason)

    def take_back(self, engine: E) -> None:
        """Use `engine` again, in its old place."""
        self._set_aside(engine, "")

    def reason(self, name: str) -> str:
        """Why the engine of that name does not answer, or not as it should; empty when it does."""
        for link in self._links:
            if link.engine.name == name:
                return uncounted(link.aside or link.reason)
        return ""

    def replaced(self, name: str) -> tuple[str, str]:
        """Instead of which engine the one of that name has done the work, and why; empty where it shares the work with the first."""
        links = self._links
        link = next((link for link in links if link.engine.name == name), None)
        if link is None or link.pool == links[0].pool:
            return "", ""
        return links[0].engine.name, self.reason(links[0].engine.name)

    def breakers(self) -> list[BreakerSnapshot]:
        """Every engine's breaker now, in order."""
        return [link.breaker.snapshot() for link in self._links]

    def statuses(self) -> list[EngineStatus]:
        """How every engine stands now, in order."""
        active = self._active()
        return [
            status(self.job, link, place, self._lock, active=link is active)
            for place, link in enumerate(self._links)
        ]

    def unloaded(self, engine: E) -> None:
        """`engine` was cleaned up to save memory: its next work includes loading."""
        with self._lock:
            for link in self._links:
                if link.engine is engine:
                    link.warm = False

    def reset(self) -> None:
        """Close every breaker: the user has fixed something."""
        for link in self._links:
            link.breaker.reset()
        self._publish()

    # ---- reported by attempts

    def count(self, link: Link[E], change: int) -> None:
        """An attempt at `link` begins or ends."""
        with self._lock:
            link.outstanding += change

    def succeeded(
        self, link: Link[E], seconds: float, permit: Permit, allowance: float, *, probe: bool = False
    ) -> None:
        with self._lock:
            warm, link.warm = link.warm, True
            if warm and not probe:
                link.durations.append(seconds)
                link.measured = self._clock.monotonic()
        in_time = link.breaker.record_success(seconds if warm else 0.0, permit, allowance=allowance)
        notes = link.engine.notes
        with self._lock:
            link.health = Health.READY if in_time and not notes else Health.DEGRADED
            link.reason = notes if in_time else counted(link, f"took {seconds:.1f} s")
            if link in self._links:  # it may have been replaced while it worked
                place = self._links.index(link)
                # A fallback that was probed stays a fallback.
                if not probe or place < self._answered or self._links[self._answered].disabled:
                    self._answered = place
        if not probe:
            self._bus.publish(EngineWorked(self.job, link.engine.name, seconds if warm else None))
        self._announce()
        self._publish()

    def failed(
        self, link: Link[E], error: VitaError, seconds: float, permit: Permit, *, probe: bool = False
    ) -> None:
        missing = isinstance(error, EngineUnavailableError | ModelError)
        reason = error.message.rstrip(".")
        if isinstance(error, EngineTimeoutError):
            reason = f"{link.engine.name} timed out"
        link.breaker.record_failure(reason, seconds, permit)
        with self._lock:
            link.warm = False  # it may have to be loaded anew
            link.health = Health.MISSING if missing else Health.DEGRADED
            link.reason = reason if missing else counted(link, reason)
            link.remedy = error.remedy
        log.warning("%s: %s", link.engine.name, error)
        if not probe:
            called = not isinstance(error, ModelError)
            self._bus.publish(
                EngineWorked(self.job, link.engine.name, None, type(error).__name__, called=called)
            )
        self._publish()

    # ----

    def _order(self) -> list[Link[E]]:
        """As they are tried. Unwatched, a disabled engine whose time is over gets its chance in its own place."""
        now = self._clock.monotonic()
        with self._lock:
            links = [(link.pool, link.load(now), link) for link in self._links]
        links.sort(key=lambda one: (one[2].reluctance(self.watched), *one[:2]))
        return [link for *_, link in links]

    def _set_aside(self, engine: E, reason: str) -> None:
        with self._lock:
            for link in self._links:
                if link.engine is engine:
                    link.aside = reason
        self._publish()

    def _active(self) -> Link[E] | None:
        """The engine that answers now; None when there is none."""
        links = self._links
        if not links:
            return None
        answered = links[min(self._answered, len(links) - 1)]
        if answered.passed_over:
            return next((link for link in links if not link.passed_over), answered)
        return answered

    def _announce(self) -> None:
        """Tell once that a fallback answers, and once that the first choice is back."""
        with self._lock:
            answered, before = self._answered, self._announced
            if answered == before or answered >= len(self._links):
                return
            if self._links[answered].pool == self._links[before].pool:
                return  # they share the work
            preferred = self._links[: self._links[answered].pool]
            if not all(link.disabled or link.health is Health.MISSING for link in preferred):
                return  # it failed once, and will be asked again at once: the panel shows that
            self._announced = answered
            name = self._links[answered].engine.name
            reasons = "; ".join(link.reason for link in preferred if link.reason)
        self._bus.publish(now_answers(self.job, name, reasons, fallback=bool(preferred)))

    def _publish(self) -> None:
        """Publish how all stand. One thread at a time does it, again for whoever came meanwhile: the last word is the newest."""
        with self._lock:
            self._changed = True
            if self._publishing:
                return
            self._publishing = True
        while True:
            with self._lock:
                if not self._changed:
                    self._publishing = False
                    return
                self._changed = False
            for one in self.statuses():
                self._bus.publish(one)
