"""A store that is away: the conversation goes on, the user is told once, and nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.sessions.flaky import FlakyStore
from tests.sessions.servers import RedisServer, free_port
from vita_tui import paths
from vita_tui.clock import FakeClock
from vita_tui.errors import StoreError
from vita_tui.events import EventBus, Notice
from vita_tui.sessions.journal import Journal
from vita_tui.sessions.manager import SessionManager
from vita_tui.sessions.redis import RedisStore
from vita_tui.sessions.session import Session, SessionChange, Turn, new_session
from vita_tui.settings import SessionSettings


@pytest.fixture
def store() -> FlakyStore:
    return FlakyStore()


@pytest.fixture
async def manager(store: FlakyStore, clock: FakeClock, bus: EventBus) -> AsyncIterator[SessionManager]:
    # Tests say themselves when it is tried again.
    manager = SessionManager(store, SessionSettings(max_live=5), clock, bus, retry_seconds=3600)
    await manager.open()
    yield manager
    await manager.cleanup()


def texts(session: Session | None) -> list[str]:
    assert session is not None
    return [turn.text for turn in session.turns]


async def test_an_outage_is_told_once_and_so_is_its_end(
    manager: SessionManager, store: FlakyStore, notices: list[Notice]
) -> None:
    session = await manager.create({})
    store.down = True
    for number in range(5):
        await manager.append(session.id, Turn("user", f"{number}"))
    assert [notice.key for notice in notices] == ["sessions.away"]
    assert await manager.flush() == 0
    store.down = False
    assert await manager.flush() == 1
    assert [(notice.key, notice.severity) for notice in notices] == [
        ("sessions.away", "warning"),
        ("sessions.away", "information"),
    ]
    assert texts(await store.read(session.id)) == ["0", "1", "2", "3", "4"]
    assert manager.stats().unsent == 0


async def test_sessions_begun_renamed_and_deleted_meanwhile_are_brought_along(
    manager: SessionManager, store: FlakyStore
) -> None:
    old = await manager.create({"kept": True})
    await manager.append(old.id, Turn("user", "old"))
    doomed = await manager.create({})
    await manager.append(doomed.id, Turn("user", "doomed"))
    store.down = True
    new = await manager.create({"snapshot": 1})
    turn = Turn("assistant", "A reply.")
    await manager.append(new.id, turn)
    await manager.update_turn(new.id, replace(turn, heard="A"))
    await manager.rename(old.id, "Renamed")
    await manager.configure(old.id, {"profile": "pirate"})
    await manager.delete(doomed.id)
    store.down = False
    await manager.flush()
    found, renamed = await store.read(new.id), await store.read(old.id)
    assert found is not None
    assert [(kept.text, kept.heard) for kept in found.turns] == [("A reply.", "A")]
    assert found.settings == {"snapshot": 1}
    assert renamed is not None
    assert renamed.settings == {"kept": True, "profile": "pirate"}
    assert (renamed.title, texts(renamed)) == ("Renamed", ["old"])
    assert await store.read(doomed.id) is None


async def test_a_write_whose_answer_was_lost_is_not_doubled(
    manager: SessionManager, store: FlakyStore
) -> None:
    session = await manager.create({})
    store.mute = 1
    await manager.append(session.id, Turn("user", "once"))
    assert texts(await store.read(session.id)) == ["once"]  # it had arrived
    await manager.flush()
    after = await manager.append(session.id, Turn("user", "twice"))
    assert texts(after) == texts(await store.read(session.id)) == ["once", "twice"]


async def test_what_a_restarted_server_forgot_is_brought_back(
    manager: SessionManager, store: FlakyStore
) -> None:
    noticed, unnoticed = await manager.create({}), await manager.create({})
    for session in (noticed, unnoticed):
        await manager.append(session.id, Turn("user", "before"))
    store.down = True
    await manager.append(noticed.id, Turn("user", "during"))
    store.forget()
    store.down = False
    await manager.flush()
    assert texts(await store.read(noticed.id)) == ["before", "during"]
    assert texts(await store.read(unnoticed.id)) == ["before"]
    store.forget()  # so quickly that nobody saw it away
    await manager.append(noticed.id, Turn("user", "after"))
    assert texts(await store.read(noticed.id)) == ["before", "during", "after"]


async def test_another_writer_meanwhile_keeps_its_turns(manager: SessionManager, store: FlakyStore) -> None:
    session = await manager.create({})
    store.down = True
    await manager.append(session.id, Turn("user", "ours"))
    store.down = False
    other = SessionManager(store, SessionSettings(), retry_seconds=3600)
    await other.open()
    await other.append(session.id, Turn("user", "theirs"))
    await manager.flush()
    assert sorted(texts(await store.read(session.id))) == ["ours", "theirs"]
    assert sorted(texts(await manager.get(session.id))) == ["ours", "theirs"]


async def test_the_journal_is_bounded_and_refuses_in_words(store: FlakyStore, clock: FakeClock) -> None:
    manager = SessionManager(store, clock=clock, journal=Journal("flaky", limit=4), retry_seconds=3600)
    await manager.open()
    store.down = True
    session = await manager.create({})
    turns = [Turn("user", f"{number}") for number in range(3)]
    for turn in turns:
        await manager.append(session.id, turn)
    with pytest.raises(StoreError, match="no more can be kept"):
        await manager.append(session.id, Turn("user", "too much"))
    await manager.update_turn(session.id, replace(turns[0], heard="0"))  # takes no more room
    store.down = False
    await manager.flush()
    assert texts(await store.read(session.id)) == ["0", "1", "2"]
    await manager.cleanup()


async def test_live_sessions_stay_within_the_limit_during_an_outage(
    manager: SessionManager, store: FlakyStore
) -> None:
    store.down = True
    ids = []
    for number in range(12):
        session = await manager.create({})
        await manager.append(session.id, Turn("user", f"{number}"))
        assert manager.stats().live <= 5
        ids.append(session.id)
    assert texts(await manager.get(ids[0])) == ["0"]  # from the journal
    store.down = False
    await manager.flush()
    assert [texts(await store.read(id_)) for id_ in ids] == [[f"{number}"] for number in range(12)]


async def test_a_store_that_is_away_at_the_start_is_opened_later(
    store: FlakyStore, clock: FakeClock, bus: EventBus, notices: list[Notice]
) -> None:
    store.down = True
    manager = SessionManager(store, clock=clock, bus=bus, retry_seconds=0.001)
    await manager.open()
    session = await manager.create({})
    await manager.append(session.id, Turn("user", "early"))
    back = asyncio.Event()
    bus.subscribe(
        lambda event: back.set() if isinstance(event, Notice) and event.severity == "information" else None
    )
    store.down = False
    async with asyncio.timeout(60):
        await back.wait()  # without being told to try
    assert texts(await store.read(session.id)) == ["early"]
    await manager.cleanup()


UNSENT = """
import asyncio, os, signal
from tests.sessions.flaky import FlakyStore
from vita_tui.sessions.manager import SessionManager
from vita_tui.sessions.session import Turn

