"""A simulated week: sessions begun and used, expiries, sweeps, outages, memory pressure, clocks that jump, restarts; invariants after
each step. Breakers and figures have a week of their own in `tests/health/test_week.py`."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.sessions.conftest import OPERATIONS
from tests.sessions.flaky import FlakyStore
from vita_tui.clock import FakeClock
from vita_tui.errors import StoreError
from vita_tui.health.pressure import Ladder, MemoryReading, SimpleStep
from vita_tui.health.process_memory import MB
from vita_tui.sessions.manager import SessionManager
from vita_tui.sessions.session import Turn
from vita_tui.settings import HealthSettings, SessionSettings

T = TypeVar("T")

MAX_LIVE = 4
SPARING = 2
"""Sessions in memory while it is short."""


class Week(RuleBasedStateMachine):
    """Two terminals share a store that goes away, forgets and loses answers. What was said is what must be there."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = FakeClock()
        self.store = FlakyStore()
        self.managers: list[SessionManager] = []
        self.said: dict[str, dict[str, str | None]] = {}
        """What was heard of each turn of each session, as the users know it."""
        self.ladder = Ladder(
            [SimpleStep("caches", lambda: self._limit(SPARING), lambda: self._limit(None))],
            HealthSettings(pressure_available_mb=(800,), pressure_dwell_seconds=60),
            clock=self.clock,
        )

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    @initialize()
    def open(self) -> None:
        self.managers = [self._manager(), self._manager()]

    def _manager(self) -> SessionManager:
        manager = SessionManager(
            self.store, SessionSettings(max_live=MAX_LIVE), self.clock, retry_seconds=1e9
        )
        self.run(manager.open())
        return manager

    def _limit(self, most: int | None) -> None:
        for manager in self.managers:
            self.run(manager.limit_memory(most))
            if most is not None:  # what is unsent stays, whatever it costs
                clean = [id_ for id_ in manager._live._live if manager._journal.get(id_) is None]
                assert len(clean) <= most

    def _pick(self, number: int) -> str:
        return sorted(self.said)[number % len(self.said)]

    @rule(who=st.integers(0, 1))
    def begin(self, who: int) -> None:
        session = self.run(self.managers[who].create({}))
        self.said[session.id] = {}

    @precondition(lambda self: self.said)
    @rule(who=st.integers(0, 1), which=st.integers(0, 99))
    def talk(self, who: int, which: int) -> None:
        session_id = self._pick(which)
        turn = Turn("user", "hello")
        try:
            self.run(self.managers[who].append(session_id, turn))
        except StoreError:
            assert self._only_elsewhere(who, session_id)
            return
        self.said[session_id][turn.id] = None

    @precondition(lambda self: self.said)
    @rule(who=st.integers(0, 1), which=st.integers(0, 99))
    def hear(self, who: int, which: int) -> None:
        session_id = self._pick(which)
        known = self.managers[who].live(session_id)
        if known is None or not known.turns:
            return
        turn = replace(known.turns[-1], heard="hel")
        self.run(self.managers[who].update_turn(session_id, turn))
        self.said[session_id][turn.id] = "hel"

    def _only_elsewhere(self, who: int, session_id: str) -> bool:
        """The other terminal began it while the store was away: nobody else can know it yet."""
        return self.managers[1 - who].stats().unsent > 0 and self.managers[who].live(session_id) is None

    @rule(hours=st.sampled_from([0.5, 3, 13, 25]))
    def time_passes(self, hours: float) -> None:
        self.clock.advance(hours * 3600)

    @rule(days=st.sampled_from([-400, -1, 1, 400]))
    def clock_jumps(self, days: int) -> None:
        self.clock.jump(days * 86_400)

    @rule(available=st.sampled_from([100, 700, 900, 4000]))
    def memory_is_looked_at(self, available: int) -> None:
        change = self.ladder.observe(MemoryReading(100 * MB, available * MB))
        assert change is None or not change.failed

    @rule(who=st.integers(0, 1))
    def sweep(self, who: int) -> None:
        self.run(self.managers[who].sweep())

    @rule()
    def store_goes_away(self) -> None:
        self.store.down = True

    @rule()
    def an_answer_is_lost(self) -> None:
        self.store.mute = 1

    @rule(who=st.integers(0, 1))
    def store_comes_back(self, who: int) -> None:
        self.store.down = False
        self.run(self.managers[who].flush())

    @rule(who=st.integers(0, 1))
    def restart(self, who: int) -> None:
        manager = self.managers[who]
        if manager.stats().unsent and self.store.down:
            return  # that its file outlives the program is tested elsewhere; here both share one process id
        self.run(manager.flush())
        if manager.stats().unsent:
            return
        self.run(manager.cleanup())
        self.managers[who] = self._manager()
        if self.ladder.taken:
            self.run(self.managers[who].limit_memory(SPARING))

    @invariant()
    def limits_hold(self) -> None:
        for manager in self.managers:
            stats = manager.stats()
            assert stats.live <= MAX_LIVE
            assert manager._live.max_live == (SPARING if self.ladder.taken else MAX_LIVE)
            assert bool(stats.away) or stats.unsent == 0

    @invariant()
    def nothing_is_lost_or_doubled(self) -> None:
        for session_id, said in self.said.items():
            record = self.store._records.get(session_id)
            stored = {turn.id: turn.heard for turn in record.session.turns} if record is not None else {}
            if record is not None:
                assert len(stored) == len(record.session.turns)
            unsent: dict[str, str | None] = {}
            for manager in self.managers:
                pending = manager._journal.get(session_id)
                if pending is not None:
                    unsent |= {turn.id: turn.heard for turn in pending.change.turns}
            assert set(stored) | set(unsent) == set(said)

    def teardown(self) -> None:
        self.store.down = False
        self.store.mute = 0
        for manager in self.managers:
            self.run(manager.flush())
            assert manager.stats().unsent == 0
        for session_id, said in self.said.items():
            record = self.store._records.get(session_id)
            assert record is not None
            assert [turn.id for turn in record.session.turns if turn.id not in said] == []
            assert len(record.session.turns) == len(said)
        for manager in self.managers:
            self.run(manager.cleanup())
        self.loop.close()


@pytest.mark.proof
def test_a_week_of_everything() -> None:
    run_state_machine_as_test(
        Week,
        settings=settings(
            max_examples=max(20, OPERATIONS // 50),
            stateful_step_count=60,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
