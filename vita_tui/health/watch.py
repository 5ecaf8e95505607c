"""The round that keeps the figures: saves them, sweeps them, and looks for leaks."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress

from vita_tui.clock import Clock, SystemClock
from vita_tui.events import EventBus, Notice
from vita_tui.health.metrics import Metrics
from vita_tui.health.processes import half_written
from vita_tui.health.registry import Registry, registry
from vita_tui.health.threads import RegisteredThread

__all__ = ["HealthWatch"]

log = logging.getLogger(__name__)


class HealthWatch:
    """Owns the `health` thread. `start` it once; `cleanup` stops it, saves a last time, and may be called twice."""

    def __init__(
        self,
        metrics: Metrics,
        *,
        bus: EventBus,
        resources: Registry = registry,
        clock: Clock | None = None,
        each_round: Callable[[], None] | None = None,
    ) -> None:
        """
        Args:
            each_round: notes figures that nobody reports as they change.
        """
        self._metrics = metrics
        self._bus = bus
        self._resources = resources
        self._clock = clock or SystemClock()
        self._each_round = each_round
        self._swept = self._clock.monotonic()
        self._stopping = threading.Event()
        self._thread: RegisteredThread | None = None

    def start(self) -> None:
        """Take up the figures of earlier runs and begin."""
        if self._thread is not None:
            return
        self._stopping.clear()
        self._thread = RegisteredThread(self._run, name="health", owner="health.watch", close=self.cleanup)
        self._thread.start()

    def round(self) -> None:
        """One round; the thread makes one every `health.save_seconds`."""
        now = self._clock.monotonic()
        if now - self._swept >= self._metrics.settings.sweep_seconds:
            self._swept = now
            self._metrics.sweep()
        for leak in self._resources.report_leaks():
            self._metrics.count("leaks", kind=leak.kind, owner=leak.owner)
            self._bus.publish(
                Notice(
                    f"Leak: {leak.kind} {leak.name}",
                    f"Still open, but {leak.leak}.",
                    "vita cleanup --running",
                    "warning",
                    key=f"leak:{leak.owner}:{leak.name}",
                )
            )
        self._note()
        self._metrics.save()

    def _note(self) -> None:
        self._metrics.gauge("open_resources", len(self._resources.open()))
        if self._each_round is not None:
            self._each_round()

    def cleanup(self) -> None:
        """Stop the thread and save what is new."""
        self._stopping.set()
        thread, self._thread = self._thread, None
        if thread is None:
            return
        thread.finish(1.0)
        self._note()
        self._metrics.save()

    def _run(self) -> None:
        try:
            # Here, and not in `start`: reading a file must not keep the first paint waiting.
            self._metrics.load()
            for left in half_written():
                with suppress(OSError):
                    left.unlink()
            while not self._stopping.wait(self._metrics.settings.save_seconds):
                self.round()
        except Exception:
            log.exception("the health thread ended")
