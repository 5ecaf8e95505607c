"""The round that keeps the figures."""

from __future__ import annotations

import gc
import threading

from vita_tui.clock import FakeClock
from vita_tui.events import Event, EventBus, Notice
from vita_tui.health.metrics import Metrics
from vita_tui.health.registry import Registry
from vita_tui.health.watch import HealthWatch
from vita_tui.settings import HealthSettings


class Thing:
    pass


def test_a_round_reports_each_leak_once_and_saves() -> None:
    bus, told, resources = EventBus(), list[Event](), Registry()
    bus.subscribe(told.append)
    metrics = Metrics()
    watch = HealthWatch(metrics, bus=bus, resources=resources)
    thing = Thing()
    resources.register(thing, kind="stream", name="player", owner="audio")
    watch.round()
    assert told == []
    del thing
    gc.collect()
    watch.round()
    watch.round()
    (notice,) = told
    assert isinstance(notice, Notice)
    assert notice.title == "Leak: stream player"
    after = Metrics()
    after.load()
    assert {"leaks", "open_resources"} == {summary.name for summary in after.summaries()}


def test_it_sweeps_hourly() -> None:
    clock = FakeClock()
    metrics = Metrics(HealthSettings(sweep_seconds=3600, retention_hours=2), clock=clock)
    watch = HealthWatch(metrics, bus=EventBus(), resources=Registry(), clock=clock)
    metrics.count("old")
    for _ in range(240):
        clock.advance(60)
        watch.round()
    assert [summary.name for summary in metrics.summaries()] == ["open_resources"]
    assert metrics.total_sweeps >= 4


def test_the_thread_takes_up_the_past_and_saves_at_the_end() -> None:
    before = Metrics()
    before.count("turns", 5)
    before.save()

    metrics, bus = Metrics(), EventBus()
    loaded = threading.Event()
    real = metrics.load

    def load() -> None:
        real()
        loaded.set()

    metrics.load = load  # type: ignore[method-assign]  # to know when the thread has done it
    watch = HealthWatch(metrics, bus=bus)
    watch.start()
    assert loaded.wait(60)
    metrics.count("turns")
    watch.cleanup()
    watch.cleanup()
    after = Metrics()
    after.load()
    assert next(summary.value for summary in after.summaries() if summary.name == "turns") == 6