async def main():
    store = FlakyStore()
    manager = SessionManager(store, retry_seconds=3600)
    await manager.open()
    store.down = True
    session = await manager.create({"a": 1})
    await manager.append(session.id, Turn("user", "said before the end", tokens=3))
    print(session.id, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_unsent_turns_outlive_the_program(store: FlakyStore, clock: FakeClock) -> None:
    child = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", UNSENT], capture_output=True, text=True, check=False
    )
    session_id = child.stdout.strip()
    (file,) = (paths.data_dir() / "unsent").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    with file.open("a") as half:
        half.write('{"id": "cut o')
    manager = SessionManager(store, clock=clock, retry_seconds=3600)
    await manager.open()
    found = await store.read(session_id)
    assert texts(found) == ["said before the end"]
    assert found is not None
    assert (found.settings, found.tokens) == ({"a": 1}, 3)
    assert not (paths.data_dir() / "unsent").exists()
    await manager.cleanup()


async def test_unsent_turns_of_a_running_program_are_left_alone(store: FlakyStore) -> None:
    first = SessionManager(store, retry_seconds=3600)
    await first.open()
    store.down = True
    await first.create({})
    second = Journal("flaky")
    assert second.adopt() == 0
    (file,) = (paths.data_dir() / "unsent").iterdir()
    assert json.loads(file.read_text())["begun"]
    await first.cleanup()
    assert file.exists()  # it could not be sent


# ---- Redis, the real one


