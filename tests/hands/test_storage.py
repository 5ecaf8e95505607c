"""What disks do to files: the cases of storage.toml."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.sessions.servers import RedisServer
from vita_tui.cli.app import app
from vita_tui.clock import FakeClock
from vita_tui.errors import VitaError
from vita_tui.sessions import queries, schema
from vita_tui.sessions.export import to_markdown, to_text
from vita_tui.sessions.manager import SessionManager
from vita_tui.sessions.memory import MemoryStore
from vita_tui.sessions.redis import RedisStore
from vita_tui.sessions.session import SessionChange, Turn, new_session
from vita_tui.sessions.sqlite import SqliteStore
from vita_tui.sessions.store import Store

CASES: dict[str, list[dict[str, Any]]] = tomllib.loads(
    Path(__file__).with_suffix(".toml").with_stem("storage").read_text()
)


def cases(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", CASES[kind], ids=[case["name"] for case in CASES[kind]])


def vita(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What a command writes and how it ends, as in its own process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VITA_HOME", str(home))
        result = CliRunner().invoke(app, list(arguments))
    code, stderr = result.exit_code, result.stderr
    if isinstance(result.exception, VitaError):
        code, stderr = result.exception.exit_code, f"{stderr}vita: {result.exception}\n"
    elif result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return subprocess.CompletedProcess(arguments, code, result.stdout, stderr)


def fill(small_disk: Path) -> None:
    with (small_disk / "filler").open("ab", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while file.write(bytes(4096)):
            pass


async def talk(home: Path, *texts: str) -> str:
    manager = SessionManager(SqliteStore(home / "data" / "sessions.db"))
    await manager.open()
    session = await manager.create({})
    for text in texts:
        await manager.append(session.id, Turn("user", text, started=1_700_000_000.0))
    await manager.cleanup()
    return session.id


@cases("full_disk")
def test_a_full_disk_costs_no_file_that_was_there(small_disk: Path, case: dict[str, Any]) -> None:
    home = small_disk / "vita"
    asyncio.run(talk(home, "What is kept? " + "x" * 5000))
    file = small_disk / case["file"]
    file.parent.mkdir(parents=True, exist_ok=True)
    if case["before"]:
        file.write_text(case["before"])
    fill(small_disk)
    there = sorted(small_disk.rglob("*"))
    result = vita(home, *(part.replace("DISK", str(small_disk)) for part in case["command"]))
    assert result.returncode != 0
    assert "o space" in result.stderr or "disk is full" in result.stderr
    assert "Traceback" not in result.stderr
    assert (file.read_text() if file.exists() else "") == case["before"]
    left = [path for path in small_disk.rglob("*") if path not in there and path.suffix == ".new"]
    assert left == []


# ---- damage


def fill_database(path: Path, talks: int) -> None:
    """A file with so many conversations of four turns; one word is in all of them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        schema.migrate(db)
        schema.prepare(db)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("BEGIN")
        for number in range(talks):
            session = new_session({}, float(number))
            queries.create(db, session)
            said = (
                Turn(
                    "user" if n % 2 == 0 else "assistant",
                    f"What is kept? {number} {n} " + "x" * 200,
                    tokens=1,
                )
                for n in range(4)
            )
            queries.write(db, session.id, SessionChange(tuple(said)), 1)
        db.execute("COMMIT")


def damage(path: Path, case: dict[str, Any]) -> None:
    data = bytearray(path.read_bytes())
    chance = random.Random(3)
    kinds = {"inner": (2, 5), "index": (2, 10), "table": (5, 13)}.get(case.get("pages", ""), ())
    spots = list(case.get("spots", ()))
    spots += [
        {"at": start, "bytes": 4096, "with": "zeros"}
        for start in range(4096, len(data), 4096)
        if data[start] in kinds
    ]
    for spot in spots:
        start = int(spot["at"] * len(data)) if spot["at"] < 1 else spot["at"]
        content = bytes(spot["bytes"]) if spot["with"] == "zeros" else chance.randbytes(spot["bytes"])
        data[start : start + spot["bytes"]] = content
    cut = case.get("cut")
    path.write_bytes(data[: int(cut * len(data))] if cut is not None else data)


