"""Earlier conversations as a place: read beside the list, opened at the words, renamed, deleted and brought back, put away."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from textual.content import Content
from textual.pilot import Pilot
from textual.widgets import OptionList, Static

from tests.tui.driving import running, text_of, until
from tests.tui.scripted import ScriptedCore, ScriptedShelf, session_of
from vita_tui.sessions.session import Session, SessionSummary
from vita_tui.tui.app import VitaApp
from vita_tui.tui.history_rows import FOUND, day, line_of, preview, row_of_summary
from vita_tui.tui.screens.history import PAGE, HistoryScreen
from vita_tui.tui.widgets.conversation import Conversation
from vita_tui.tui.widgets.turns import UserTurn

MOON = session_of("How far is the moon?", "384,400 **kilometres**.", name="a" * 8)
TEA = session_of("How long does tea draw?", "Four minutes.", name="b" * 8)
GULLS = session_of(*[f"gulls {number}" for number in range(40)], name="c" * 8)

Opened = tuple[VitaApp, Pilot[Any], ScriptedShelf, OptionList]


@contextlib.asynccontextmanager
async def opened(*sessions: Session, size: tuple[int, int] = (130, 40)) -> AsyncIterator[Opened]:
    shelf = ScriptedShelf(*(sessions or (MOON, TEA, GULLS)))
    async with running(ScriptedCore(shelf=shelf), size=size) as (app, pilot):
        await pilot.press("f4")
        await until(pilot, lambda: isinstance(app.screen, HistoryScreen))
        listing: OptionList = app.screen.query_one(OptionList)
        await until(pilot, lambda: listing.option_count == len(shelf.kept))
        yield app, pilot, shelf, listing


def _preview(app: VitaApp) -> str:
    return text_of(app.screen.query_one("#history-text", Static))


def _note(app: VitaApp) -> str:
    return text_of(app.screen.query_one("#history-note", Static))


def _marked(conversation: Conversation) -> list[str]:
    contents = [block.content for block in conversation.query(Static)]
    return [
        content.plain[span.start : span.end]
        for content in contents
        if isinstance(content, Content)
        for span in content.spans
        if span.style == FOUND
    ]


async def test_what_is_at_the_cursor_is_read_beside_the_list() -> None:
    async with opened() as (app, pilot, _, _):
        await until(pilot, lambda: "384,400" in _preview(app))
        await pilot.press("down", "down")
        await until(pilot, lambda: "Four minutes." in _preview(app))


async def test_a_hit_opens_at_its_words_and_they_are_marked() -> None:
    async with opened() as (app, pilot, _, listing):
        await pilot.press(*"gulls 7")
        await until(pilot, lambda: listing.option_count == 1)
        await until(pilot, lambda: "gulls 7" in _preview(app))
        await pilot.press("enter")
        conversation = app.main.query_one(Conversation)
        await until(pilot, lambda: len(app.main.query(UserTurn)) == 20)

        await until(pilot, lambda: _marked(conversation) == ["gulls", "7"])
        await until(pilot, lambda: conversation.scroll_y < conversation.max_scroll_y - 5)


async def test_a_conversation_is_renamed() -> None:
    async with opened() as (app, pilot, shelf, listing):
        await pilot.press("down", "r")
        await until(pilot, lambda: app.focused is not None and app.focused.id == "history-title")
        await pilot.press("ctrl+a", "ctrl+k", *"Luna", "enter")
        await until(pilot, lambda: shelf.kept[MOON.id].title == "Luna")
        await until(pilot, lambda: "Luna" in str(listing.get_option_at_index(0).prompt))
        await pilot.press("r", "escape")
        await until(pilot, lambda: listing.has_focus)
        assert isinstance(app.screen, HistoryScreen)


async def test_several_are_deleted_and_brought_back() -> None:
    async with opened() as (app, pilot, shelf, listing):
        await pilot.press("down", "space", "space")
        await until(pilot, lambda: "2 conversations marked" in _note(app))
        await pilot.press("d")
        await until(pilot, lambda: list(shelf.kept) == [GULLS.id] and listing.option_count == 1)
        await until(pilot, lambda: "u brings them back" in _note(app))
        await pilot.press("u")
        await until(
            pilot, lambda: set(shelf.kept) == {MOON.id, TEA.id, GULLS.id} and listing.option_count == 3
        )


async def test_deleting_the_present_conversation_leaves_it() -> None:
    async with opened(MOON) as (app, pilot, shelf, _listing):
        assert app.core is not None
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is app.main and bool(app.main.query(UserTurn)))
        await pilot.press("f4")
        await until(pilot, lambda: isinstance(app.screen, HistoryScreen))
        await until(pilot, lambda: app.screen.query_one(OptionList).option_count == 1)
        await pilot.press("down", "d")
        await until(pilot, lambda: not shelf.kept and app.core is not None and app.core.session is None)
        assert not app.main.query(UserTurn)


async def test_what_is_archived_is_seen_apart_and_put_back() -> None:
    async with opened() as (_app, pilot, shelf, listing):
        await pilot.press("down", "a")
        await until(pilot, lambda: shelf.kept[MOON.id].archived and listing.option_count == 2)
        await pilot.press("v")
        await until(
            pilot, lambda: listing.option_count == 1 and "moon" in str(listing.get_option_at_index(0).prompt)
        )
        await pilot.press("a")
        await until(pilot, lambda: not shelf.kept[MOON.id].archived)


async def test_a_conversation_is_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with opened() as (_, pilot, _, _):
        await pilot.press("down", "e")
        file = tmp_path / f"vita-{MOON.id}.md"
        await until(pilot, file.exists)
        assert "384,400" in file.read_text()


async def test_a_long_list_grows_when_its_end_is_reached() -> None:
    sessions = [session_of(f"question {number}", name=f"{number:08}") for number in range(PAGE + 50)]
    shelf = ScriptedShelf(*sessions)
    async with running(ScriptedCore(shelf=shelf)) as (app, pilot):
        await pilot.press("f4")
        await until(pilot, lambda: isinstance(app.screen, HistoryScreen))
        listing = app.screen.query_one(OptionList)
        await until(pilot, lambda: listing.option_count == PAGE)
        await pilot.press("down", "end")
        await until(pilot, lambda: listing.option_count == PAGE + 50)


NOW = datetime(2026, 11, 28, 12, 0).timestamp()
DAYS = [
    (datetime(2026, 11, 28, 0, 5), "Today"),
    (datetime(2026, 11, 29, 0, 5), "Today"),
    (datetime(2026, 11, 27, 23, 59), "Yesterday"),
    (datetime(2026, 11, 24, 9, 0), "Tuesday"),
    (datetime(2026, 11, 2, 9, 0), "This month"),
    (datetime(2026, 10, 30, 9, 0), "Last weeks"),
    (datetime(2026, 3, 1, 9, 0), "March 2026"),
]


@pytest.mark.parametrize(("moment", "heading"), DAYS, ids=[heading for _, heading in DAYS])
def test_conversations_stand_under_their_day(moment: datetime, heading: str) -> None:
    assert day(moment.timestamp(), NOW) == heading


def test_a_moment_that_is_none_has_a_heading() -> None:
    assert day(float("inf"), NOW) == "January 1970"


def test_a_day_is_named_once() -> None:
    first = row_of_summary(SessionSummary("a", "One", NOW, NOW, 2, 0, 1))
    second = replace(first, id="b", title="Two")
    assert line_of(first, None, NOW).plain.startswith("Today\nOne")
    assert line_of(second, first, NOW, marked=True).plain.startswith("● Two")


def test_the_preview_begins_where_the_words_are() -> None:
    before, text = preview(GULLS, "c" * 8 + "20", "gulls 20")
    assert "17 earlier turns" in before.plain
    assert text.plain.startswith("You\ngulls 20")
    assert "8 later turns" in text.plain
    assert {text.plain[span.start : span.end] for span in text.spans if span.style == FOUND} == {
        "gulls",
        "20",
    }