@pytest.mark.redis
@pytest.mark.parametrize("keep", [True, False], ids=["with its file", "forgetting everything"])
async def test_redis_killed_while_written_loses_and_doubles_nothing(
    tmp_path: Path, keep: bool, bus: EventBus, notices: list[Notice]
) -> None:
    server = RedisServer(tmp_path / "redis", keep=keep)
    server.start()
    store = RedisStore(server.url)
    manager = SessionManager(store, bus=bus, retry_seconds=3600)
    await manager.open()
    sessions = [await manager.create({}) for _ in range(4)]
    expected: dict[str, list[str]] = {session.id: [] for session in sessions}
    written = 0

    async def talk(session_id: str) -> None:
        nonlocal written
        for number in range(60):
            await manager.append(session_id, Turn("user", f"{number}"))
            expected[session_id].append(f"{number}")
            written += 1
            if written == 100:
                await asyncio.to_thread(server.kill)

    try:
        await asyncio.gather(*(talk(session.id) for session in sessions))
        assert manager.stats().away
        assert server.url not in str([notice.message for notice in notices])
        server.start()
        await manager.flush()
        assert manager.stats().away == ""
        fresh = RedisStore(server.url)
        await fresh.open()
        for session_id, said in expected.items():
            assert sorted(texts(await fresh.read(session_id)), key=int) == said
        await fresh.cleanup()
    finally:
        await manager.cleanup()
        server.kill()


@pytest.mark.redis
async def test_a_redis_that_is_not_there_is_a_sentence_without_the_password() -> None:
    port = free_port()
    store = RedisStore(f"redis://user:hunter2@127.0.0.1:{port}/0")
    with pytest.raises(StoreError) as caught:
        await store.open()
    assert f"127.0.0.1:{port} does not answer" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    await store.cleanup()
    with pytest.raises(StoreError, match="address"):
        await RedisStore("nonsense").open()


@pytest.mark.redis
async def test_redis_keeps_what_was_said_and_lets_go_of_the_empty(
    redis_server: RedisServer, clock: FakeClock
) -> None:
    store = RedisStore(redis_server.url, idle_seconds=86_400, clock=clock)
    await store.open()
    empty, kept = new_session({}, clock.time()), new_session({}, clock.time())
    for session in (empty, kept):
        await store.create(session)
    await store.write(kept.id, SessionChange((Turn("user", "keep me"),)), expected=1)
    client = store._redis()
    await client.pexpire(f"vita:session:{kept.id}", 1_000_000)  # as earlier versions did
    clock.advance(86_401)
    assert await store.sweep(86_400) == 1
    assert await store.read(empty.id) is None
    assert int(await client.pttl(f"vita:session:{kept.id}")) == -1
    assert [summary.id for summary in await store.recent(5, 0)] == [kept.id]
    await store.cleanup()


@pytest.mark.redis
@pytest.mark.parametrize(
    "url",
    ["redis://user:hunter2@host:port/0", "redis://:hunter2/x@host", "redis://h/0?password=hunter2&x=\x00"],
)
async def test_a_password_of_redis_is_never_shown(url: str) -> None:
    store = RedisStore(url, timeout=0.1)
    assert "hunter2" not in store.place
    with pytest.raises(StoreError) as caught:
        await store.open()
    assert "hunter2" not in str(caught.value)
    await store.cleanup()


@pytest.mark.redis
async def test_what_others_wrote_into_redis_costs_only_itself(redis_server: RedisServer) -> None:
    store = RedisStore(redis_server.url)
    await store.open()
    good = new_session({}, 1.0)
    await store.create(good)
    await store.write(good.id, SessionChange((Turn("user", "good words"),)), expected=1)
    client = store._redis()
    await client.hset(f"vita:session:{good.id}", "turn:x", "nonsense")
    await client.hset(f"vita:session:{good.id}", "last_active", "yesterday")
    await client.set("vita:session:other", "not a hash")
    await client.zadd("vita:sessions", {"other": 99.0})
    assert [summary.id for summary in await store.recent(5, 0)] == [good.id]
    assert [hit.session_id for hit in await store.search("words", 5)] == [good.id]
    found = await store.read(good.id)
    assert found is not None
    assert [turn.text for turn in found.turns] == ["good words"]
    assert store.counters.now().unreadable == 2
    await store.sweep(86_400)
    await store.cleanup()
