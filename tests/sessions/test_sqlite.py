"""The file: its modes, its format, damage, faults of the disk, `kill -9`, and a search that stays quick."""

from __future__ import annotations

import asyncio
import os
import random
import resource
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from vita_tui.clock import FakeClock
from vita_tui.errors import StoreError
from vita_tui.events import EventBus, Notice
from vita_tui.sessions import queries, schema
from vita_tui.sessions.manager import SessionManager
from vita_tui.sessions.search import Query
from vita_tui.sessions.session import SessionChange, Turn, new_session
from vita_tui.sessions.sqlite import SqliteStore

KILLS = int(os.environ.get("VITA_TEST_KILLS", "8"))
"""200 for the whole proof."""
TURNS = int(os.environ.get("VITA_PROOF_TURNS", "20000"))
"""In which is searched; 100,000 for the whole proof."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store" / "sessions.db"


@pytest.fixture
async def store(path: Path, clock: FakeClock) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(path, clock=clock, busy_seconds=0.05)
    await store.open()
    yield store
    await store.cleanup()


async def session_with(store: SqliteStore, *texts: str) -> str:
    session = new_session({}, 1.0)
    await store.create(session)
    await store.write(session.id, SessionChange(tuple(Turn("user", text) for text in texts)), expected=1)
    return session.id


async def texts(store: SqliteStore, session_id: str) -> list[str]:
    session = await store.read(session_id)
    return [turn.text for turn in session.turns] if session is not None else []


# ---- the file


async def test_only_the_user_can_look_inside(store: SqliteStore, path: Path) -> None:
    await session_with(store, "private")
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert {part.name: part.stat().st_mode & 0o777 for part in path.parent.iterdir()} == {
        "sessions.db": 0o600,
        "sessions.db-wal": 0o600,
        "sessions.db-shm": 0o600,
    }


async def test_a_file_that_others_could_read_is_closed_to_them(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.touch(0o644)
    store = SqliteStore(path)
    await store.open()
    await store.cleanup()
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_file_of_the_first_format_is_brought_up_to_date(path: Path) -> None:
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        schema.migrate(old, schema.STEPS[:1])
        old.execute("INSERT INTO session VALUES (1, 'old', 'title', 1.0, 1.0, 1, 1, 1, 0, '{}')")
        old.execute(
            "INSERT INTO turn VALUES"
            " (1, 'old', 't', 'user', 'written before there was a search', NULL, 1.0, 2.0, '{}', 0, 0, 0, '{}')"
        )
    store = SqliteStore(path)
    await store.open()
    assert [hit.session_id for hit in await store.search("before search", 5)] == ["old"]
    assert await texts(store, "old") == ["written before there was a search"]
    await store.cleanup()
    with closing(sqlite3.connect(path)) as now:
        assert now.execute("PRAGMA user_version").fetchone() == (len(schema.STEPS),)


async def test_a_migration_that_fails_leaves_the_file_as_it_was(path: Path) -> None:
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        schema.migrate(db, schema.STEPS[:1])
        before = db.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall()
        with pytest.raises(sqlite3.OperationalError):
            schema.migrate(db, (*schema.STEPS, ("CREATE TABLE extra (x)", "nonsense")))
        assert db.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall() == before
        assert db.execute("PRAGMA user_version").fetchone() == (1,)


async def test_a_file_of_a_newer_format_is_refused_and_left_alone(path: Path) -> None:
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")
    store = SqliteStore(path)
    with pytest.raises(StoreError, match="newer VITA"):
        await store.open()
    assert [part.name for part in path.parent.iterdir() if "damaged" in part.name] == []


# ---- damage


def _garbage(path: Path) -> None:
    path.write_bytes(b"this is not a database " * 500)


def _holes(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096 * 2 : 4096 * 12] = os.urandom(4096 * 10)
    path.write_bytes(data)


def _truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.parametrize("damage", [_garbage, _holes, _truncated])
async def test_a_damaged_file_is_set_aside_and_a_new_one_begun(
    path: Path, clock: FakeClock, damage: object
) -> None:
    assert callable(damage)
    store = SqliteStore(path, clock=clock)
    for round_ in range(2):  # within one second: the second must not overwrite the first
        await store.open()
        await session_with(store, *(f"text {number} " + "x" * 300 for number in range(100)))
        await store.cleanup()
        damage(path)
        content = path.read_bytes()
        (notice,) = await store.open()
        assert "damaged" in notice.message
        kept = sorted(path.parent.glob("sessions.db.damaged-*"))
        assert len(kept) == round_ + 1
        assert content in [file.read_bytes() for file in kept]
        saved = [summary.turns for summary in await store.recent(5, 0)]
        assert saved == ([] if damage is _garbage else saved)
        assert ("Nothing in it could be saved" in notice.message) is (not saved)
        await store.cleanup()


async def test_two_programs_that_find_the_damage_set_it_aside_once(path: Path) -> None:
    path.parent.mkdir(parents=True)
    _garbage(path)
    stores = [SqliteStore(path) for _ in range(6)]
    notices = await asyncio.gather(*(store.open() for store in stores))
    assert sum(map(len, notices)) == 1
    assert len(list(path.parent.glob("*damaged*"))) == 1
    session_id = await session_with(stores[0], "fresh")
    assert [await texts(store, session_id) for store in stores] == [["fresh"]] * 6
    for store in stores:
        await store.cleanup()


async def test_a_file_that_is_moved_away_under_the_program_is_begun_again_with_what_is_in_memory(
    store: SqliteStore, path: Path, bus: EventBus, notices: list[Notice]
) -> None:
    manager = SessionManager(store, bus=bus, retry_seconds=3600)
    await manager.open()
    session = await manager.create({})
    await manager.append(session.id, Turn("user", "before"))
    for part in list(path.parent.iterdir()):
        part.rename(part.with_name(f"{part.name}.moved"))
    await manager.append(session.id, Turn("user", "after"))
    assert [notice.key for notice in notices] == ["sessions.away"]
    await manager.flush()
    assert await texts(store, session.id) == ["before", "after"]
    await manager.cleanup()


# ---- faults


async def test_a_file_that_another_program_locks_is_a_clear_sentence_and_then_written(
    store: SqliteStore, path: Path, notices: list[Notice], bus: EventBus
) -> None:
    manager = SessionManager(store, bus=bus, retry_seconds=3600)
    await manager.open()
    session = await manager.create({})
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        await manager.append(session.id, Turn("user", "while locked"))
        assert "another program holds the file" in notices[0].message
        assert await manager.flush() == 0
        other.execute("ROLLBACK")
    await manager.flush()
    assert await texts(store, session.id) == ["while locked"]
    await manager.cleanup()


async def test_a_file_that_is_locked_at_the_start(path: Path) -> None:
    first = SqliteStore(path)
    await first.open()
    await first.cleanup()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="another program holds the file"):
            await SqliteStore(path, busy_seconds=0.05).open()
    await first.open()
    await first.cleanup()


async def test_a_full_disk_stops_nobody_and_is_caught_up_with(
    small_disk: Path, notices: list[Notice], bus: EventBus
) -> None:
    store = SqliteStore(small_disk / "vita" / "sessions.db")
    manager = SessionManager(store, bus=bus, retry_seconds=3600)
    await manager.open()
    session = await manager.create({})
    await manager.append(session.id, Turn("user", "stored"))
    filler = small_disk / "filler"
    filler.write_bytes(b"")
    with filler.open("ab", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while file.write(bytes(4096)):
            pass
    for number in range(10):
        await manager.append(session.id, Turn("user", f"{number} " + "x" * 5000))
    assert "the disk is full" in notices[0].message
    assert next(turn.text for turn in (await manager.get(session.id)).turns) == "stored"
    filler.unlink()
    await manager.flush()
    assert manager.stats().away == ""
    assert [text.split()[0] for text in await texts(store, session.id)] == ["stored", *map(str, range(10))]
    await manager.cleanup()


async def test_a_read_only_file_system_is_a_clear_sentence(small_disk: Path) -> None:
    path = small_disk / "vita" / "sessions.db"
    store = SqliteStore(path)
    await store.open()
    await store.cleanup()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(StoreError, match=r"may not be written|[Rr]ead-only"):
        await store.open()
    assert store.counters.now().access_errors == 1


LIMITED = """
import asyncio, resource, sys
from pathlib import Path
from vita_tui.sessions.manager import SessionManager
from vita_tui.sessions.session import Turn
from vita_tui.sessions.sqlite import SqliteStore

