"""`vita sessions`: what a person and a script read from it, and what it refuses in words."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from vita_tui.cli.sessions import app
from vita_tui.errors import StoreError
from vita_tui.sessions.manager import SessionManager
from vita_tui.sessions.session import Turn
from vita_tui.sessions.sqlite import SqliteStore

EVIL = "Is \x1b[31m[bold]red[/bold]\x1b[0m\x07 safe?"


def vita(*arguments: str, input: str | None = None) -> Result:  # noqa: A002 - as CliRunner names it
    return CliRunner().invoke(app, list(arguments), input=input, catch_exceptions=True)


def data(*arguments: str) -> Any:
    result = vita(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def ids() -> list[str]:
    """Three conversations, the oldest first."""

    async def talk() -> list[str]:
        manager = SessionManager(SqliteStore())
        await manager.open()
        found = []
        for question in ("How tall is Everest?", EVIL, "What is the capital of France?"):
            session = await manager.create(
                {"llm": {"model": "small", "api_key": "sk-secret"}, "ui": {"theme": "dark"}}
            )
            await manager.append(session.id, Turn("user", question, started=1_700_000_000.0, tokens=5))
            reply = Turn(
                "assistant", "That is a long story. It began early.", heard="That is a long story.", tokens=9
            )
            await manager.append(session.id, reply)
            found.append(session.id)
        await manager.cleanup()
        return found

    return asyncio.run(talk())


def test_nothing_yet_is_said_and_is_no_error() -> None:
    result = vita("list")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "No conversations yet.\n")
    assert data("list") == []


def test_the_list_shows_the_last_used_first(ids: list[str]) -> None:
    lines = vita("list").stdout.splitlines()
    assert [line[:8] for line in lines] == [id_[:8] for id_ in reversed(ids)]
    assert "What is the capital of France?" in lines[0]
    assert [entry["id"] for entry in data("list", "--limit", "1", "--offset", "1")] == [ids[1]]
    assert set(data("list")[0]) == {"id", "title", "created", "last_active", "turns", "tokens"}


@pytest.mark.parametrize(
    "command", [["list"], ["show", "{}"], ["search", "safe"], ["export", "{}", "-f", "txt"]]
)
def test_what_was_said_is_neither_escape_codes_nor_markup(ids: list[str], command: list[str]) -> None:
    result = vita(*(part.format(ids[1]) for part in command))
    assert result.exit_code == 0
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", result.stdout)
    assert "[bold]red[/bold]" in result.stdout


def test_show_tells_heard_from_not_heard(ids: list[str]) -> None:
    assert "VITA: That is a long story. [not heard: It began early.]" in vita("show", ids[0]).stdout
    turns = data("show", ids[0])["turns"]
    assert [(turn["role"], turn["heard"]) for turn in turns] == [
        ("user", None),
        ("assistant", "That is a long story."),
    ]


def test_the_beginning_of_an_id_and_latest_will_do(ids: list[str]) -> None:
    assert data("show", ids[0][:10])["id"] == ids[0]
    assert data("show", "latest")["id"] == ids[2]


def test_an_id_of_nothing_or_of_several_is_a_sentence(ids: list[str]) -> None:
    for wrong in ("zzz", ""):
        result = vita("show", wrong)
        assert isinstance(result.exception, StoreError)
        assert "There is no conversation" in str(result.exception)

    async def one_more() -> None:
        manager = SessionManager(SqliteStore())
        await manager.open()
        from dataclasses import replace

        from vita_tui.sessions.session import new_session

        session = replace(new_session({}, 1.0), id=ids[0][:-1] + "-", turns=(Turn("user", "twin"),))
        await manager.store.create(session)
        await manager.cleanup()

    asyncio.run(one_more())
    result = vita("show", ids[0][:-1])
    assert isinstance(result.exception, StoreError)
    assert "Several conversations begin with" in str(result.exception)
    assert data("show", ids[0])["id"] == ids[0]


def test_search_marks_and_answers_scripts(ids: list[str]) -> None:
    (hit,) = data("search", "capital", "fran")
    assert (hit["session_id"], [hit["snippet"][a:b] for a, b in hit["marks"]]) == (
        ids[2],
        ["capital", "France"],
    )
    nothing = vita("search", "unicorns")
    assert (nothing.exit_code, nothing.stdout) == (1, "")


def test_rename_and_back(ids: list[str]) -> None:
    assert vita("rename", ids[0][:9], "  The  highest \n mountain ").exit_code == 0
    assert data("show", ids[0])["title"] == "The highest mountain"
    assert vita("rename", ids[0], "").exit_code == 0
    assert data("show", ids[0])["title"] == "How tall is Everest?"


def test_export_as_each_format(ids: list[str], tmp_path: Path) -> None:
    markdown = vita("export", ids[0]).stdout
    assert markdown.startswith("# How tall is Everest?\n")
    assert "> That is a long story. It began early.\n\n*Heard up to “That is a long story.”.*" in markdown
    assert "~~" not in markdown
    assert "You: How tall is Everest?" in vita("export", ids[0], "--format", "txt").stdout
    whole = json.loads(vita("export", ids[0], "--format", "json").stdout)
    assert whole["settings"] == {"llm": {"model": "small"}, "ui": {"theme": "dark"}}
    assert "sk-secret" not in json.dumps(whole)
    out = tmp_path / "talk.md"
    assert vita("export", ids[0], "--out", str(out)).exit_code == 0
    assert out.read_text() == markdown
    assert out.stat().st_mode & 0o777 == 0o600


def test_export_keeps_a_file_that_exists_unless_told(ids: list[str], tmp_path: Path) -> None:
    out = tmp_path / "talk.json"
    out.write_text("mine")
    result = vita("export", ids[0], "-f", "json", "-o", str(out))
    assert isinstance(result.exception, StoreError)
    assert out.read_text() == "mine"
    assert vita("export", ids[0], "-f", "json", "-o", str(out), "--force").exit_code == 0
    assert json.loads(out.read_text())["id"] == ids[0]
    missing = vita("export", ids[0], "-o", str(tmp_path / "no" / "folder.md"))
    assert "cannot be written" in str(missing.exception)


def test_delete_asks_only_people_and_is_for_good(ids: list[str]) -> None:
    assert vita("delete", ids[0]).exit_code == 2  # nobody to ask
    assert len(data("list")) == 3
    assert vita("delete", ids[0][:8], "--yes").exit_code == 0
    assert [entry["id"] for entry in data("list")] == [ids[2], ids[1]]
    assert vita("search", "Everest").exit_code == 1


def test_resume_goes_on_with_the_conversation_that_is_meant(
    ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("vita_tui.cli.chat_or_screen.converse", opened.append)
    assert vita("resume", ids[0][:8]).exit_code == 0
    assert opened == [ids[0]]
    assert isinstance(vita("resume", "zzz").exception, StoreError)
    assert opened == [ids[0]]


def test_sweep_removes_only_what_is_empty_and_old(ids: list[str]) -> None:
    async def begin_and_say_nothing() -> None:
        from vita_tui.clock import FakeClock

        manager = SessionManager(SqliteStore(), clock=FakeClock())  # long ago
        await manager.open()
        await manager.create({})
        await manager.cleanup()

    asyncio.run(begin_and_say_nothing())
    assert data("sweep") == {"store": "sqlite", "removed": 1, "kept": 3}
    assert len(data("list")) == 3


def test_stats_try_the_store_and_count_what_was_ever_done(ids: list[str]) -> None:
    figures = data("stats")
    assert (figures["store"], figures["sessions"], figures["probe"]["ok"]) == ("sqlite", 3, True)
    assert (figures["total_created"], figures["total_updated"], figures["total_deleted"]) == (3, 6, 0)
    assert (figures["max_live"], figures["idle_hours"], figures["sweep_seconds"]) == (1000, 24.0, 3600.0)
    assert "probe          works" in vita("stats").stdout


def test_the_memory_store_has_nothing_to_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITA_SESSIONS__STORE", "memory")
    result = vita("list")
    assert isinstance(result.exception, StoreError)
    assert "are not kept" in str(result.exception)


def test_a_damaged_file_is_told_on_stderr(ids: list[str], home: Path) -> None:
    file = home / "data" / "sessions.db"
    whole = file.read_bytes()
    file.write_bytes(bytes(100) + whole[100:])
    result = vita("list", "--json")
    assert (result.exit_code, [one["id"] for one in json.loads(result.stdout)]) == (0, ids[::-1])
    assert "Saved into a new one: 3 conversations with 6 turns" in result.stderr
    assert "sessions.db.damaged-" in result.stderr
    file.write_bytes(b"garbage" * 1000)
    assert isinstance(vita("list").exception, StoreError)  # it only looks
    assert file.read_bytes() == b"garbage" * 1000


@pytest.mark.redis
def test_a_redis_that_is_away_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITA_SESSIONS__STORE", "redis")
    monkeypatch.setenv("VITA_SESSIONS__REDIS_URL", "redis://:pa55word@127.0.0.1:1/0")
    result = vita("list")
    assert isinstance(result.exception, StoreError)
    assert "127.0.0.1:1 does not answer" in str(result.exception)
    assert "pa55word" not in str(result.exception) + result.output
