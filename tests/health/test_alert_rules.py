"""Alerts from rules over the figures: each fires once, clears, and may fire again."""

from __future__ import annotations

from pathlib import Path

import pytest

from vita_tui.clock import FakeClock
from vita_tui.events import Alert
from vita_tui.health.alert_rules import AlertRules, RuleChanges
from vita_tui.health.confidence_record import ConfidenceRecord, Drift
from vita_tui.health.series import MetricValue
from vita_tui.settings import HealthSettings

SETTINGS = HealthSettings(alert_slow_seconds=5, alert_restarts=3, alert_memory_mb=1000, alert_confidence=0.1)
DAY = 86_400.0


def p95(seconds: float, count: int = 50) -> MetricValue:
    return MetricValue("turn_seconds", (), "timing", 0.0, count, p95=seconds)


def restarts(count: float, engine: str = "a") -> MetricValue:
    return MetricValue("engine_restarts", (("engine", engine),), "counter", count)


def memory(megabytes: float) -> MetricValue:
    return MetricValue("memory_own_bytes", (), "gauge", megabytes * 1e6)


def keys(changes: RuleChanges) -> tuple[list[str], list[str]]:
    return [one.key for one in changes.fired], list(changes.cleared)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([4.9, 5.1, 9.0, 4.9, 5.1, 4.2, 5.1], ["", "+", "", "", "", "-", "+"]),
        ([5.0, 5.0], ["", ""]),
    ],
)
def test_slow_answers_fire_once_and_clear(values: list[float], told: list[str]) -> None:
    rules = AlertRules(SETTINGS)
    found = []
    for at, value in enumerate(values):
        fired, cleared = keys(rules.step([p95(value)], [], float(at)))
        found.append("+" * len(fired) + "-" * len(cleared))
    assert found == told


def test_a_few_turns_say_nothing_about_the_slowest_of_twenty() -> None:
    assert keys(AlertRules(SETTINGS).step([p95(60.0, count=19)], [], 0.0)) == ([], [])


def test_restarts_of_earlier_runs_alarm_nobody_and_those_of_an_hour_do() -> None:
    rules = AlertRules(SETTINGS)
    assert keys(rules.step([restarts(7)], [], 0.0)) == ([], [])
    assert keys(rules.step([restarts(9)], [], 60.0)) == ([], [])
    assert keys(rules.step([restarts(9), restarts(1, "b")], [], 120.0)) == (["rule:restarts"], [])
    assert keys(rules.step([restarts(9), restarts(2, "b")], [], 180.0)) == ([], [])
    assert keys(rules.step([restarts(9), restarts(2, "b")], [], 4000.0)) == ([], ["rule:restarts"])


def test_memory_has_to_stay_over_its_limit() -> None:
    rules = AlertRules(SETTINGS)
    told = [keys(rules.step([memory(mb)], [], 0.0)) for mb in (1100, 1100, 900, 1100, 1100, 1100, 1100)]
    assert [bool(fired) for fired, _ in told] == [False] * 5 + [True, False]
    assert keys(rules.step([memory(950)], [], 0.0)) == ([], [])
    assert keys(rules.step([memory(800)], [], 0.0)) == ([], ["rule:memory"])
    assert keys(AlertRules(HealthSettings()).step([memory(9000)] * 5, [], 0.0)) == ([], [])


def test_recognition_that_has_become_less_sure() -> None:
    rules = AlertRules(SETTINGS)
    assert keys(rules.step([], [Drift("whisper base", 0.81, 0.9)], 0.0)) == ([], [])
    found = rules.step([], [Drift("whisper base", 0.7, 0.9), Drift("box", 0.9, 0.9)], 0.0)
    assert [type(one) for one in found.fired] == [Alert]
    assert "70%" in found.fired[0].message
    assert "90%" in found.fired[0].message
    # Whoever is not used any more alarms nobody.
    assert keys(rules.step([], [Drift("box", 0.9, 0.9)], 0.0)) == ([], ["rule:confidence:whisper base"])


def test_two_weeks_of_confidence_by_day_and_recognizer(tmp_path: Path) -> None:
    clock = FakeClock()
    file = tmp_path / "state" / "recognition.json"
    record = ConfidenceRecord(clock, file)
    for _ in range(9):
        record.add("whisper base", 40, 0.9)
        record.add("box", 40, 0.8)
        record.save()
        clock.advance(DAY)
    assert record.drifts() == [], "nobody has spoken today"
    record.add("whisper base", 100, 0.6)
    record.add("box", 10, 0.1)
    record.save()
    # Another process of the same user sees the same, and adds to it.
    other = ConfidenceRecord(clock, file)
    other.save()
    drift = {one.engine: one for one in other.drifts()}["whisper base"]
    assert drift.before == pytest.approx(0.9)
    assert drift.lately == pytest.approx((100 * 0.6 + 40 * 0.9) / 140)
    other.add("whisper base", 100, 0.6)
    other.save()
    record.add("whisper base", 1, 0.6)
    record.save()
    assert {one.engine: one.lately for one in record.drifts()}["whisper base"] == pytest.approx(
        (201 * 0.6 + 40 * 0.9) / 241
    )
    # What is older than two weeks is forgotten.
    clock.advance(20 * DAY)
    record.add("whisper base", 1, 0.6)
    record.save()
    assert file.read_text().count("whisper base") == 1
    file.write_text("{ not json")
    record.add("whisper base", 1, 0.6)
    record.save()
    assert record.drifts() == []
