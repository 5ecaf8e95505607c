"""Figures: right, bounded, alerting once, and still there after a restart."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.lockorder import LockOrder, lock_order  # noqa: F401  # a fixture
from vita_tui.clock import FakeClock
from vita_tui.events import (
    Alert,
    ClauseFinished,
    EngineWorked,
    Event,
    EventBus,
    NothingHeard,
    Notice,
    Passed,
    TurnFailed,
    TurnFinished,
    TurnTimings,
)
from vita_tui.health.exposition import as_json, as_prometheus
from vita_tui.health.metrics import Metrics
from vita_tui.health.metrics_file import record_file
from vita_tui.health.series import MetricValue
from vita_tui.settings import HealthSettings

HOUR = 3600.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def metrics(clock: FakeClock) -> Metrics:
    return Metrics(HealthSettings(max_metrics=50), clock=clock)


def _of(metrics: Metrics, name: str, **labels: str) -> MetricValue:
    (found,) = [s for s in metrics.summaries() if s.name == name and dict(s.labels) == labels]
    return found


def _alerts(metrics: Metrics) -> tuple[EventBus, list[Alert]]:
    bus, told = EventBus(), list[Alert]()
    bus.subscribe(lambda event: told.append(event) if isinstance(event, Alert) else None)
    metrics.attach(bus)
    return bus, told


# ---- figures


def test_percentiles_are_those_of_the_durations(metrics: Metrics) -> None:
    for ms in range(1, 101):
        metrics.time("stage", ms / 1000, stage="stt")
    found = _of(metrics, "stage", stage="stt")
    assert (found.p50, found.p95, found.p99, found.maximum, found.count) == (0.050, 0.095, 0.099, 0.100, 100)
    assert found.value == pytest.approx(5.05)


def test_percentiles_are_those_of_the_newest_durations(metrics: Metrics) -> None:
    for _ in range(512):
        metrics.time("stage", 9.0)
    for _ in range(512):
        metrics.time("stage", 1.0)
    assert (_of(metrics, "stage").maximum, _of(metrics, "stage").count) == (1.0, 1024)


def test_durations_older_than_the_retention_do_not_count(metrics: Metrics, clock: FakeClock) -> None:
    metrics.time("stage", 9.0)
    clock.advance(20 * HOUR)
    metrics.time("stage", 1.0)
    assert _of(metrics, "stage").maximum == 9.0
    clock.advance(5 * HOUR)
    assert _of(metrics, "stage").maximum == 1.0


def test_labels_keep_series_apart(metrics: Metrics) -> None:
    metrics.count("replies", reason="complete")
    metrics.count("replies", 2, reason="stopped")
    metrics.gauge("replies", 7)  # another kind, another metric
    assert [s.value for s in metrics.summaries()] == [1, 2, 7]


def test_summaries_are_computed_again_only_after_a_write(metrics: Metrics, clock: FakeClock) -> None:
    metrics.count("turns")
    first = metrics.summaries()
    assert metrics.summaries() is first
    metrics.count("turns")
    assert metrics.summaries() is not first
    assert _of(metrics, "turns").value == 2


def test_errors_are_counted_by_kind(metrics: Metrics) -> None:
    for error in (ValueError("x"), ValueError("y"), OSError()):
        metrics.count_error(error)
    assert _of(metrics, "errors", kind="ValueError").value == 2


# ---- limits


def test_the_number_is_bounded_at_every_write_and_the_longest_untouched_go(
    metrics: Metrics, clock: FakeClock
) -> None:
    for number in range(500):
        metrics.count(f"m{number}")
        metrics.count("kept")
        clock.advance(1)
        assert len(metrics) <= 50
    names = {summary.name for summary in metrics.summaries()}
    assert "kept" in names
    assert "m499" in names
    assert "m0" not in names
    assert metrics.total_created - metrics.total_evicted == len(metrics)
    assert _of(metrics, "kept").value == 500


def test_the_age_is_bounded_at_every_write(metrics: Metrics, clock: FakeClock) -> None:
    for hour in range(100):
        metrics.count(f"m{hour % 40}" if hour < 40 else "busy")
        assert metrics.oldest_seconds() <= 24 * HOUR
        clock.advance(HOUR)
    assert [summary.name for summary in metrics.summaries()] == ["busy"]
    assert metrics.total_expired == 40


def test_setting_the_calendar_expires_nothing(metrics: Metrics, clock: FakeClock) -> None:
    metrics.count("turns")
    clock.jump(100 * 24 * HOUR)
    metrics.count("other")
    clock.jump(-200 * 24 * HOUR)
    metrics.count("other")
    assert _of(metrics, "turns").value == 1


def test_many_threads_lose_no_count(lock_order: LockOrder) -> None:  # noqa: F811
    metrics = Metrics(HealthSettings(max_metrics=200))
    barrier = threading.Barrier(16)

    def work(number: int) -> None:
        barrier.wait()
        for turn in range(500):
            metrics.count("shared")
            metrics.call("calls", ok=turn % 4 != 0)
            metrics.time("own", 0.001, thread=str(number))
            if turn % 100 == 0:
                metrics.sweep()
                metrics.summaries()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert _of(metrics, "shared").value == 8000
    calls = _of(metrics, "calls")
    assert (calls.count, calls.errors) == (8000, 2000)
    assert all(_of(metrics, "own", thread=str(number)).count == 500 for number in range(16))


def test_a_series_that_is_dropped_while_it_is_written_to_is_made_anew() -> None:
    metrics = Metrics(HealthSettings(max_metrics=10))
    barrier = threading.Barrier(8)

    def work(number: int) -> None:
        barrier.wait()
        for turn in range(500):
            metrics.count(f"m{(turn * 7 + number) % 40}")
            assert len(metrics) <= 10

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert metrics.total_created - metrics.total_evicted == len(metrics)


# ---- alerts


def test_slowness_is_told_once_until_it_has_passed(metrics: Metrics) -> None:
    bus, told = _alerts(metrics)
    passed = list[Passed]()
    bus.subscribe(lambda event: passed.append(event) if isinstance(event, Passed) else None)
    for seconds in (1.0, 4.0, 5.0, 1.0, 6.0, 1.0, 1.0):
        metrics.time("turn_seconds", seconds, slow=3.0, why="The model writes slowly.")
    assert [(alert.message, alert.remedy) for alert in told] == [
        ("4.0 s; more than 3 s is slow. The model writes slowly.", "")
    ]
    assert metrics.alerts() == []  # the first within the limit ended it
    assert passed == [Passed(told[0].key)]  # and the panel shows it no longer
    metrics.time("turn_seconds", 1.0, slow=3.0)  # the third in row within the limit: what is slow now is news
    metrics.time("turn_seconds", 4.0, slow=3.0)
    assert len(told) == 2


def test_an_error_rate_is_told_after_ten_calls_and_once(metrics: Metrics) -> None:
    _, told = _alerts(metrics)
    for _ in range(9):
        metrics.call("engine_calls", ok=False, engine="piper")
    assert told == []
    for _ in range(50):
        metrics.call("engine_calls", ok=False, engine="piper")
    assert [alert.message for alert in told] == ["10 of the last 10 times."]
    for _ in range(100):
        metrics.call("engine_calls", ok=True, engine="piper")
    assert metrics.alerts() == []


def test_one_failure_in_ten_reaches_ten_percent_and_one_in_eleven_does_not(metrics: Metrics) -> None:
    _, told = _alerts(metrics)
    for number in range(11):
        metrics.call("rare", ok=number != 10)
    assert told == []
    for number in range(10):
        metrics.call("often", ok=number != 9)
    assert len(told) == 1


def test_a_call_that_works_ends_the_alert_and_going_up_and_down_is_not_told_each_time(
    metrics: Metrics,
) -> None:
    _, told = _alerts(metrics)
    for _ in range(10):
        metrics.call("engine_calls", ok=False, engine="piper")
    assert len(metrics.alerts()) == 1
    metrics.call("engine_calls", ok=True, engine="piper")
    assert metrics.alerts() == []
    metrics.call("engine_calls", ok=False, engine="piper")
    assert len(told) == 1


def test_what_earlier_runs_met_alarms_nobody(tmp_path: Path) -> None:
    earlier = Metrics()
    for _ in range(30):
        earlier.call("engine_calls", ok=False, engine="piper", job="tts")
    assert earlier.save()
    metrics = Metrics()
    metrics.load()
    _, told = _alerts(metrics)
    for ok in (True, False, True, False):
        metrics.call("engine_calls", ok=ok, engine="piper", job="tts")
    assert told == []
    assert _of(metrics, "engine_calls", engine="piper", job="tts").errors == 32, "the figures go on"


@pytest.mark.parametrize(
    "kind", ["EngineError", "EngineTimeoutError", "EngineUnavailableError", "NoEngineError", "X"]
)
def test_alerts_are_sentences_with_a_remedy_that_one_can_do(metrics: Metrics, kind: str) -> None:
    bus, told = _alerts(metrics)
    for turn in range(12):
        bus.publish(EngineWorked("llm", "fake-large at 127.0.0.1:18999", None, kind))
        bus.publish(TurnFailed("llm", "fake-large at 127.0.0.1:18999", kind, "No language model answers."))
        bus.publish(TurnFinished(turn, TurnTimings(llm_first_token=9000.0 + turn), {}, ("llm",)))
    assert {alert.title for alert in told} == {
        "fake-large at 127.0.0.1:18999 keeps failing",
        "Questions were not answered",
        "Answers are slow",
    }
    for alert in told:
        words = f"{alert.title} {alert.message} {alert.remedy}"
        assert "Error" not in words
        assert "turn jobs" not in words
        assert "Failing:" not in words
        assert alert.remedy


# ---- events


def test_an_engine_that_keeps_failing_is_named_and_one_that_is_missing_is_not_failing(
    metrics: Metrics,
) -> None:
    bus, told = _alerts(metrics)
    for _ in range(20):
        bus.publish(EngineWorked("tts", "piper", None, "ModelError", called=False))
    assert told == []
    for _ in range(20):
        bus.publish(EngineWorked("tts", "piper", None, "EngineTimeoutError"))
    assert [alert.title for alert in told] == ["piper keeps failing"]


def test_a_conversation_leaves_its_figures(metrics: Metrics) -> None:
    bus, told = _alerts(metrics)
    timings = TurnTimings(stt=120.0, llm_first_token=3000.0, first_clause=3100.0, voice_to_voice=3400.0)
    events: list[Event] = [
        TurnFinished(1, timings, {"llm": "x"}),
        EngineWorked("tts", "piper", 0.2),
        EngineWorked("tts", "piper", None, "EngineTimeoutError"),
        EngineWorked("tts", "piper", None, "ModelError", called=False),
        NothingHeard("silence"),
        ClauseFinished(1, 0, 0.0),
        ClauseFinished(1, 1, 0.05),
        Notice("x", severity="error"),
    ]
    for event in events:
        bus.publish(event)
    assert _of(metrics, "turn_stage_seconds", stage="stt").p50 == 0.12
    assert _of(metrics, "turn_seconds").p50 == 3.4
    assert [alert.remedy for alert in told] == ["A smaller language model, or a faster server: f2"]
    calls = _of(metrics, "engine_calls", engine="piper", job="tts")
    assert (calls.count, calls.errors) == (2, 1)
    assert _of(metrics, "engine_seconds", engine="piper", job="tts").count == 1
    assert _of(metrics, "engine_errors", kind="EngineTimeoutError").value == 1
    assert _of(metrics, "engine_errors", kind="ModelError").value == 1
    assert _of(metrics, "clause_gap_seconds").count == 1
    assert _of(metrics, "nothing_heard").value == 1
    assert _of(metrics, "notices", severity="error").value == 1


# ---- disk


def _fill(metrics: Metrics) -> None:
    metrics.count("turns", 3)
    metrics.gauge("steps", 2)
    metrics.time("stage", 0.5, stage="stt")
    metrics.call("engine_calls", ok=False)


def test_the_figures_survive_a_restart(clock: FakeClock) -> None:
    before = Metrics(clock=clock)
    _fill(before)
    assert before.save()
    after = Metrics(clock=FakeClock(clock.time() + 60))
    after.load()
    assert after.summaries() == before.summaries()
    assert record_file().stat().st_mode & 0o077 == 0


def test_what_is_too_old_by_the_restart_is_gone(clock: FakeClock) -> None:
    before = Metrics(clock=clock)
    before.count("old")
    clock.advance(2 * HOUR)
    before.count("new")
    before.save()
    after = Metrics(clock=FakeClock(clock.time() + 23 * HOUR))
    after.load()
    assert [summary.name for summary in after.summaries()] == ["new"]


def test_two_programs_add_to_one_record(clock: FakeClock) -> None:
    first, second = Metrics(clock=clock), Metrics(clock=clock)
    for _ in range(3):
        for program in (first, second):
            _fill(program)
            assert program.save()
    both = Metrics(clock=clock)
    both.load()
    assert _of(both, "turns").value == 18
    assert _of(both, "stage", stage="stt").count == 6
    assert (_of(both, "engine_calls").count, _of(both, "engine_calls").errors) == (6, 6)


def test_processes_that_save_at_once_lose_nothing() -> None:
    code = (
        "from vita_tui.health.metrics import Metrics\nm = Metrics()\n"
        "for _ in range(20):\n m.count('turns')\n m.time('stage', 0.1)\n while not m.save(): pass\n"
    )
    children = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(3)]
    assert [child.wait() for child in children] == [0, 0, 0]
    found = Metrics()
    found.load()
    assert (_of(found, "turns").value, _of(found, "stage").count) == (60, 60)


def test_an_unchanged_table_writes_nothing(metrics: Metrics) -> None:
    _fill(metrics)
    assert metrics.save()
    stamp = record_file().stat().st_mtime_ns
    assert metrics.save()
    assert record_file().stat().st_mtime_ns == stamp


def test_the_record_is_bounded_like_the_table(clock: FakeClock) -> None:
    for program in range(5):
        metrics = Metrics(HealthSettings(max_metrics=20), clock=clock)
        for number in range(20):
            metrics.count(f"m{program}-{number}")
            clock.advance(1)
        assert metrics.save()
    kept = json.loads(record_file().read_text())["metrics"]
    assert {item["name"] for item in kept} == {f"m4-{number}" for number in range(20)}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"version": 1}',
        '{"version": 1, "metrics": [{"kind": "counter"}]}',
        '{"version": 1, "metrics": [{"kind": "other", "name": "x", "labels": {}, "updated": 0}]}',
        "\xff\x00",
    ],
)
def test_a_damaged_record_is_set_aside_and_the_program_goes_on(metrics: Metrics, content: str) -> None:
    file = record_file()
    file.parent.mkdir(parents=True)
    file.write_bytes(content.encode("latin-1"))
    metrics.load()
    _fill(metrics)
    assert metrics.save()
    (aside,) = file.parent.glob("*.damaged-*")
    assert aside.read_bytes() == content.encode("latin-1")
    again = Metrics(clock=FakeClock())
    again.load()
    assert len(again) == 4


def test_the_record_of_a_newer_vita_is_left_alone(metrics: Metrics) -> None:
    file = record_file()
    file.parent.mkdir(parents=True)
    file.write_text('{"version": 99, "metrics": []}')
    metrics.load()
    _fill(metrics)
    assert not metrics.save()
    assert file.read_text() == '{"version": 99, "metrics": []}'


def test_a_save_that_fails_loses_nothing(metrics: Metrics, monkeypatch: pytest.MonkeyPatch) -> None:
    _fill(metrics)
    real = Path.replace

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    assert not metrics.save()
    assert not record_file().exists()
    monkeypatch.setattr(Path, "replace", real)
    metrics.count("turns")
    assert metrics.save()
    again = Metrics(clock=FakeClock())
    again.load()
    assert _of(again, "turns").value == 4


# ---- for other programs


def test_prometheus_reads_what_is_exported(metrics: Metrics) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    _fill(metrics)
    metrics.count("odd", name='quote " and \n newline')
    families = {
        family.name: family for family in text_string_to_metric_families(as_prometheus(metrics.summaries()))
    }
    assert families["vita_turns"].samples[0].value == 3
    assert families["vita_steps"].type == "gauge"
    stage = {(s.name, s.labels.get("quantile")): s.value for s in families["vita_stage"].samples}
    assert stage["vita_stage", "0.5"] == 0.5
    assert stage["vita_stage_count", None] == 1
    assert families["vita_engine_calls_errors"].samples[0].value == 1
    assert families["vita_odd"].samples[0].labels["name"] == 'quote " and \n newline'


def test_json_gives_durations_in_milliseconds(metrics: Metrics) -> None:
    _fill(metrics)
    found = {item["name"]: item for item in as_json(metrics.summaries())}
    assert found["stage"]["p95_ms"] == 500.0
    assert found["turns"]["value"] == 3
    assert found["engine_calls"]["error_rate"] == 1.0
    json.dumps(list(found.values()))
