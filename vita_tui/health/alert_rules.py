"""Rules over the figures: what raises an alert that no single write shows. Each fires once, and again only after it has cleared.

A limit has two sides: what crosses it fires, and what is back below `CLEAR` of it clears, so that what sways around a limit is told once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vita_tui.events import Alert
from vita_tui.health.confidence_record import Drift
from vita_tui.health.series import MetricValue
from vita_tui.settings import HealthSettings

__all__ = ["AlertRules", "RuleChanges"]

CLEAR = 0.85
"""Share of a limit below which an alert clears."""
ENOUGH_TURNS = 20
"""Before which a 95th percentile says nothing."""
RESTART_SECONDS = 3600.0
MEMORY_ROUNDS = 3
"""Looks in a row at which memory must be over its limit: what is freed at once is no news."""


@dataclass(frozen=True, slots=True)
class RuleChanges:
    """What a look at the figures has changed."""

    fired: tuple[Alert, ...] = ()
    cleared: tuple[str, ...] = ()
    """Keys of alerts that are over."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """One rule at one moment."""

    key: str
    share: float
    """Of the limit."""
    title: str
    message: str
    remedy: str


class AlertRules:
    """Used by one thread."""

    def __init__(self, settings: HealthSettings) -> None:
        self._settings = settings
        self._firing: set[str] = set()
        self._restarts: deque[tuple[float, float]] = deque()
        """When there were how many in all."""
        self._over = 0
        """Looks in a row at which memory was over its limit."""

    def step(self, values: Sequence[MetricValue], drifts: Sequence[Drift], now: float) -> RuleChanges:
        """Look at all figures.

        Args:
            now: monotonic seconds.
        """
        fired, cleared = [], []
        readings = {one.key: one for one in self._readings(values, drifts, now)}
        for key, one in readings.items():
            if one.share > 1.0 and key not in self._firing:
                self._firing.add(key)
                fired.append(Alert(one.title, one.message, one.remedy, "warning", key))
            elif one.share <= CLEAR and key in self._firing:
                self._firing.discard(key)
                cleared.append(key)
        for key in self._firing - readings.keys():
            self._firing.discard(key)
            cleared.append(key)
        return RuleChanges(tuple(fired), tuple(cleared))

    def _readings(
        self, values: Sequence[MetricValue], drifts: Sequence[Drift], now: float
    ) -> Iterator[_Reading]:
        limits = self._settings
        restarts = 0.0
        for value in values:
            if value.name == "turn_seconds" and value.p95 is not None and value.count >= ENOUGH_TURNS:
                yield _Reading(
                    "rule:p95",
                    value.p95 / limits.alert_slow_seconds,
                    "Answers have become slow",
                    f"One in twenty takes longer than {value.p95:.1f} s; the limit is {limits.alert_slow_seconds:g} s.",
                    "vita metrics",
                )
            elif value.name == "engine_restarts":
                restarts += value.value
            elif value.name == "memory_own_bytes" and limits.alert_memory_mb:
                used = value.value / 1e6
                self._over = self._over + 1 if used > limits.alert_memory_mb else 0
                share = used / limits.alert_memory_mb
                if share > 1.0 and self._over < MEMORY_ROUNDS:
                    # It keeps what it was told.
                    share = 1.0
                yield _Reading(
                    "rule:memory",
                    share,
                    "VITA uses much memory",
                    f"{used:.0f} MB; the limit is {limits.alert_memory_mb} MB.",
                    "A smaller model: f2",
                )
        yield self._restarted(restarts, now)
        for drift in drifts:
            yield _Reading(
                f"rule:confidence:{drift.engine}",
                (drift.before - drift.lately) / limits.alert_confidence,
                "Recognition is less sure than last week",
                f"{drift.engine} is {drift.lately:.0%} sure of a word lately, {drift.before:.0%} in the week before.",
                "Try the microphone: vita calibrate",
            )

    def _restarted(self, total: float, now: float) -> _Reading:
        self._restarts.append((now, total))
        while len(self._restarts) > 1 and now - self._restarts[0][0] > RESTART_SECONDS:
            self._restarts.popleft()
        lately = total - min(count for _, count in self._restarts)
        return _Reading(
            "rule:restarts",
            lately / (self._settings.alert_restarts - 0.5),
            "The language model was started again and again",
            f"{lately:.0f} times within an hour.",
            "vita doctor",
        )
