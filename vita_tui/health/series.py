"""What is kept of one metric: a count, a value, durations, or calls and how many of them failed.

Every series has its own lock, so threads that write different metrics never wait for each other. Times are monotonic
seconds of this process; on disk they are seconds since 1970, so that they mean the same to the next process.
"""

from __future__ import annotations

import math
import threading
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self, cast

__all__ = [
    "CLASSES",
    "Calls",
    "Count",
    "Gauge",
    "Key",
    "Labels",
    "MetricKind",
    "MetricValue",
    "Series",
    "Timing",
]

MetricKind = Literal["counter", "gauge", "timing", "calls"]
Labels = tuple[tuple[str, str], ...]
"""Sorted by name."""
Key = tuple[MetricKind, str, Labels]

SAMPLES = 512
"""Newest durations from which percentiles are taken."""
SAVED_SAMPLES = 128
"""Of them, those that are written to disk."""
WINDOW = 100
"""Newest calls from which the error rate is taken."""
ENOUGH_CALLS = 10
"""Before which an error rate says nothing."""
CALM_TIMES = 3
"""Durations in a row within the limit, after which slowness is told again."""


@dataclass(frozen=True, slots=True)
class MetricValue:
    """One metric at one moment."""

    name: str
    labels: Labels
    kind: MetricKind
    value: float
    """Counters: the total. Gauges: the last value. Timings: seconds in all. Calls: the share that failed lately, 0 to 1."""
    count: int = 0
    """Timings and calls: how many there were."""
    errors: int = 0
    """Calls that failed, of `count`."""
    p50: float | None = None
    """Seconds, of the newest `SAMPLES` durations within the retention; None when there are none."""
    p95: float | None = None
    p99: float | None = None
    maximum: float | None = None


class Series:
    """Base of the four kinds. Whoever calls a method holds `lock`."""

    kind: ClassVar[MetricKind]

    def __init__(self, name: str, labels: Labels, now: float) -> None:
        self.name = name
        self.labels = labels
        self.lock = threading.Lock()
        self.updated = now
        self.dead = False
        """It was dropped; whoever still holds it must look again."""
        self.continued = False
        """A part of it is on disk already."""
        self.alerting = False
        """The user is told that its threshold is crossed, and nothing has gone well since."""
        self.armed = True
        """What crosses the threshold next is told: what goes up and down is not told each time."""
        self._fresh: Series | None = None
        """What came since the last `take_fresh`."""

    @property
    def key(self) -> Key:
        return self.kind, self.name, self.labels

    def summary(self, oldest: float) -> MetricValue:
        """Args: oldest: what happened before it does not count."""
        raise NotImplementedError

    def note(self, value: float) -> None:
        """Something has happened, at `updated`, and is to be written down."""
        self.add(value)
        if self._fresh is None:
            self._fresh = type(self)(self.name, self.labels, self.updated)
        self._fresh.updated = self.updated
        self._fresh.add(value)

    def add(self, value: float) -> None:
        """Something has happened."""
        raise NotImplementedError

    def take_fresh(self) -> Self | None:
        """What came since this was called last, to be written down; None when nothing did."""
        fresh, self._fresh = self._fresh, None
        if fresh is not None:
            fresh.continued, self.continued = self.continued, True
        return cast("Self | None", fresh)

    def put_back(self, fresh: Series) -> None:
        """`fresh` could not be written down: it is a part of what is taken next."""
        if self._fresh is not None:
            fresh.merge(self._fresh)
        self._fresh, self.continued = fresh, fresh.continued

    def merge(self, other: Any) -> None:
        """Add what `other`, of the same kind, holds."""
        self.updated = max(self.updated, other.updated)

    def dump(self, offset: float) -> dict[str, Any]:
        """As JSON. Args: offset: what to add to monotonic seconds to get seconds since 1970."""
        return {
            "kind": self.kind,
            "name": self.name,
            "labels": dict(self.labels),
            "updated": round(self.updated + offset, 3),
        }

    def restore(self, data: Mapping[str, Any], offset: float, now: float) -> None:
        """Take up what `dump` wrote; what claims to be from the future happened now.

        Raises:
            ValueError | KeyError | TypeError: it is not what `dump` writes.
        """
        self.updated = min(now, float(data["updated"]) - offset)


class SingleValue(Series):
    """What counters and gauges have in common."""

    def __init__(self, name: str, labels: Labels, now: float) -> None:
        super().__init__(name, labels, now)
        self.value = 0.0

    def summary(self, oldest: float) -> MetricValue:
        return MetricValue(self.name, self.labels, self.kind, self.value)

    def dump(self, offset: float) -> dict[str, Any]:
        return super().dump(offset) | {"value": self.value}

    def restore(self, data: Mapping[str, Any], offset: float, now: float) -> None:
        super().restore(data, offset, now)
        self.value = float(data["value"])


class Count(SingleValue):
    kind = "counter"

    def add(self, value: float) -> None:
        self.value += value

    def merge(self, other: Count) -> None:
        super().merge(other)
        self.value += other.value


class Gauge(SingleValue):
    kind = "gauge"

    def add(self, value: float) -> None:
        self.value = value

    def merge(self, other: Gauge) -> None:
        if other.updated >= self.updated:
            self.value = other.value
        super().merge(other)