@cases("damage")
def test_what_can_be_read_of_a_damaged_file_is_taken_over_and_counted(
    tmp_path: Path, case: dict[str, Any]
) -> None:
    path = tmp_path / "data" / "sessions.db"
    fill_database(path, case["talks"])
    damage(path, case)
    damaged = path.read_bytes()
    listed = vita(tmp_path, "sessions", "list", "--json", "-n", "100000")
    assert listed.returncode == 0, listed.stderr
    found = json.loads(listed.stdout)
    turns = sum(one["turns"] for one in found)
    assert turns >= case["least"] * 4 * case["talks"]
    assert [one["id"] for one in found] == list(dict.fromkeys(one["id"] for one in found))
    if "damaged" in listed.stderr:
        assert f"{turns:,} turn" in listed.stderr
        (kept,) = path.parent.glob("sessions.db.damaged-*")
        assert kept.read_bytes() == damaged
    assert vita(tmp_path, "sessions", "list").stderr == ""  # once is enough
    assert vita(tmp_path, "sessions", "search", "kept").returncode == 0
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_conversations_of_which_only_turns_are_left_keep_their_place(tmp_path: Path) -> None:
    path = tmp_path / "data" / "sessions.db"
    fill_database(path, 20)
    ids = [one["id"] for one in json.loads(vita(tmp_path, "sessions", "list", "--json").stdout)]
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        schema.prepare(db)
        db.execute("PRAGMA foreign_keys = OFF")
        db.execute("UPDATE session SET last_active = activity")
        db.execute("UPDATE turn SET started = (SELECT last_active FROM session WHERE id = session_id)")
        db.executemany("DELETE FROM session WHERE id = ?", [(ids[8],), (ids[15],)])
    damage(path, {"spots": [{"at": 0, "bytes": 100, "with": "zeros"}]})
    listed = vita(tmp_path, "sessions", "list", "--json")
    assert "Saved into a new one: 20 conversations with 80 turns." in listed.stderr
    assert [one["id"] for one in json.loads(listed.stdout)] == ids


def test_what_was_deleted_stays_deleted(tmp_path: Path) -> None:
    path = tmp_path / "data" / "sessions.db"
    fill_database(path, 200)
    ids = [one["id"] for one in json.loads(vita(tmp_path, "sessions", "list", "--json", "-n", "500").stdout)]

    async def delete() -> None:
        store = SqliteStore(path)
        await store.open()
        for session_id in ids[:150]:
            await store.delete(session_id)
        await store.cleanup()

    asyncio.run(delete())
    damage(path, {"spots": [{"at": 0, "bytes": 4096, "with": "random"}]})
    left = json.loads(vita(tmp_path, "sessions", "list", "--json", "-n", "500").stdout)
    assert {one["id"] for one in left} == set(ids[150:])


def test_a_looking_command_leaves_a_file_of_which_nothing_can_be_saved(tmp_path: Path) -> None:
    path = tmp_path / "data" / "sessions.db"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"this is not a database " * 500)
    result = vita(tmp_path, "sessions", "list")
    assert result.returncode == 1
    assert "damaged" in result.stderr
    assert [file.name for file in path.parent.iterdir()] == ["sessions.db"]


def test_recover_brings_back_what_the_store_lacks(tmp_path: Path) -> None:
    path = tmp_path / "data" / "sessions.db"
    fill_database(path, 20)
    other = tmp_path / "other.db"
    other.write_bytes(path.read_bytes())
    ids = [one["id"] for one in json.loads(vita(tmp_path, "sessions", "list", "--json").stdout)]
    vita(tmp_path, "sessions", "delete", ids[0], "--yes")
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        schema.prepare(db)
        db.execute("DELETE FROM turn WHERE session_id = ?", (ids[1],))
        db.execute("DELETE FROM session WHERE id = ?", (ids[1],))
        db.execute(
            "DELETE FROM turn WHERE number = (SELECT max(number) FROM turn WHERE session_id = ?)", (ids[2],)
        )
    damage(other, {"spots": [{"at": 0, "bytes": 100, "with": "zeros"}]})
    before = other.read_bytes()
    result = vita(tmp_path, "sessions", "recover", str(other), "--json")
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert found == {
        "file": str(other), "sessions": 20, "turns": 80, "lost": 0,
        "added": 1, "completed": 1, "added_turns": 5, "known": 17, "deleted": 1,
    }  # fmt: skip
    assert other.read_bytes() == before
    again = json.loads(vita(tmp_path, "sessions", "recover", str(other), "--json").stdout)
    assert (again["added"], again["completed"], again["known"], again["deleted"]) == (0, 0, 19, 1)
    for wrong in (tmp_path / "none", tmp_path):
        refused = vita(tmp_path, "sessions", "recover", str(wrong))
        assert refused.returncode == 1
        assert "cannot be read" in refused.stderr


