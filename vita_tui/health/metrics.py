"""The metrics monitor: counters, gauges, timings and error rates, bounded in number and in age.

Any thread may write. A write looks its series up without a lock and then takes that series' own lock; only making and dropping
a series takes the table's. Both limits hold at every moment: making a series beyond the limit drops the longest untouched
ones first, and no write leaves a series behind that is older than the retention.

Thresholds raise an `Alert` on the bus once, and again only after the condition has passed.
"""

from __future__ import annotations

import heapq
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from vita_tui.clock import Clock, SystemClock
from vita_tui.events import Alert, EventBus, Passed
from vita_tui.health import metrics_file as record
from vita_tui.health.series import CLASSES, Calls, Count, Gauge, Key, MetricValue, Series, Timing
from vita_tui.settings import HealthSettings

__all__ = ["Metrics"]

log = logging.getLogger(__name__)

DROPPED_SHARE = 20
"""When the table is full, one part in so many goes at once: finding the oldest takes a look at all."""
FRESH_SECONDS = 60.0
"""For so long the summaries of an untouched table stand; durations grow old even when nothing is written."""

S = TypeVar("S", bound=Series)


class Metrics:
    """All figures of this process; every method may be called from any thread."""

    def __init__(
        self,
        settings: HealthSettings | None = None,
        *,
        clock: Clock | None = None,
        bus: EventBus | None = None,
    ) -> None:
        """
        Args:
            bus: where alerts go, unless `attach` names one; None keeps them to `alerts`.
        """
        self.settings = settings or HealthSettings()
        self._retention = self.settings.retention_hours * 3600.0
        self._clock = clock or SystemClock()
        self._bus = bus
        self._lock = threading.Lock()
        self._table: dict[Key, Series] = {}
        self._look_at = self._clock.monotonic() + self.settings.sweep_seconds
        """When a series may be too old, or the next sweep is due."""
        self._summary_lock = threading.Lock()
        self._summaries: tuple[MetricValue, ...] = ()
        self._summarised = float("-inf")
        self._stale = True
        self._alert_lock = threading.Lock()
        self._alerts: dict[Key, Alert] = {}
        self._save_lock = threading.Lock()
        self._save_failed = ""
        self.total_created = 0
        self.total_evicted = 0
        """Dropped because there were too many."""
        self.total_expired = 0
        """Dropped because nothing was written to them for so long."""
        self.total_sweeps = 0
        self.total_alerts = 0

    def __len__(self) -> int:
        return len(self._table)

    # ---- writing

    def count(self, name: str, amount: float = 1.0, /, **labels: str) -> None:
        """Add to a counter."""
        with self._series(Count, name, labels) as series:
            series.note(float(amount))

    def gauge(self, name: str, value: float, /, **labels: str) -> None:
        """Set a gauge."""
        with self._series(Gauge, name, labels) as series:
            series.note(float(value))

    def time(
        self,
        name: str,
        seconds: float,
        /,
        *,
        slow: float | None = None,
        what: str = "",
        why: str = "",
        remedy: str = "",
        **labels: str,
    ) -> None:
        """Note a duration.

        Args:
            slow: raise an alert when it is longer than this.
            what: the alert's title, such as "Answers are slow".
            why: what made it slow, in a sentence.
            remedy: what one can do.
        """
        crossed = False
        with self._series(Timing, name, labels) as series:
            series.note(seconds)
            if slow is not None:
                crossed = series.crosses(seconds, slow)
            passed = self._settle(series)
        if crossed:
            message = f"{seconds:.1f} s; more than {slow:g} s is slow. {why}".strip()
            self._alert(series.key, what or f"{_title(name)} is slow", message, remedy)
        self._tell(passed)

    @contextmanager
    def measure(self, name: str, /, *, slow: float | None = None, **labels: str) -> Iterator[None]:
        """Time the body, whether it works or not."""
        start = self._clock.monotonic()
        try:
            yield
        finally:
            self.time(name, self._clock.monotonic() - start, slow=slow, **labels)

    def call(
        self, name: str, /, ok: bool, *, what: str = "", why: str = "", remedy: str = "", **labels: str
    ) -> None:
        """Note whether a call worked. Raises an alert when too many of the last ones did not.

        Args:
            what: the alert's title, such as "piper keeps failing".
            why: what went wrong, in a sentence.
            remedy: what one can do.
        """
        with self._series(Calls, name, labels) as series:
            series.note(ok)
            crossed = series.crosses(self.settings.error_rate)
            failed, calls = series.recent
            passed = self._settle(series)
        if crossed:
            message = f"{failed} of the last {calls} times. {why}".strip()
            self._alert(series.key, what or f"{_title(name)} keeps failing", message, remedy or "vita doctor")
        self._tell(passed)

    def attach(self, bus: EventBus) -> Callable[[], None]:
        """Take the figures of a conversation from its events, and raise alerts there; the returned function ends that."""
        from vita_tui.health.observer import Observer

        self._bus = bus
        return bus.subscribe(Observer(self))

    def count_error(self, error: BaseException) -> None:
        """Count an error that reached the user, by its kind."""
        self.count("errors", kind=type(error).__name__)

    # ---- reading

    def summaries(self) -> tuple[MetricValue, ...]:
        """Every metric now, by kind and name. Computed anew only after a write."""
        with self._summary_lock:
            now = self._clock.monotonic()
            if not self._stale and now - self._summarised < FRESH_SECONDS:
                return self._summaries
            # Cleared before looking: a write that comes while we look sets it again.
            self._stale = False
            self._summarised = now
            found = []
            for _, series in sorted(self._snapshot()):
                with series.lock:
                    if not series.dead:
                        found.append(series.summary(now - self._retention))
            self._summaries = tuple(found)
            return self._summaries

    def alerts(self) -> list[Alert]:
        """The alerts that are in force."""
        with self._alert_lock:
            return list(self._alerts.values())

    def oldest_seconds(self) -> float:
        """How long ago the longest untouched metric was written to; 0 when there is none."""
        now = self._clock.monotonic()
        return max((now - series.updated for _, series in self._snapshot()), default=0.0)

    # ---- limits

    def sweep(self) -> int:
        """Drop what is too old; returns how many went. Called by writes when it is due, and hourly by the watch."""
        with self._lock:
            now = self._clock.monotonic()
            old = [series for series in self._table.values() if now - series.updated > self._retention]
            for series in old:
                self._drop(series)
            self.total_expired += len(old)
            self.total_sweeps += 1
            oldest = min((series.updated for series in self._table.values()), default=now)
            # What is written to meanwhile only becomes younger: nothing can be too old before then.
            self._look_at = min(oldest + self._retention, now + self.settings.sweep_seconds)
            self._stale = True
            return len(old)

    def _drop(self, series: Series) -> None:
        """With the table's lock held."""
        with series.lock:
            series.dead = True
        self._table.pop(series.key, None)
        with self._alert_lock:
            self._alerts.pop(series.key, None)

    @contextmanager
    def _series(self, kind: type[S], name: str, labels: dict[str, str]) -> Iterator[S]:
        """The series, locked and stamped; made when it is new."""
        key: Key = (kind.kind, name, tuple(sorted(labels.items())))
        while True:
            now = self._clock.monotonic()
            if now > self._look_at:
                self.sweep()
            series = self._table.get(key) or self._make(key, now)
            assert isinstance(series, kind)
            with series.lock:
                if series.dead:
                    continue  # dropped between looking and locking
                series.updated = now
                try:
                    yield series
                finally:
                    self._stale = True
                return

    def _make(self, key: Key, now: float) -> Series:
        with self._lock:
            if (known := self._table.get(key)) is not None:
                return known
            full = len(self._table) - self.settings.max_metrics + 1
            if full > 0:
                some = max(full, self.settings.max_metrics // DROPPED_SHARE)
                for series in heapq.nsmallest(some, self._table.values(), key=lambda series: series.updated):
                    self._drop(series)
                    self.total_evicted += 1
            kind, name, labels = key
            self._table[key] = made = CLASSES[kind](name, labels, now)
            self.total_created += 1
            self._look_at = min(self._look_at, now + self._retention)
            return made

    def _snapshot(self) -> list[tuple[Key, Series]]:
        with self._lock:
            return list(self._table.items())

    # ---- alerts

    def _settle(self, series: Series) -> Alert | None:
        """Forget the alert of a series whose condition has passed, and return it; with the series' lock held."""
        if not series.alerting and series.key in self._alerts:
            with self._alert_lock:
                return self._alerts.pop(series.key, None)
        return None

    def _tell(self, passed: Alert | None) -> None:
        """Tell that an alert has passed; without a lock."""
        if passed is not None and self._bus is not None:
            self._bus.publish(Passed(passed.key))

    def _alert(self, key: Key, title: str, message: str, remedy: str) -> None:
        alert = Alert(
            title, message, remedy, severity="warning", key=":".join([*key[:2], *(v for _, v in key[2])])
        )
        with self._alert_lock:
            self._alerts[key] = alert
            self.total_alerts += 1
        log.warning("%s: %s %s", title, message, remedy)
        if self._bus is not None:
            self._bus.publish(alert)

    # ---- disk

    def load(self) -> None:
        """Take up what earlier runs have left. Whatever is wrong with the file costs the past, never the program."""
        try:
            known = record.read(record.record_file(), self._clock)
        except OSError as error:
            log.warning("earlier figures cannot be read: %s", error)
            return
        now = self._clock.monotonic()
        newest = heapq.nlargest(self.settings.max_metrics, known.values(), key=lambda series: series.updated)
        with self._lock:
            for series in newest:
                room = len(self._table) < self.settings.max_metrics
                if room and now - series.updated <= self._retention and series.key not in self._table:
                    series.continued = True
                    self._table[series.key] = series
            oldest = min((series.updated for series in self._table.values()), default=now)
            self._look_at = min(self._look_at, oldest + self._retention)
            self._stale = True

    def save(self) -> bool:
        """Write down what came since the last save; False when that failed, and the next save tries again."""
        with self._save_lock:
            parts: list[tuple[Series, Series]] = []
            for _, series in self._snapshot():
                with series.lock:
                    if not series.dead and (fresh := series.take_fresh()) is not None:
                        parts.append((series, fresh))
            if not parts:
                return True
            try:
                record.add(
                    record.record_file(),
                    [fresh for _, fresh in parts],
                    self._clock,
                    limit=self.settings.max_metrics,
                    retention=self._retention,
                )
            except OSError as error:
                for series, fresh in parts:
                    with series.lock:
                        series.put_back(fresh)
                if str(error) != self._save_failed:  # once, not every few seconds
                    self._save_failed = str(error)
                    log.warning("the figures cannot be saved: %s", error)
                return False
            self._save_failed = ""
            return True


def _title(name: str) -> str:
    return name.removesuffix("_seconds").replace("_", " ").capitalize()