async def main():
    manager = SessionManager(SqliteStore(Path(sys.argv[1])), retry_seconds=3600)
    await manager.open()
    session = await manager.create({})
    size = max(part.stat().st_size for part in Path(sys.argv[1]).parent.iterdir())
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20000, hard))
    for number in range(20):
        await manager.append(session.id, Turn("user", f"{number} " + "x" * 4000))
    assert manager.stats().away, "the limit was not met"
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    await manager.flush()
    found = await manager.store.read(session.id)
    assert [int(turn.text.split()[0]) for turn in found.turns] == list(range(20))
    assert manager.stats().unsent == 0
    await manager.cleanup()
    print("all there")

asyncio.run(main())
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="needs RLIMIT_FSIZE")
async def test_files_that_may_not_grow_stop_nobody(path: Path) -> None:
    command = [sys.executable, "-c", LIMITED, str(path)]
    child = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    assert child.stdout == "all there\n", child.stderr


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs root, to become nobody")
async def test_a_folder_that_may_not_be_written_is_a_clear_sentence() -> None:
    code = """
import asyncio, concurrent.futures.thread, os, sys  # nobody may not read the interpreter's files: all is imported before
from pathlib import Path
from vita_tui.errors import StoreError
from vita_tui.sessions.sqlite import SqliteStore
os.setuid(65534)
try:
    asyncio.run(SqliteStore(Path(sys.argv[1])).open())
except StoreError as error:
    print(error)
"""
    folder = Path("/tmp") / f"vita-readonly-{os.getpid()}"  # others can reach this one
    folder.mkdir(mode=0o755)
    try:
        child = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", code, str(folder / "sub" / "sessions.db")],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
        )
    finally:
        shutil.rmtree(folder)
    assert "may not be written" in child.stdout, child.stderr
    assert "chmod" in child.stdout


