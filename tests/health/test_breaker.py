"""A breaker's three states, its countdown, and that many threads cannot confuse it."""

from __future__ import annotations

import random
import sys
import threading
from collections import deque
from collections.abc import Iterator

import pytest

from tests.lockorder import LockOrder, lock_order  # noqa: F401  # a fixture
from vita_tui.clock import FakeClock
from vita_tui.health.breaker import MAX_REST, Breaker, BreakerSnapshot, BreakerState, Permit, Transition

CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def breaker(clock: FakeClock) -> Breaker:
    return Breaker("piper", failures=2, rest_seconds=30.0, slow_seconds=5.0, clock=clock)


def _open(breaker: Breaker) -> None:
    breaker.record_failure("timed out")
    breaker.record_failure("timed out")


def test_it_opens_after_failures_in_a_row(breaker: Breaker) -> None:
    breaker.record_failure("no")
    breaker.record_success(1.0)
    breaker.record_failure("no")
    assert breaker.snapshot().state is CLOSED
    breaker.record_failure("timed out")
    assert breaker.snapshot() == BreakerSnapshot("piper", OPEN, "timed out", 2, 2, 30.0)
    assert breaker.allow() is None


def test_a_slow_success_counts_as_a_failure_unless_there_was_more_to_do(breaker: Breaker) -> None:
    assert not breaker.record_success(5.1)
    assert breaker.snapshot().reason == "took 5.1 s"
    assert breaker.record_success(64.0, allowance=60.0)
    assert breaker.snapshot().failures == 0


def test_the_countdown_runs_and_half_open_admits_exactly_one(breaker: Breaker, clock: FakeClock) -> None:
    _open(breaker)
    clock.advance(29.0)
    assert breaker.snapshot().retry_seconds == 1.0
    assert breaker.allow() is None
    clock.advance(1.0)
    permit = breaker.allow()
    assert permit is not None
    assert breaker.snapshot().state is HALF_OPEN
    assert breaker.allow() is None
    breaker.record_success(0.1, permit)
    assert breaker.snapshot() == BreakerSnapshot("piper", CLOSED, "", 0, 2, None)


def test_each_rest_is_twice_as_long_up_to_a_bound_and_success_forgets(
    breaker: Breaker, clock: FakeClock
) -> None:
    _open(breaker)
    rests = []
    for _ in range(8):
        retry = breaker.snapshot().retry_seconds
        assert retry is not None
        rests.append(retry / 30.0)
        clock.advance(retry)
        breaker.record_failure("again", permit=breaker.allow())
    assert rests == [1, 2, 4, 8, 16, MAX_REST, MAX_REST, MAX_REST]
    clock.advance(10_000)
    breaker.record_success(0.1, breaker.allow())
    _open(breaker)
    assert breaker.snapshot().retry_seconds == 30.0


def test_a_cancelled_probe_gives_its_place_back(breaker: Breaker, clock: FakeClock) -> None:
    _open(breaker)
    clock.advance(30.0)
    breaker.release(breaker.allow())
    assert breaker.snapshot().state is HALF_OPEN
    assert breaker.allow() is not None
    assert breaker.allow() is None


@pytest.mark.parametrize("worked", [True, False])
def test_a_call_from_before_it_opened_changes_nothing(
    breaker: Breaker, clock: FakeClock, worked: bool
) -> None:
    hung = breaker.allow()
    _open(breaker)
    clock.advance(30.0)
    probe = breaker.allow()
    assert probe is not None
    if worked:
        breaker.record_success(0.1, hung)
    else:
        breaker.record_failure("at last", permit=hung)
    assert breaker.snapshot().state is HALF_OPEN
    assert breaker.allow() is None  # the probe is still the only one
    breaker.record_success(0.1, probe)
    assert breaker.snapshot().state is CLOSED


def test_every_change_is_told_with_its_snapshot(clock: FakeClock) -> None:
    told: list[BreakerState] = []
    breaker = Breaker("x", 1, 10.0, None, clock, lambda snapshot: told.append(snapshot.state))
    breaker.record_failure("no")
    clock.advance(10.0)
    breaker.record_failure("no", permit=breaker.allow())
    breaker.reset()
    assert told == [OPEN, HALF_OPEN, OPEN, CLOSED]
    assert [transition.after for transition in breaker.transitions()] == told


def test_an_observer_may_ask_the_breaker(clock: FakeClock) -> None:
    asked: list[BreakerState] = []
    curious = Breaker("x", 1, 10.0, None, clock, lambda _: asked.append(curious.snapshot().state))
    curious.record_failure("no")
    assert asked == [OPEN]


@pytest.fixture
def quick_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_under_sixteen_threads_the_transitions_are_one_valid_sequence(
    clock: FakeClock,
    quick_switches: None,
    lock_order: LockOrder,  # noqa: F811
) -> None:
    breaker = Breaker("x", failures=3, rest_seconds=1.0, clock=clock)
    breaker._history = deque()  # all of them, not the last ones
    admitted: list[list[Permit]] = [[] for _ in range(16)]
    reports: list[int] = [0] * 16
    barrier = threading.Barrier(16)

    def work(number: int) -> None:
        chance = random.Random(number)
        barrier.wait()
        for _ in range(600):
            if (permit := breaker.allow()) is None:
                clock.advance(0.01)
                continue
            admitted[number].append(permit)
            if chance.random() < 0.5:
                breaker.record_failure(f"thread {number}", permit=permit)
            else:
                breaker.record_success(0.0, permit)
            reports[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    log = breaker.transitions()
    check_sequence(log)
    assert len(log) > 10
    half_open = {transition.number for transition in log if transition.after is HALF_OPEN}
    probes = [permit.period for permits in admitted for permit in permits if permit.period in half_open]
    assert len(probes) == len(set(probes)), "half-open admitted two"
    assert set(probes) == half_open, "half-open admitted nobody"
    assert breaker.snapshot().state is log[-1].after


def check_sequence(log: list[Transition]) -> None:
    """Fail unless `log` is what one breaker can do, one step after the other."""
    allowed = {(CLOSED, OPEN), (OPEN, HALF_OPEN), (HALF_OPEN, OPEN), (HALF_OPEN, CLOSED)}
    state = CLOSED
    for number, transition in enumerate(log, start=1):
        assert transition.number == number
        assert transition.before is state
        assert (transition.before, transition.after) in allowed
        state = transition.after
