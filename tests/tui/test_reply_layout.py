"""How the parts of a reply stand on the screen: columns of tables as they are aligned, and lines no longer than they read well."""

from __future__ import annotations

from typing import Any

import pytest
from textual.widgets.markdown import MarkdownBlock

from tests.tui.driving import running, until
from tests.tui.scripted import ScriptedCore
from vita_tui.events import ReplyDelta, ReplyFinished, UserSaid
from vita_tui.settings import UiSettings
from vita_tui.tui.app import VitaApp
from vita_tui.tui.base_app import REPLY_COLUMNS
from vita_tui.tui.widgets.conversation import Conversation
from vita_tui.tui.widgets.prompt import Prompt
from vita_tui.tui.widgets.reply import column_sides

TABLE = "| bird | count | where |\n|:---|---:|:-:|\n| gull | 1,200 | sea |\n| heron | 7 | pond |\n"
WORDS = "Gulls are clever birds that remember faces and places. " * 12


def _cells(app: VitaApp) -> list[Any]:
    return [cell for content in app.main.query("MarkdownTableContent") for cell in content.children]


@pytest.mark.parametrize("pieces", [[TABLE], TABLE.splitlines(keepends=True), list(TABLE)], ids=len)
async def test_columns_of_a_table_are_aligned_also_while_it_is_written(pieces: list[str]) -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        core.bus.publish(UserSaid(1, "Birds?", spoken=False))
        for piece in pieces:
            core.bus.publish(ReplyDelta(1, piece))
        core.bus.publish(ReplyFinished(1, TABLE, "complete"))
        await until(pilot, lambda: len(_cells(app)) == 9)
        sides = [cell.styles.text_align for cell in _cells(app)]
        assert sides == ["left", "right", "center"] * 3
        number = _cells(app)[7]
        [row] = number.render_lines(number.region.reset_offset)
        assert row.text.endswith(" 7 ")


@pytest.mark.parametrize(
    ("source", "sides"),
    [
        ("| a | b |\n|---|---:|\n| 1 | 2 |", [None, "right"]),
        ("a | b\n:-: | :--", ["center", "left"]),
        ("> | a |\n> | -: |", ["right"]),
        ("| a | b |\n|---|", [None]),
        ("", [None]),
    ],
)
def test_the_second_line_tells_how_columns_stand(source: str, sides: list[str | None]) -> None:
    assert column_sides(source) == sides


async def test_lines_are_as_long_as_they_read_well() -> None:
    core = ScriptedCore(reply=f"{WORDS}\n\n- {WORDS}\n\n```\n{WORDS}\n```\n\n> {WORDS}")
    async with running(core, size=(200, 50)) as (app, pilot):
        await pilot.press(*"gulls?", "enter")
        await until(pilot, lambda: len(_blocks(app)) == 4)
        await until(pilot, lambda: _widths(app)[0] == 100)
        words, items, code, quote = _widths(app)
        assert max(words, items, quote) == 100 < code
        app.change("ui.columns", 60)
        await until(pilot, lambda: _widths(app)[0] == 60)
        app.change("ui.columns", 0)
        await until(pilot, lambda: _widths(app)[0] > 100)


async def test_what_fits_has_no_more_below() -> None:
    async with running(ScriptedCore(reply=f"{TABLE}\n\nThe end."), size=(160, 45)) as (app, pilot):
        await pilot.press(*"gulls?", "enter")
        await until(pilot, lambda: len(_blocks(app)) == 2)
        assert app.main.query_one(Conversation).max_scroll_y == 0
        await until(pilot, lambda: not app.main.query_one(Prompt).border_title)


def test_the_styles_begin_with_the_default_of_the_setting() -> None:
    assert UiSettings().columns == REPLY_COLUMNS


def _blocks(app: VitaApp) -> list[MarkdownBlock]:
    return list(app.main.query("Drawn > MarkdownBlock").results(MarkdownBlock))


def _widths(app: VitaApp) -> list[int]:
    return [block.outer_size.width for block in _blocks(app)]