@cases("index")
@pytest.mark.parametrize("first", ["search", "write"])
async def test_a_damaged_index_of_words_is_made_anew(
    tmp_path: Path, case: dict[str, Any], first: str
) -> None:
    path = tmp_path / "sessions.db"
    fill_database(path, 500)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for statement in case["sql"]:
            db.execute(statement)
    store = SqliteStore(path)
    await store.open()
    session = new_session({}, 1.0)
    await store.create(replace(session, title="a title of its own"))
    if first == "write":
        await store.write(session.id, SessionChange((Turn("user", "newly kept"),)), expected=1)
    assert len(await store.search("kept", 3000)) >= 2000
    assert len(await store.search("499 3", 10)) == 1
    if first == "search":
        await store.write(session.id, SessionChange((Turn("user", "newly kept"),)), expected=1)
    assert [hit.session_id for hit in await store.search("newly", 5)] == [session.id]
    assert await store.open() == ()
    await store.cleanup()


# ---- disks that cannot be written, and files that others hold


def remount(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)


@pytest.mark.parametrize("log", ["closed", "with a log"])
def test_a_disk_that_cannot_be_written_is_read(small_disk: Path, tmp_path: Path, log: str) -> None:
    home = small_disk / "vita"
    asyncio.run(talk(home, "What is kept?", "Ein Café"))
    if log != "closed":  # a program that was killed leaves its log behind
        code = (
            "import os, sqlite3, sys; db = sqlite3.connect(sys.argv[1], isolation_level=None);"
            'db.execute("UPDATE session SET tokens = 77"); os._exit(9)'
        )
        subprocess.run([sys.executable, "-c", code, str(home / "data" / "sessions.db")], check=False)
    remount(small_disk)
    (one,) = json.loads(vita(home, "sessions", "list", "--json").stdout)
    assert one["tokens"] == (0 if log == "closed" else 77)
    assert "Ein Café" in vita(home, "sessions", "show", "latest").stdout
    assert "Ein Café" in vita(home, "sessions", "search", "cafe").stdout
    figures = vita(home, "sessions", "stats", "--json")
    assert figures.returncode == 1
    assert (json.loads(figures.stdout)["sessions"], json.loads(figures.stdout)["probe"]["ok"]) == (1, False)
    target = tmp_path / "talk.md"
    assert vita(home, "sessions", "export", "latest", "--out", str(target)).returncode == 0
    assert "What is kept?" in target.read_text()
    refused = vita(home, "sessions", "rename", "latest", "New")
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr


def test_a_damaged_file_on_a_disk_that_cannot_be_written_is_read_too(small_disk: Path) -> None:
    home = small_disk / "vita"
    fill_database(home / "data" / "sessions.db", 50)
    damage(home / "data" / "sessions.db", {"spots": [{"at": 0, "bytes": 100, "with": "zeros"}]})
    remount(small_disk)
    listed = vita(home, "sessions", "list", "--json", "-n", "100")
    assert len(json.loads(listed.stdout)) == 50
    assert "damaged" in listed.stderr


def test_a_home_without_conversations_on_such_a_disk(small_disk: Path) -> None:
    remount(small_disk)
    listed = vita(small_disk / "vita", "sessions", "list")
    assert (listed.returncode, listed.stdout) == (0, "")


