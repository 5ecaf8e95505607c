"""Counts the tests that had to be run again, and what was performed again within one, so that forgiveness hides nothing.

What may be run again at all is decided here: what waits for processes, threads, sockets, engines or sound, and nothing else.

Every one is named at the end of a run. The run fails when there were more than `MOST`, or when one of them was run again in
`OFTEN` of its last `REMEMBERED` runs in this checkout.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections import Counter
from functools import cache
from types import ModuleType

import pytest

__all__ = ["AGAIN", "MOST", "OFTEN", "REMEMBERED", "allowed_reruns", "too_many", "with_this_run"]

AGAIN = "performed again"
"""Name of the property (`record_property`) with which a test says that it performed something again."""
MOST = int(os.environ.get("VITA_TEST_RERUNS", "8"))
OFTEN = 3
REMEMBERED = 10
_CACHE = "vita/reruns"
REAL_PARTS = frozenset({"audio", "long", "models", "proof", "redis", "slow"})
"""Marks of what runs programs, engines or sound, which a busy machine may starve: that says nothing about VITA the first time."""
TIMED = frozenset(
    {"asyncio", "multiprocessing", "psutil", "signal", "socket", "subprocess", "threading", "time"}
)
"""Modules by which a test depends on when the machine serves a process, a thread or a socket."""

Past = dict[str, list[int]]
"""Test → how often it was run again, in each of its last runs; only tests that ever were."""


PROVEN = ["locks are taken in contradicting orders", "deadlock:"]
"""What a failure says that is one however seldom it comes."""


def allowed_reruns(item: pytest.Item) -> int:
    """How often a test may be run again: never what computes the same on every machine, nor what measures for minutes."""
    marks = {mark.name for mark in item.iter_markers()}
    if "soak" in marks:
        return 0
    if "audio" in marks:
        return 2
    module: ModuleType | None = getattr(item, "module", None)
    waits = inspect.iscoroutinefunction(getattr(item, "obj", None)) or (module is not None and _timed(module))
    return int(waits or bool(marks & REAL_PARTS))


@cache
def _timed(module: ModuleType) -> bool:
    """Whether a test module, or a module of helpers from which it has something, imports one of `TIMED`."""
    seen, left = {module}, [module]
    while left:
        for value in vars(left.pop()).values():
            source = value if isinstance(value, ModuleType) else sys.modules.get(_origin(value))
            if source is None or source in seen:
                continue
            if source is value and source.__name__.partition(".")[0] in TIMED:
                return True
            if source.__name__.startswith("tests."):
                seen.add(source)
                left.append(source)
    return False


def _origin(value: object) -> str:
    name = getattr(value, "__module__", None)
    return name if isinstance(name, str) else ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("flaky") is None and (reruns := allowed_reruns(item)):
            item.add_marker(pytest.mark.flaky(reruns=reruns, rerun_except=PROVEN))


def with_this_run(past: Past, ran: set[str], again: Counter[str]) -> Past:
    """`past` with the figures of a run, without the tests that have been quiet for as long as is remembered."""
    names = [name for name in {*past, *again} if name in ran or name in past]
    now = {
        name: [*past.get(name, []), *([again[name]] if name in ran else [])][-REMEMBERED:] for name in names
    }
    return {name: counts for name, counts in now.items() if any(counts)}


def too_many(past: Past, again: Counter[str]) -> list[str]:
    """Why this run fails; empty when it does not."""
    reasons = [
        f"{name} was run again in {len(runs)} of its last {len(past[name])} runs"
        for name in sorted(again)
        if len(runs := [count for count in past.get(name, []) if count]) >= OFTEN
    ]
    if again.total() > MOST:
        reasons.append(f"{again.total()} tests were run again; at most {MOST} may be (VITA_TEST_RERUNS)")
    return reasons


class Reruns:
    """Collects what the workers report, in the process that sums up."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.ran: set[str] = set()
        self.again: Counter[str] = Counter()
        self.reasons: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.outcome == "rerun":  # type: ignore[comparison-overlap]  # pytest-rerunfailures adds it
            self.again[report.nodeid] += 1
        elif report.when == "call":
            self.ran.add(report.nodeid)
            self.again.update(report.nodeid for name, _ in report.user_properties if name == AGAIN)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self.again += Counter()  # without zeros
        cache: pytest.Cache | None = getattr(self.config, "cache", None)  # None without the plugin
        past: Past = cache.get(_CACHE, {}) if cache else {}
        past = with_this_run(past, self.ran, self.again)
        if cache:
            cache.set(_CACHE, past)
        self.reasons = too_many(past, self.again)
        if self.reasons and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.write_line(f"run again: {self.again.total()}")
        for name, count in sorted(self.again.items()):
            terminalreporter.write_line(f"  {count} × {name}")
        for reason in self.reasons:
            terminalreporter.write_line(f"  FAILED: {reason}", red=True)


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Reruns(config), "vita-reruns")
