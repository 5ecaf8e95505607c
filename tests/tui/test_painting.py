"""What a word or a key costs the screen: counted."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from textual._compositor import Compositor

from tests.tui.driving import running, until
from tests.tui.scripted import ScriptedCore
from vita_tui.events import ReplyDelta, State, UserSaid
from vita_tui.tui.widgets.prompt import Prompt
from vita_tui.tui.widgets.reply import Drawn, Reply

STORY = "The wind blew hard, and the ship went on into the night with all of its crew awake. " * 4

IN_A_ROW = 4
"""Words or keys without a layout: before them the screen may still settle, and once in a while a clock on it takes a new line."""


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many layouts were made."""
    counted: Counter[str] = Counter()
    reflow = Compositor.reflow

    def count_reflow(self: Compositor, *arguments: Any) -> Any:
        counted["layouts"] += 1
        return reflow(self, *arguments)

    monkeypatch.setattr(Compositor, "reflow", count_reflow)
    return counted


async def test_words_that_begin_no_new_line_ask_for_no_layout(counts: Counter[str]) -> None:
    async with running() as (app, pilot):
        bridge = app.main.bridge
        bridge(UserSaid(1, "Tell me a story.", False))
        bridge(ReplyDelta(1, "It was a dark"))
        await until(pilot, lambda: [one.source for one in app.main.query(Reply)] == ["It was a dark"])
        await pilot.pause()
        told, quiet, longest = "It was a dark", 0, 0
        for word in " and| stormy| night|,| and| it| had| been| so| all| day|.".split("|"):
            told += word
            counts.clear()
            bridge(ReplyDelta(1, word))
            await until(pilot, lambda told=told: app.main.query_one(Drawn).source == told)  # type: ignore[misc]
            await pilot.pause()
            quiet = 0 if counts["layouts"] else quiet + 1
            longest = max(longest, quiet)
        assert longest >= IN_A_ROW
        bridge(ReplyDelta(1, " " + STORY))
        await until(pilot, lambda: app.main.query_one(Drawn).source == told + " " + STORY)
        await pilot.pause()
        assert counts["layouts"] > 0
        assert app.main.query_one(Reply).size.height > 1


async def test_a_key_asks_for_no_layout(counts: Counter[str]) -> None:
    core = ScriptedCore(reply="- one\n- two\n- three")
    async with running(core) as (app, pilot):
        app.ask("Three things?")
        await until(pilot, lambda: core.state is State.IDLE and bool(app.main.query(Reply)))
        typed, quiet, longest = "", 0, 0
        for letter in "abcdefghijkl":
            typed += letter
            counts.clear()
            await pilot.press(letter)
            await until(pilot, lambda typed=typed: app.main.query_one(Prompt).text == typed)  # type: ignore[misc]
            await pilot.pause()
            quiet = 0 if counts["layouts"] else quiet + 1
            longest = max(longest, quiet)
        assert longest >= IN_A_ROW