class Timing(Series):
    kind = "timing"

    def __init__(self, name: str, labels: Labels, now: float) -> None:
        super().__init__(name, labels, now)
        self.count = 0
        self.total = 0.0
        # Two plain arrays of doubles: 8 KB when full, where a deque of tuples takes 60.
        self._times = array("d")
        self._values = array("d")
        self._next = 0
        """Place of the oldest sample once the arrays are full."""
        self._calm = 0

    def add(self, value: float) -> None:
        self.count += 1
        self.total += value
        self._sample(self.updated, value)

    def crosses(self, seconds: float, limit: float) -> bool:
        """Whether this duration makes an alert: it is over `limit`, and not one of a row that was told of."""
        if seconds <= limit:
            self._calm += 1
            self.alerting = False
            self.armed = self.armed or self._calm >= CALM_TIMES
            return False
        self._calm = 0
        new, self.armed = self.armed, False
        self.alerting = self.alerting or new
        return new

    def _sample(self, at: float, seconds: float) -> None:
        if len(self._values) < SAMPLES:
            self._times.append(at)
            self._values.append(seconds)
        else:
            self._times[self._next] = at
            self._values[self._next] = seconds
            self._next = (self._next + 1) % SAMPLES

    def samples(self) -> list[tuple[float, float]]:
        """(monotonic seconds, duration), oldest first."""
        pairs = list(zip(self._times, self._values, strict=True))
        return pairs[self._next :] + pairs[: self._next]

    def summary(self, oldest: float) -> MetricValue:
        values = sorted(
            seconds for at, seconds in zip(self._times, self._values, strict=True) if at >= oldest
        )
        if not values:
            return MetricValue(self.name, self.labels, self.kind, self.total, self.count)

        def rank(share: float) -> float:
            return values[max(0, math.ceil(share * len(values)) - 1)]

        return MetricValue(
            self.name,
            self.labels,
            self.kind,
            self.total,
            self.count,
            p50=rank(0.5),
            p95=rank(0.95),
            p99=rank(0.99),
            maximum=values[-1],
        )

    def merge(self, other: Timing) -> None:
        super().merge(other)
        self.count += other.count
        self.total += other.total
        merged = sorted([*self.samples(), *other.samples()])[-SAMPLES:]
        self._times, self._values, self._next = array("d"), array("d"), 0
        for at, seconds in merged:
            self._sample(at, seconds)

    def dump(self, offset: float) -> dict[str, Any]:
        samples = [
            [round(at + offset, 1), round(seconds, 6)] for at, seconds in self.samples()[-SAVED_SAMPLES:]
        ]
        return super().dump(offset) | {
            "count": self.count,
            "total": round(self.total, 6),
            "samples": samples,
        }

    def restore(self, data: Mapping[str, Any], offset: float, now: float) -> None:
        super().restore(data, offset, now)
        self.count = int(data["count"])
        self.total = float(data["total"])
        for at, seconds in data["samples"][-SAMPLES:]:
            self._sample(min(now, float(at) - offset), float(seconds))


class Calls(Series):
    kind = "calls"

    def __init__(self, name: str, labels: Labels, now: float) -> None:
        super().__init__(name, labels, now)
        self.calls = 0
        self.errors = 0
        self._recent = 0
        """One bit for each of the newest calls, 1 where it failed."""
        self._known = 0
        """How many calls `_recent` tells of."""
        self._own = 0
        """How many of them were made in this run: what earlier runs met alarms nobody."""

    def add(self, value: float) -> None:
        failed = not value
        self.calls += 1
        self.errors += failed
        self._recent = ((self._recent << 1) | failed) & ((1 << WINDOW) - 1)
        self._known = min(self._known + 1, WINDOW)
        self._own = min(self._own + 1, WINDOW)

    @property
    def rate(self) -> float:
        """Share of the newest calls that failed."""
        return self._recent.bit_count() / self._known if self._known else 0.0

    @property
    def recent(self) -> tuple[int, int]:
        """Failed calls, and calls, of this run in the window."""
        return (self._recent & ((1 << self._own) - 1)).bit_count(), self._own

    def crosses(self, limit: float) -> bool:
        """Whether the rate of this run has just reached `limit`; a call that worked ends the alert, half of the limit arms it again."""
        failed, calls = self.recent
        rate = failed / calls if calls else 0.0
        self.armed = self.armed or rate < limit / 2
        if not self._recent & 1:
            self.alerting = False
            return False
        if calls < ENOUGH_CALLS or rate < limit:
            return False
        new, self.armed = self.armed, False
        self.alerting = self.alerting or new
        return new

    def summary(self, oldest: float) -> MetricValue:
        return MetricValue(self.name, self.labels, self.kind, self.rate, self.calls, self.errors)

    def merge(self, other: Calls) -> None:
        super().merge(other)
        self.calls += other.calls
        self.errors += other.errors
        self._recent = ((self._recent << other._known) | other._recent) & ((1 << WINDOW) - 1)
        self._known = min(self._known + other._known, WINDOW)

    def dump(self, offset: float) -> dict[str, Any]:
        return super().dump(offset) | {
            "calls": self.calls,
            "errors": self.errors,
            "recent": f"{self._recent:x}",
            "known": self._known,
        }

    def restore(self, data: Mapping[str, Any], offset: float, now: float) -> None:
        super().restore(data, offset, now)
        self.calls = int(data["calls"])
        self.errors = int(data["errors"])
        self._known = max(0, min(int(data["known"]), WINDOW))
        self._recent = int(data["recent"], 16) & ((1 << self._known) - 1)


CLASSES: dict[MetricKind, type[Series]] = {"counter": Count, "gauge": Gauge, "timing": Timing, "calls": Calls}
