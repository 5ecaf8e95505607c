"""Memory pressure: features are switched off one by one, announced, and come back when the pressure has passed.

`Ladder` is the pure core: readings go in, steps are taken or undone, changes come out. `PressureWatch` owns the `pressure`
thread that feeds it.

A step is taken when available memory is under that step's threshold, or one more than are taken when VITA itself is over its
limit or programs stall for memory. The last step is undone when memory would still be clear of the threshold after what the
step freed is used again, and has been for a while. A step that had to be taken again soon after it was undone waits twice as
long the next time, so the ladder does not swing.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from vita_tui.clock import Clock, SystemClock
from vita_tui.events import EventBus, Notice
from vita_tui.health import process_memory as memory
from vita_tui.health.metrics import Metrics
from vita_tui.health.process_memory import MB, MemoryMeter, Usage
from vita_tui.health.threads import RegisteredThread
from vita_tui.settings import HealthSettings

__all__ = ["Ladder", "MemoryReading", "PressureChange", "PressureStep", "PressureWatch", "SimpleStep"]

log = logging.getLogger(__name__)

MARGIN = 1.25
"""Available memory must be this much over a step's threshold before the step is undone."""
EASE = 0.85
"""VITA's own memory must be under this share of its limit, and stalls under half of theirs, before a step is undone."""
LONGEST_WAIT = 16
"""Times the dwell, that a step which keeps coming back waits at most."""


class PressureStep(Protocol):
    """Something that can be done without. Called by the pressure thread."""

    name: str
    """What is switched off, such as "Partial transcripts are off"."""
    undone: str
    """What is had again, such as "Partial transcripts are on again"."""

    def apply(self) -> None:
        """Give it up and free its memory; returns when that is done. May raise, having changed nothing."""
        ...

    def undo(self) -> None:
        """Have it again; returns when that is done."""
        ...


@dataclass(slots=True)
class SimpleStep:
    """A step from two functions."""

    name: str
    on_apply: Callable[[], None]
    on_undo: Callable[[], None]
    undone: str = ""

    def apply(self) -> None:
        self.on_apply()

    def undo(self) -> None:
        self.on_undo()


@dataclass(frozen=True, slots=True)
class MemoryReading:
    """What the ladder judges by; bytes, and percent."""

    own: int
    available: int
    stall: float | None = None

    @classmethod
    def of(cls, usage: Usage, stall: float | None) -> MemoryReading:
        return cls(usage.own, usage.available, stall)


@dataclass(frozen=True, slots=True)
class PressureChange:
    """A step was taken or undone."""

    step: str
    taken: bool
    reason: str
    freed: int
    """Bytes by which our own memory really shrank; negative when it grew, as it does on undoing."""
    failed: bool = False
    """The step raised; it counts as taken, but frees nothing."""
    undone: str = ""
    """The step's words for having it again."""
    problem: str = ""
    """Why it failed."""


@dataclass(slots=True)
class _Rung:
    step: PressureStep
    freed: int = 0
    taken_at: float = 0.0
    undone_at: float = field(default=float("-inf"))
    patience: int = 1
    """Times the dwell that it waits for calm."""


