"""A week in the life of the health room: any order of events, and after each of them everything still holds."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.health.test_breaker import check_sequence
from vita_tui import paths
from vita_tui.clock import FakeClock
from vita_tui.engines.chain import Chain
from vita_tui.errors import EngineError, EngineTimeoutError, NoEngineError
from vita_tui.events import Alert, EngineStatus, Event, EventBus, Health
from vita_tui.health.breaker import MAX_REST, BreakerState
from vita_tui.health.metrics import Metrics
from vita_tui.health.metrics_file import record_file
from vita_tui.health.pressure import Ladder, MemoryReading, SimpleStep
from vita_tui.health.process_memory import MB
from vita_tui.settings import HealthSettings

SETTINGS = HealthSettings(max_metrics=20, pressure_available_mb=(800, 600, 400))
WEEK = 7 * 24 * 3600.0
EXAMPLES = int(os.environ.get("VITA_PROOF_WEEKS", "40"))
"""Weeks that are lived through, each of up to 80 events."""
STEPS = ("caches", "partials", "whisper")


class Engine:
    def __init__(self, name: str) -> None:
        self.name = name
        self.notes = ""


class Week(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        record_file().unlink(missing_ok=True)
        self.clock = FakeClock()
        self.bus = EventBus()
        self.alerts: list[str] = []
        """Keys of those told since the last step."""
        self.in_force: set[str] = set()
        """Keys of those that had not passed at the last step."""
        self.shown: dict[str, EngineStatus] = {}
        self.bus.subscribe(self._see)
        self.metrics = self._start()
        self.engines = [Engine("first"), Engine("second")]
        self.chain = Chain("tts", self.engines, SETTINGS, bus=self.bus, clock=self.clock)
        self.applied: list[str] = []
        self.ladder = Ladder(
            [SimpleStep(name, self._apply(name), self._undo(name)) for name in STEPS],
            SETTINGS,
            clock=self.clock,
        )
        self.counted = 0
        """What `exact` must stand at; it is written so often that it never is the oldest."""
        self.saved = 0
        """What the record must hold of it."""
        self.saved_at = 0.0

    def _see(self, event: Event) -> None:
        if isinstance(event, Alert):
            self.alerts.append(event.key)
        if isinstance(event, EngineStatus):
            self.shown[event.engine] = event

    def _start(self) -> Metrics:
        metrics = Metrics(SETTINGS, clock=self.clock)
        metrics.load()
        self._detach = metrics.attach(self.bus)
        return metrics

    def _apply(self, name: str) -> Callable[[], None]:
        return lambda: self.applied.append(name)

    def _undo(self, name: str) -> Callable[[], None]:
        return lambda: self.applied.remove(name)

    def _tick(self) -> None:
        self.clock.advance(0.001)  # so that no two writes are equally old
        self.metrics.count("exact")
        self.counted += 1

    def _note_saved(self) -> None:
        self.saved = self.counted
        self.saved_at = self.clock.monotonic()

    # ---- what may happen

    @rule(seconds=st.floats(1.0, 20 * 3600.0))
    @precondition(lambda self: self.clock.monotonic() < WEEK)
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self._tick()

    @rule(seconds=st.floats(-WEEK, 3600.0))  # forwards by more than the retention makes all on disk too old
    def the_calendar_is_set(self, seconds: float) -> None:
        self.metrics.save()
        self.clock.jump(seconds)
        # Ages on disk are by the calendar, as they must be: what is written to after the jump is young again.
        self._tick()
        assert self.metrics.save()
        self._note_saved()

    @rule(number=st.integers(0, 60), seconds=st.floats(0, 10))
    def something_is_timed(self, number: int, seconds: float) -> None:
        self._tick()
        self.metrics.time(f"t{number}", seconds, slow=3.0)

    @rule(number=st.integers(0, 3), ok=st.booleans())
    def something_is_called(self, number: int, ok: bool) -> None:
        self._tick()
        self.metrics.call(f"c{number}", ok)

    @rule()
    def the_sweep_runs(self) -> None:
        self.metrics.sweep()

    @rule(first=st.sampled_from(["ok", "no", "late", "slow"]), second=st.sampled_from(["ok", "no"]))
    def a_clause_is_spoken(self, first: str, second: str) -> None:
        fate = {"first": first, "second": second}
        spoken = ""
        try:
            for attempt in self.chain.attempts():
                with attempt as engine:
                    match fate[engine.name]:
                        case "no":
                            raise EngineError("No.")
                        case "late":
                            raise EngineTimeoutError("Too late.")
                        case "slow":
                            self.clock.advance(60)
                    spoken = engine.name
        except NoEngineError:
            assert not spoken
        else:
            assert spoken
            assert self.chain.active_name == spoken or first == "slow"

    @rule(available=st.integers(0, 4000), stall=st.floats(0, 100))
    def memory_is_looked_at(self, available: int, stall: float) -> None:
        before = list(self.applied)
        change = self.ladder.observe(MemoryReading(100 * MB, available * MB, stall))
        assert (change is not None) == (before != self.applied)
        if change is not None and change.taken:
            # A step is never taken while there is plenty and nobody stalls.
            assert available * MB < 800 * MB or stall > SETTINGS.pressure_stall
        if change is not None and not change.taken:
            assert available >= 400

    @rule()
    def the_program_is_killed(self) -> None:
        """What was not saved is lost, and nothing else."""
        self._detach()
        self.metrics = self._start()
        age = self.clock.monotonic() - self.saved_at
        assume(abs(age - 24 * 3600.0) > 1.0)  # ages are written down in milliseconds
        self.counted = self.saved if age < 24 * 3600.0 else 0
        self.in_force.clear()
        self._tick()

    @rule()
    def the_figures_are_saved(self) -> None:
        self._tick()
        assert self.metrics.save()
        self._note_saved()

    @rule()
    def the_disk_is_full(self) -> None:
        self._tick()
        state = paths.state_dir()
        aside = state.with_name("aside")
        if state.exists():
            state.rename(aside)
        state.parent.mkdir(parents=True, exist_ok=True)
        state.write_text("in the way")
        assert not self.metrics.save()
        state.unlink()
        if aside.exists():
            aside.rename(state)

    # ---- what must hold

    @invariant()
    def metrics_are_bounded(self) -> None:
        assert len(self.metrics) <= SETTINGS.max_metrics
        # Every rule that lets time pass writes afterwards; writes enforce the age.
        self.metrics.count("look")
        assert self.metrics.oldest_seconds() <= 24 * 3600.0

    @invariant()
    def no_count_is_lost_or_doubled(self) -> None:
        exact = [summary.value for summary in self.metrics.summaries() if summary.name == "exact"]
        assert exact == ([self.counted] if self.counted else [])

    @invariant()
    def no_alert_is_told_twice(self) -> None:
        assert not self.in_force.intersection(self.alerts)
        self.alerts.clear()
        self.in_force = {alert.key for alert in self.metrics.alerts()}

    @invariant()
    def breakers_do_what_breakers_can_do(self) -> None:
        for link in self.chain._links:
            check_sequence(link.breaker.transitions())
            snapshot = link.breaker.snapshot()
            assert (snapshot.retry_seconds is None) == (snapshot.state is not BreakerState.OPEN)
            assert (snapshot.retry_seconds or 0) <= SETTINGS.breaker_seconds * MAX_REST
            if snapshot.state is BreakerState.CLOSED:
                assert snapshot.failures < snapshot.limit

    @invariant()
    def the_panel_shows_the_truth(self) -> None:
        for status in self.chain.statuses():
            if (shown := self.shown.get(status.engine)) is not None:
                assert (shown.health, shown.active, shown.reason) == (
                    status.health,
                    status.active,
                    status.reason,
                )
                if shown.health is Health.DISABLED:
                    assert shown.reason

    @invariant()
    def steps_are_taken_from_the_mildest_on(self) -> None:
        assert tuple(self.applied) == STEPS[: len(self.applied)] == self.ladder.taken


@pytest.mark.proof
def test_a_week(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL")  # or a thousand warnings that are meant
    run_state_machine_as_test(
        Week,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=80,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