# ---- kill -9

TALKER = """
import asyncio, sys
from dataclasses import replace
from pathlib import Path
from vita_tui.sessions.manager import SessionManager
from vita_tui.sessions.session import Turn
from vita_tui.sessions.sqlite import SqliteStore

async def main():
    manager = SessionManager(SqliteStore(Path(sys.argv[1])))
    await manager.open()
    session = await manager.create({})
    print(session.id, flush=True)
    for number in range(100_000):
        turn = Turn("assistant", f"{number} " + "word " * (number % 50))
        await manager.append(session.id, turn)
        print(turn.id, "-", flush=True)
        await manager.update_turn(session.id, replace(turn, heard=f"{number}"))
        print(turn.id, number, flush=True)

asyncio.run(main())
"""


def _kill_while_it_writes(path: Path, after: int) -> tuple[str, list[tuple[str, str]]]:
    """Let a program write turns and kill it after so many; returns its session and what it said was stored."""
    command = [sys.executable, "-c", TALKER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        session_id = child.stdout.readline().strip()
        lines = [child.stdout.readline() for _ in range(after)]
        child.kill()
        lines += child.stdout.readlines()
    told = [line.split() for line in lines if line.endswith("\n")]
    return session_id, [(turn_id, heard) for turn_id, heard in told]


@pytest.mark.proof
async def test_what_was_final_is_there_after_kill_9(path: Path) -> None:
    chance = random.Random(7)
    for _ in range(KILLS):
        session_id, told = await asyncio.to_thread(_kill_while_it_writes, path, chance.randint(1, 60))
        store = SqliteStore(path)
        assert await store.open() == []  # not damaged
        session = await store.read(session_id)
        assert session is not None
        heard = {turn.id: turn.heard for turn in session.turns}
        for turn_id, what in told:
            assert turn_id in heard
            assert what == "-" or heard[turn_id] == what
        assert session.version == 1 + sum(1 + (value is not None) for value in heard.values())
        assert (await store.search(f"{len(heard) - 1}", 1))[0].session_id == session_id
        await store.cleanup()


# ---- searching


@pytest.mark.long
async def test_searching_many_turns_uses_the_index(store: SqliteStore, path: Path) -> None:
    chance = random.Random(1)
    words = [f"w{chance.getrandbits(32):x}" for _ in range(20_000)]
    common = ["the", "what", "is", "and", "of", "a"]
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        schema.prepare(db)
        db.execute("BEGIN")
        for number in range(TURNS // 50):
            said = tuple(
                Turn(
                    "user" if n % 2 == 0 else "assistant",
                    " ".join(chance.choices(common, k=6) + chance.choices(words, k=9)),
                    started=float(number),
                )
                for n in range(50)
            )
            session = new_session({}, float(number))
            queries.create(db, session)
            queries.write(db, session.id, SessionChange(said), 1)
        db.execute("COMMIT")
        for statement in (queries.SEARCH_TURNS, queries.SEARCH_TITLES):
            plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {statement}", ('"w"',))]
            assert any("VIRTUAL TABLE INDEX" in line and "words" in line for line in plan), plan
            assert not any(line.startswith("SCAN") and "VIRTUAL" not in line for line in plan), plan
            assert not any("TEMP B-TREE" in line for line in plan), plan
        # What is looked at does not grow with what matches: of all turns with "the", twenty are read.
        steps = 0

        def count() -> int:
            nonlocal steps
            steps += 1
            return 0

        db.set_progress_handler(count, 1)
        common_word = Query.of("the")
        assert common_word is not None
        assert len(queries.search(db, common_word, 20)) == 20
        db.set_progress_handler(None, 1)
        assert steps < 20_000 <= TURNS
    figures = {}
    for query in ("the", words[7], words[7][:4], "the what", f"the {words[9]}", "nothinglikeit", "wh"):
        began = time.perf_counter()
        hits = await store.search(query, 50)
        figures[query] = f"{(time.perf_counter() - began) * 1000:.1f} ms, {len(hits)} hits"
        assert bool(hits) is (query != "nothinglikeit")
    began = time.perf_counter()
    await store.cleanup()
    await store.open()
    print(f"\n{TURNS:,} turns: {figures}; opening {(time.perf_counter() - began) * 1000:.0f} ms")