class Ladder:
    """Decides, takes and undoes. Used by one thread; `taken` may be read by any."""

    def __init__(
        self,
        steps: Sequence[PressureStep],
        settings: HealthSettings,
        *,
        clock: Clock | None = None,
        measure: Callable[[], int] = lambda: 0,
        trim: Callable[[], None] = lambda: None,
    ) -> None:
        """
        Args:
            steps: mildest first.
            measure: our own memory now, in bytes, to tell what a step freed.
            trim: gives freed memory back to the system.
        """
        self._rungs = [_Rung(step) for step in steps]
        self._settings = settings
        self._clock = clock or SystemClock()
        self._measure = measure
        self._trim = trim
        self._taken = 0
        self._calm_since: float | None = None
        self._lowest = 0
        """Available memory when the last step was taken."""

    @property
    def taken(self) -> tuple[str, ...]:
        """Names of the steps that are in force, mildest first."""
        return tuple(rung.step.name for rung in self._rungs[: self._taken])

    def observe(self, reading: MemoryReading) -> PressureChange | None:
        """Judge `reading`; takes or undoes at most one step."""
        now = self._clock.monotonic()
        reason = self._reason(reading)
        if reason:
            self._calm_since = None
            if self._taken < len(self._rungs) and self._may_take(reading, now):
                return self._take(reading, reason, now)
            return None
        if not self._taken or not self._calm(reading):
            self._calm_since = None
            return None
        if self._calm_since is None:
            self._calm_since = now
        rung = self._rungs[self._taken - 1]
        if now - self._calm_since >= self._settings.pressure_dwell_seconds * rung.patience:
            return self._undo(reading, now)
        return None

    def undo_all(self) -> list[PressureChange]:
        """Undo every step, as when the watch is switched off."""
        changes = []
        while self._taken:
            changes.append(self._undo(MemoryReading(0, 0), self._clock.monotonic()))
        return changes

    # ----

    def _threshold(self, place: int) -> int:
        """Bytes of available memory under which the step at `place` is taken; steps beyond the list share the last one."""
        thresholds = self._settings.pressure_available_mb
        return thresholds[min(place, len(thresholds) - 1)] * MB if thresholds else 0

    def _reason(self, reading: MemoryReading) -> str:
        """Why one more step is due; empty when none is."""
        settings = self._settings
        if reading.available < self._threshold(self._taken):
            return f"{reading.available / MB:.0f} MB of memory are left"
        if settings.pressure_rss_mb and reading.own > settings.pressure_rss_mb * MB:
            return f"VITA uses {reading.own / MB:.0f} MB"
        if settings.pressure_stall and (reading.stall or 0.0) > settings.pressure_stall:
            return f"programs wait for memory {reading.stall:.0f} % of the time"
        return ""

    def _may_take(self, reading: MemoryReading, now: float) -> bool:
        """The last step gets time to show what it is worth, unless things get worse."""
        if not self._taken:
            return True
        waited = now - self._rungs[self._taken - 1].taken_at >= self._settings.pressure_dwell_seconds
        return waited or reading.available < min(self._lowest, self._threshold(self._taken))

    def _calm(self, reading: MemoryReading) -> bool:
        """Whether there would be room for what the last step freed."""
        settings = self._settings
        rung = self._rungs[self._taken - 1]
        regained = max(0, rung.freed)
        if reading.available - regained < self._threshold(self._taken - 1) * MARGIN:
            return False
        if settings.pressure_rss_mb and reading.own + regained > settings.pressure_rss_mb * MB * EASE:
            return False
        return not (settings.pressure_stall and (reading.stall or 0.0) > settings.pressure_stall / 2)

    def _take(self, reading: MemoryReading, reason: str, now: float) -> PressureChange:
        rung = self._rungs[self._taken]
        dwell = self._settings.pressure_dwell_seconds
        soon = now - rung.undone_at < 4 * dwell * rung.patience
        rung.patience = min(LONGEST_WAIT, rung.patience * 2) if soon else 1
        rung.taken_at = now
        self._lowest = reading.available
        freed, problem = self._run(rung.step.name, rung.step.apply)
        rung.freed = freed
        self._taken += 1
        return PressureChange(rung.step.name, True, reason, freed, bool(problem), rung.step.undone, problem)

    def _undo(self, reading: MemoryReading, now: float) -> PressureChange:
        rung = self._rungs[self._taken - 1]
        self._taken -= 1
        self._calm_since = None
        rung.undone_at = now
        freed, problem = self._run(rung.step.name, rung.step.undo)
        reason = f"{reading.available / MB:.0f} MB are free"
        return PressureChange(rung.step.name, False, reason, freed, bool(problem), rung.step.undone, problem)

    def _run(self, name: str, act: Callable[[], None]) -> tuple[int, str]:
        """Returns: bytes freed, and why it failed."""
        self._trim()  # what was free before is not the step's merit
        before = self._measure()
        problem = ""
        try:
            act()
        except Exception as error:
            # A step belongs to another room: one that is broken must not keep the others from being taken.
            log.exception("the step %s failed", name)
            problem = str(error).rstrip(".") or type(error).__name__
        self._trim()
        return before - self._measure(), problem


class PressureWatch:
    """Owns the `pressure` thread. `start` it once; `cleanup` stops it and may be called twice."""

    def __init__(
        self,
        steps: Sequence[PressureStep],
        settings: HealthSettings,
        *,
        bus: EventBus,
        metrics: Metrics | None = None,
        meter: MemoryMeter | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._settings = settings
        self._bus = bus
        self._metrics = metrics
        self._meter = meter or MemoryMeter(clock=clock)
        self.ladder = Ladder(
            steps,
            settings,
            clock=clock,
            measure=lambda: self._meter.read(fresh=True).own,
            trim=memory.trim,
        )
        self._stopping = threading.Event()
        self._thread: RegisteredThread | None = None

    def start(self) -> None:
        """Watch from now on; does nothing when the setting is off or the thread runs."""
        if self._thread is not None or not self._settings.pressure:
            return
        self._stopping.clear()
        self._thread = RegisteredThread(
            self._run, name="pressure", owner="health.pressure", close=self.cleanup
        )
        self._thread.start()

    def look(self) -> PressureChange | None:
        """Judge memory once, and tell what was done; the thread does so every few seconds."""
        usage = self._meter.read()
        change = self.ladder.observe(MemoryReading.of(usage, memory.stall()))
        if self._metrics is not None:
            self._metrics.gauge("memory_own_bytes", usage.own)
            self._metrics.gauge("memory_available_bytes", usage.available)
            self._metrics.gauge("pressure_steps", len(self.ladder.taken))
        if change is not None:
            self.announce(change)
        return change

    def announce(self, change: PressureChange) -> None:
        """Tell of a step on the bus and in the log."""
        amount = round(abs(change.freed) / MB)
        title = change.step if change.taken else change.undone or f"Undone: {change.step}"
        message = f"{change.reason[:1].upper()}{change.reason[1:]}"
        if change.failed:
            title = f"Failed: {title}"
            message += f"; but this did not work: {change.problem}"
        elif change.taken:
            message += f"; this freed {amount} MB" if change.freed > 0 and amount else "; this freed nothing"
        elif change.freed < 0 and amount:
            message += f"; this takes {amount} MB"
        log.info("memory pressure: %s: %s", title, message)
        self._bus.publish(
            Notice(
                title,
                f"{message}.",
                severity="warning" if change.taken else "information",
                key=f"pressure:{change.step}",
            )
        )
        if self._metrics is not None:
            self._metrics.count(
                "pressure_changes", step=change.step, change="taken" if change.taken else "undone"
            )
            if change.taken:
                self._metrics.gauge("pressure_freed_bytes", change.freed, step=change.step)

    def cleanup(self) -> None:
        """Stop the thread. Steps that are in force stay so: the program is ending."""
        self._stopping.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.finish(1.0)

    def _run(self) -> None:
        try:
            while not self._stopping.wait(self._settings.pressure_seconds):
                self.look()
        except Exception:
            log.exception("the pressure thread ended")