@pytest.mark.parametrize("command", [["rename", "latest", "New"], ["delete", "latest", "--yes"]])
def test_a_file_that_another_program_holds_is_an_honest_sentence(tmp_path: Path, command: list[str]) -> None:
    asyncio.run(talk(tmp_path, "What is kept?"))
    with closing(sqlite3.connect(tmp_path / "data" / "sessions.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        result = vita(tmp_path, "sessions", *command)
    assert result.returncode == 1
    assert "another program holds the file" in result.stderr
    assert "by itself" not in result.stderr


# ---- rows of others


@cases("rows")
def test_a_row_of_another_program_costs_only_itself(tmp_path: Path, case: dict[str, Any]) -> None:
    path = tmp_path / "data" / "sessions.db"
    asyncio.run(talk(tmp_path, "What is kept?", "Never mind.", "Kept again."))
    asyncio.run(talk(tmp_path, "What else is kept?"))
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        schema.prepare(db)
        db.execute("PRAGMA foreign_keys = OFF")
        db.execute(case["sql"])
        (first,) = db.execute("SELECT id FROM session WHERE number = 1").fetchone()

    def strict(constant: str) -> Any:
        raise AssertionError(f"{constant} is no JSON")

    listed = vita(tmp_path, "sessions", "list", "--json")
    assert len(json.loads(listed.stdout, parse_constant=strict)) == 2, listed.stderr
    shown = vita(tmp_path, "sessions", "show", first, "--json")
    turns = json.loads(shown.stdout, parse_constant=strict)["turns"]
    assert len(turns) + (case["hidden"] if "turn" in case["sql"] else 0) >= 3
    assert ("left out" in listed.stderr + shown.stderr) is bool(case["hidden"])
    assert vita(tmp_path, "sessions", "search", "else").returncode == 0
    for command in (
        ["list"],
        ["show", first],
        *(["export", first, "-f", form] for form in ("md", "txt", "json")),
    ):
        result = vita(tmp_path, "sessions", *command)
        assert (result.returncode, "Traceback" in result.stderr) == (0, False), result.stderr
    renamed = vita(tmp_path, "sessions", "rename", first, "Another name")
    assert renamed.returncode == 0, renamed.stderr


# ---- search


@pytest.fixture(params=["memory", "sqlite", pytest.param("redis", marks=pytest.mark.redis)])
def make_store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        return lambda: RedisStore(server.url)
    if request.param == "sqlite":
        return lambda: SqliteStore(tmp_path / "sessions.db")
    return lambda: MemoryStore(clock=FakeClock())


async def test_words_are_found_in_every_script_and_store_alike(make_store: Callable[[], Store]) -> None:
    store = make_store()
    await store.open()
    for case in CASES["search"]:
        session = new_session({}, 1.0)
        await store.create(replace(session, turns=(Turn("user", case["text"]),), title="-"))
        for words in case["finds"]:
            hits = [hit for hit in await store.search(words, 100) if hit.session_id == session.id]
            assert len(hits) == 1, f"{words} in {case['text']}"
            assert hits[0].marks, words
            assert all(hits[0].snippet[start:end].strip() for start, end in hits[0].marks)
        for words in case["misses"]:
            hits = [hit for hit in await store.search(words, 100) if hit.session_id == session.id]
            assert hits == [], f"{words} in {case['text']}"
    await store.cleanup()


async def test_what_was_stored_before_is_found_so_too(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        schema.migrate(db, schema.STEPS[:2])
        db.execute("INSERT INTO session VALUES (1, 'old', '公园', 1.0, 1.0, 1, 1, 1, 0, '{}')")
        row = "(1, 'old', 't', 'user', '今天天气很好', NULL, 1.0, 2.0, '{}', 0, 0, 0, '{}')"
        db.execute(f"INSERT INTO turn VALUES {row}")
    store = SqliteStore(path)
    await store.open()
    assert [hit.role for hit in await store.search("天气", 5)] == ["user"]
    assert [hit.role for hit in await store.search("园", 5)] == ["title"]
    await store.cleanup()


# ---- documents


@pytest.mark.parametrize("case", CASES["markdown"], ids=[case["text"][:20] for case in CASES["markdown"]])
def test_what_was_said_forges_nothing_in_a_document(case: dict[str, Any]) -> None:
    markdown_it = pytest.importorskip("markdown_it")
    turns = (Turn("user", "Hello", started=1.0), Turn("assistant", case["text"], started=2.0, finished=3.0))
    session = replace(new_session({}, 1.0), turns=turns, title=case["text"])
    html = markdown_it.MarkdownIt("commonmark", {"html": True}).render(to_markdown(session))
    for words in case["never"]:
        assert words not in html, html
    assert html.count("<blockquote>") == 2
    lines = [line for line in to_text(session).splitlines() if line.startswith(("[", "You", "VITA"))]
    assert len(lines) == 2 + (to_text(session).startswith(("[", "You", "VITA")))


async def test_emoji_that_were_stored_before_they_were_indexed_are_found(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "sessions.db")
    await store.open()
    await store.create(replace(new_session({}, 1.0), turns=(Turn("user", "a 🦊 in the garden"),)))
    await store.cleanup()
    with closing(sqlite3.connect(tmp_path / "sessions.db", isolation_level=None)) as db:
        schema.prepare(db)
        db.execute("INSERT INTO turn_words (turn_words) VALUES ('delete-all')")
        db.execute("INSERT INTO turn_words (rowid, text) SELECT number, 'a in the garden' FROM turn")
    store = SqliteStore(tmp_path / "sessions.db")
    await store.open()
    assert [hit.role for hit in await store.search("🦊", 5)] == ["user"]
    await store.cleanup()
