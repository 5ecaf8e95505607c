"""Breakers under many threads, against a specification that knows no threads.

    python -m tests.health.proofs linearizable

Threads ask for permits, report, give back, reset, look, and let time pass, all at once; `tests.linearize` then looks for an order of
these calls that explains every result. `locked=False` is the ablation: the breaker without its lock.
"""

from __future__ import annotations

import contextlib
import random
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from tests.linearize import Call, Recorder, order
from vita_tui.health.breaker import Breaker, BreakerSnapshot, Permit

__all__ = ["LIMIT", "REST", "START", "Spec", "explained", "history", "refuted", "specification"]

LIMIT = 2
"""Failures in a row that open it."""
REST = 3
"""Seconds of the first rest."""
LONGEST = 16
"""Times the first, that a rest is at most."""


class Spec(NamedTuple):
    """A breaker and its clock, as the documentation describes them."""

    state: Literal["closed", "open", "half-open"] = "closed"
    failures: int = 0
    rests: int = 0
    opened: int = 0
    probing: bool = False
    period: int = 0
    now: int = 0

    @property
    def rest(self) -> int:
        """Seconds until it may be tried again."""
        return REST * min(1 << self.rests - 1, LONGEST) - (self.now - self.opened)


START = Spec()


def specification(before: Spec, call: Call) -> Spec | None:
    """The state after `call`; None when its result is wrong."""
    after, result = _step(before, call.name, *call.arguments)
    return after if result == call.result else None


def _step(spec: Spec, name: str, *arguments: Any) -> tuple[Spec, Any]:
    match name, arguments:
        case "pass", (seconds,):
            return spec._replace(now=spec.now + seconds), None
        case "allow", ():
            return _allow(spec)
        case "release", (period,):
            return (spec._replace(probing=False) if period == spec.period else spec), None
        case "success", (period, slow):
            if slow:
                return _failure(spec, period), False
            return _success(spec, period), True
        case "failure", (period,):
            return _failure(spec, period), None
        case "reset", ():
            return _closed(spec._replace(probing=False)), None
        case "look", ():
            resting = spec.state == "open"
            retry = max(0, spec.rest) if resting else None
            return spec, (spec.state, spec.failures, retry, spec.probing)
    raise AssertionError(name)


def _allow(spec: Spec) -> tuple[Spec, int | None]:
    if spec.state == "closed":
        return spec, spec.period
    if spec.probing or (spec.state == "open" and spec.rest > 0):
        return spec, None
    if spec.state == "open":
        spec = spec._replace(state="half-open", period=spec.period + 1)
    return spec._replace(probing=True), spec.period


def _success(spec: Spec, period: int) -> Spec:
    if period != spec.period or spec.state == "open":
        return spec
    return _closed(spec._replace(probing=False))


def _closed(spec: Spec) -> Spec:
    moved = spec.state != "closed"
    return spec._replace(state="closed", failures=0, rests=0, period=spec.period + moved)


def _failure(spec: Spec, period: int) -> Spec:
    if period != spec.period or spec.state == "open":
        return spec
    spec = spec._replace(probing=False, failures=spec.failures + 1)
    if spec.state == "closed" and spec.failures < LIMIT:
        return spec
    return spec._replace(state="open", opened=spec.now, rests=spec.rests + 1, period=spec.period + 1)


# ---- the real one


class _Clock:
    """Seconds that pass in one step; reading it lets other threads in, as a slow machine would."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = 0

    def monotonic(self) -> float:
        time.sleep(0)
        with self._lock:
            return self._now

    def time(self) -> float:
        return self.monotonic()

    def let_pass(self, seconds: int) -> None:
        with self._lock:
            self._now += seconds


class _NoLock(contextlib.nullcontext[None]):
    """Lets everybody in at once."""


def history(seed: int, threads: int, each: int, *, locked: bool = True) -> list[Call]:
    """What `threads` threads did with one breaker, `each` that many calls."""
    clock = _Clock()
    breaker = Breaker("x", failures=LIMIT, rest_seconds=REST, slow_seconds=5.0, clock=clock)
    if not locked:
        breaker._lock = _NoLock()  # type: ignore[assignment]  # that is the point
    recorder = Recorder()
    barrier = threading.Barrier(threads)

    def permit_of(period: int) -> Permit:
        return Permit(period)

    def allow() -> int | None:
        permit = breaker.allow()
        return permit.period if permit is not None else None

    def success(period: int, slow: bool) -> bool:
        return breaker.record_success(9.0 if slow else 0.1, permit_of(period))

    def failure(period: int) -> None:
        breaker.record_failure("no", permit=permit_of(period))

    def release(period: int) -> None:
        breaker.release(permit_of(period))

    def look() -> tuple[str, int, float | None, bool]:
        seen: BreakerSnapshot = breaker.snapshot()
        return seen.state.value, seen.failures, seen.retry_seconds, seen.trying

    def work(number: int) -> None:
        chance = random.Random(seed * 1000 + number)
        permits = [0]
        barrier.wait()
        for _ in range(each):
            held = chance.choice(permits[-2:])
            match chance.choices(
                ("allow", "failure", "success", "slow", "pass", "look", "release", "reset"),
                (30, 25, 8, 4, 15, 12, 4, 2),
            )[0]:
                case "allow":
                    if (period := recorder.call(number, "allow", allow)) is not None:
                        permits.append(period)
                case "failure":
                    recorder.call(number, "failure", failure, held)
                case "success":
                    recorder.call(number, "success", success, held, False)
                case "slow":
                    recorder.call(number, "success", success, held, True)
                case "pass":
                    recorder.call(number, "pass", clock.let_pass, chance.randint(1, 3))
                case "look":
                    recorder.call(number, "look", look)
                case "release":
                    recorder.call(number, "release", release, held)
                case "reset":
                    recorder.call(number, "reset", breaker.reset)

    with _quick_switches():
        workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    return recorder.calls


def explained(calls: list[Call]) -> bool:
    """Whether one call after the other could have given the same results."""
    return order(calls, START, specification) is not None


def refuted(histories: int, threads: int = 4, each: int = 8, *, locked: bool) -> int:
    """How many of so many histories no order of the calls explains."""
    return sum(not explained(history(seed, threads, each, locked=locked)) for seed in range(histories))


@contextlib.contextmanager
def _quick_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
