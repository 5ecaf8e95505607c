"""The manager: limits, expiry, two writers, and leaving memory without losing anything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.sessions.conftest import OPERATIONS
from tests.sessions.proofs import leak
from vita_tui.clock import FakeClock
from vita_tui.errors import StoreError
from vita_tui.health.registry import registry
from vita_tui.sessions.manager import SessionManager
from vita_tui.sessions.session import Turn
from vita_tui.sessions.store import MissingError, Store
from vita_tui.settings import SessionSettings

HOUR = 3600.0


@pytest.fixture
async def manager(store: Store, clock: FakeClock) -> AsyncIterator[SessionManager]:
    manager = SessionManager(store, SessionSettings(max_live=3), clock)
    await manager.open()
    yield manager
    await manager.cleanup()


async def said(manager: SessionManager, text: str) -> str:
    """A new session with one question; returns its id."""
    session = await manager.create({})
    await manager.append(session.id, Turn("user", text))
    return session.id


async def test_an_appended_turn_is_in_the_store_when_append_returns(manager: SessionManager) -> None:
    session = await manager.create({"llm": {"model": "x"}})
    after = await manager.append(session.id, Turn("user", "Hello there", tokens=4))
    assert await manager.store.read(session.id) == after
    assert (after.title, after.tokens, after.settings) == ("Hello there", 4, {"llm": {"model": "x"}})


async def test_what_was_heard_replaces_the_turn(manager: SessionManager) -> None:
    session = await manager.create({})
    turn = Turn("assistant", "All of this.")
    await manager.append(session.id, turn)
    after = await manager.update_turn(session.id, replace(turn, heard="All of", interrupted=True))
    assert [kept.heard for kept in after.turns] == ["All of"]
    assert await manager.store.read(session.id) == after


async def test_never_more_live_than_allowed_and_the_longest_idle_goes(manager: SessionManager) -> None:
    first, second, third = [await said(manager, text) for text in ("one", "two", "three")]
    await manager.get(first)
    fourth = await said(manager, "four")
    assert [manager.live(id_) is not None for id_ in (first, second, third, fourth)] == [
        True,
        False,
        True,
        True,
    ]
    assert (manager.stats().live, manager.stats().evicted) == (3, 1)
    assert [turn.text for turn in (await manager.get(second)).turns] == ["two"]


async def test_idle_sessions_leave_memory_and_stay_in_the_store(
    manager: SessionManager, clock: FakeClock
) -> None:
    if manager.store.name == "memory":
        pytest.skip("the memory store forgets what is idle")
    old = await said(manager, "old")
    clock.advance(12 * HOUR)
    young = await said(manager, "young")
    clock.advance(12 * HOUR)
    assert await manager.sweep() == 1
    assert (manager.live(old), manager.live(young) is not None) == (None, True)
    assert [turn.text for turn in (await manager.get(old)).turns] == ["old"]


async def test_a_calendar_that_jumps_makes_nobody_idle(manager: SessionManager, clock: FakeClock) -> None:
    session_id = await said(manager, "before")
    clock.jump(10 * 365 * 24 * HOUR)
    assert await manager.sweep() == 0
    clock.jump(-20 * 365 * 24 * HOUR)
    assert await manager.sweep() == 0
    after = await manager.append(session_id, Turn("user", "after"))
    assert [turn.text for turn in after.turns] == ["before", "after"]
    latest = await manager.latest()
    assert latest is not None
    assert latest.id == session_id


async def test_two_writers_of_one_session_keep_all_turns(
    manager: SessionManager, make_store: Callable[[], Store], clock: FakeClock, tmp_path: Path
) -> None:
    session_id = await said(manager, "begin")
    store = make_store()
    other = SessionManager(store, SessionSettings(), clock)
    await other.open()
    await other.get(session_id)  # both now have the same version in memory
    await manager.append(session_id, Turn("user", "mine"))
    await other.append(session_id, Turn("user", "theirs"))
    both = await asyncio.gather(
        *(who.append(session_id, Turn("user", f"{n}")) for n in range(10) for who in (manager, other))
    )
    stored = await manager.store.read(session_id)
    assert stored is not None
    assert sorted(turn.text for turn in stored.turns) == sorted(
        ["begin", "mine", "theirs", *(str(n) for n in range(10)), *(str(n) for n in range(10))]
    )
    assert both
    assert (await other.get(session_id)).turns == (await manager.get(session_id)).turns == stored.turns
    if store is not manager.store:
        await other.cleanup()


async def test_deleting_elsewhere_does_not_bring_the_old_turns_back(
    manager: SessionManager, clock: FakeClock
) -> None:
    session_id = await said(manager, "to be forgotten")
    await manager.store.delete(session_id)  # by another program
    clock.advance(1)
    after = await manager.append(session_id, Turn("user", "and on we go"))
    assert [turn.text for turn in after.turns] == ["and on we go"]
    assert await manager.store.read(session_id) == after
    assert await manager.store.search("forgotten", 5) == []


async def test_a_title_can_be_chosen_and_taken_back(manager: SessionManager) -> None:
    session_id = await said(manager, "  What\nis   this? ")
    assert (await manager.rename(session_id, " My \n title ")).title == "My title"
    await manager.append(session_id, Turn("user", "more"))
    assert (await manager.get(session_id)).title == "My title"
    assert (await manager.rename(session_id, "")).title == "What is this?"


async def test_the_beginning_of_an_id_is_enough(manager: SessionManager) -> None:
    session_id = await said(manager, "x")
    assert (await manager.get(session_id[:6])).id == session_id
    with pytest.raises(MissingError):
        await manager.get("nothing-like-it")
    with pytest.raises(MissingError):
        await manager.append("nothing-like-it", Turn("user", "x"))
    assert manager.stats().away == ""


async def test_cleanup_stops_the_sweeper_and_may_come_twice(store: Store) -> None:
    manager = SessionManager(store, SessionSettings())
    await manager.open()
    names = [entry.name for entry in registry.open() if entry.owner == "sessions.manager"]
    assert names == ["session sweep"]
    await manager.cleanup()
    await manager.cleanup()
    assert [entry for entry in registry.open() if entry.owner.startswith("sessions")] == []
    with pytest.raises(StoreError):
        await manager.create({})


async def test_the_sweeper_sweeps_by_itself(store: Store) -> None:
    manager = SessionManager(store, SessionSettings(sweep_seconds=0.001))
    await manager.open()
    async with asyncio.timeout(60):
        while manager.stats().sweeps < 3:
            await asyncio.sleep(0)
    await manager.cleanup()


@pytest.mark.proof
async def test_a_day_of_sessions_stays_within_the_limits_and_memory_flat(tmp_path: Path) -> None:
    """The proof is 20,000 sessions: VITA_TEST_OPERATIONS=80000 or more. The ablation has no limit."""
    sessions = min(20_000, OPERATIONS // 4)
    limited = await leak(tmp_path, sessions, sessions // 20)
    unlimited = await leak(tmp_path, sessions, sessions)
    print(limited, unlimited)
    assert limited.most <= sessions // 20
    assert limited.stored == unlimited.stored == sessions
    # A worker may hold the last text or not when it is measured: two of them are no growth.
    assert limited.whole - limited.half < max(0.01 * limited.half, 16_000)
    assert unlimited.growth > 0.8
