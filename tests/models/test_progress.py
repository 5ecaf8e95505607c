"""Figures of a pull, on a clock that the test moves."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vita_tui.clock import FakeClock
from vita_tui.models.progress import Meter, Progress


def test_speed_and_time_left() -> None:
    clock, reports = FakeClock(), list[Progress]()
    meter = Meter(reports.append, clock, {"a": 1000, "b": 1000})
    meter.turn_to("a", "downloading", file="x", source="hub")
    assert (reports[-1].speed, reports[-1].eta) == (0.0, None)
    for done in range(100, 1001, 100):
        clock.advance(1)
        meter.set(done)
    assert reports[-1].speed == 100.0
    assert reports[-1].eta == 10.0
    assert (reports[-1].done, reports[-1].total) == (1000, 2000)


def test_a_stall_shows_within_the_window() -> None:
    clock, reports = FakeClock(), list[Progress]()
    meter = Meter(reports.append, clock, {"a": 1000})
    meter.turn_to("a", "downloading")
    clock.advance(1)
    meter.set(500)
    for _ in range(7):
        clock.advance(1)
        meter.set(500)
    assert (reports[-1].speed, reports[-1].eta) == (0.0, None)


def test_waiting_for_the_first_byte_does_not_count_as_slowness() -> None:
    clock, reports = FakeClock(), list[Progress]()
    meter = Meter(reports.append, clock, {"a": 1000})
    meter.turn_to("a", "downloading")
    for done in (0, 0, 0, 100, 200):
        clock.advance(1)
        meter.set(done)
    assert (reports[-1].speed, reports[-1].eta) == (100.0, 8.0)


def test_what_was_here_already_has_no_speed() -> None:
    clock, reports = FakeClock(), list[Progress]()
    meter = Meter(reports.append, clock, {"a": 1000})
    meter.turn_to("a", "checking")
    clock.advance(1)
    meter.set(900, moved=False)
    assert (reports[-1].done, reports[-1].speed) == (900, 0.0)


def test_growth_is_reported_ten_times_a_second_at_most() -> None:
    clock, reports = FakeClock(), list[Progress]()
    meter = Meter(reports.append, clock, {"a": 10_000})
    meter.turn_to("a", "downloading")
    for done in range(10_000):
        clock.advance(0.001)
        meter.set(done)
    assert 95 <= len(reports) <= 101


@given(
    st.lists(st.tuples(st.floats(0, 30), st.integers(-50, 2000), st.booleans()), max_size=60),
    st.integers(1, 1000),
)
def test_figures_stay_possible(steps: list[tuple[float, int, bool]], total: int) -> None:
    clock, reports = FakeClock(), list[Progress]()
    meter = Meter(reports.append, clock, {"a": total})
    meter.turn_to("a", "downloading")
    for seconds, done, moved in steps:
        clock.advance(seconds)
        meter.set(done, moved=moved)
    for report in reports:
        assert 0 <= report.done <= report.total == total
        assert report.speed >= 0
        assert report.eta is None or report.eta >= 0
