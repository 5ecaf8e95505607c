"""What a word or a key costs the screen: counted, and drawn exactly as Textual would draw it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from textual._compositor import Compositor

from tests.tui.driving import running, until
from tests.tui.scripted import ScriptedCore
from vita_tui.events import LevelChanged, ReplyDelta, ReplyFinished, State, UserSaid
from vita_tui.tui.compositor import LeanCompositor
from vita_tui.tui.widgets.prompt import Prompt
from vita_tui.tui.widgets.reply import Reply

STORY = "The wind blew hard, and the ship went on into the night with all of its crew awake. " * 4


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Layouts, and widgets that were rendered."""
    counted: Counter[str] = Counter()
    reflow, renders = Compositor.reflow, LeanCompositor._get_renders

    def count_reflow(self: Compositor, *arguments: Any) -> Any:
        counted["layouts"] += 1
        return reflow(self, *arguments)

    def count_renders(self: LeanCompositor, crop: Any = None) -> Any:
        for one in renders(self, crop):
            counted["widgets"] += 1
            yield one

    monkeypatch.setattr(Compositor, "reflow", count_reflow)
    monkeypatch.setattr(LeanCompositor, "_get_renders", count_renders)
    return counted


async def test_words_that_begin_no_new_line_ask_for_no_layout(counts: Counter[str]) -> None:
    async with running() as (app, pilot):
        bridge = app.main.bridge
        bridge(UserSaid(1, "Tell me a story.", False))
        bridge(ReplyDelta(1, "It was a dark"))
        await until(pilot, lambda: [one.source for one in app.main.query(Reply)] == ["It was a dark"])
        await pilot.pause()
        counts.clear()
        told = "It was a dark"
        for word in (" and", " stormy", " night", "."):
            told += word
            bridge(ReplyDelta(1, word))
            await until(pilot, lambda told=told: app.main.query_one(Reply).source == told)  # type: ignore[misc]
            await pilot.pause()
        assert counts["layouts"] == 0
        bridge(ReplyDelta(1, " " + STORY))
        await until(pilot, lambda: app.main.query_one(Reply).source == told + " " + STORY)
        await pilot.pause()
        assert counts["layouts"] > 0
        assert app.main.query_one(Reply).size.height > 1


async def test_a_key_renders_the_prompt_and_what_it_lies_in(counts: Counter[str]) -> None:
    core = ScriptedCore(reply="- one\n- two\n- three")
    async with running(core) as (app, pilot):
        app.ask("Three things?")
        await until(pilot, lambda: core.state is State.IDLE and bool(app.main.query(Reply)))
        await pilot.press("a")
        await pilot.pause()
        counts.clear()
        await pilot.press("b")
        await until(pilot, lambda: app.main.query_one(Prompt).text == "ab")
        await pilot.pause()
        assert counts["layouts"] == 0
        # The screen, its two containers, the prompt; the cursor may blink once more.
        assert counts["widgets"] <= 2 * 5, counts


async def test_it_draws_what_textual_would(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every partial update of a lively minute is drawn a second time by Textual's own code."""
    ours = LeanCompositor._get_renders
    compared = 0

    def update(self: LeanCompositor) -> Any:
        nonlocal compared
        dirty = self._dirty_regions.copy()
        mine = Compositor.render_partial_update(self)
        monkeypatch.setattr(LeanCompositor, "_get_renders", Compositor._get_renders)
        self._dirty_regions = dirty
        theirs = Compositor.render_partial_update(self)
        monkeypatch.setattr(LeanCompositor, "_get_renders", ours)
        if mine is not None and theirs is not None:
            compared += 1
            from textual._context import active_app

            console = active_app.get().console
            assert mine.render_segments(console) == theirs.render_segments(console)
        return mine

    monkeypatch.setattr(LeanCompositor, "render_partial_update", update, raising=False)
    core = ScriptedCore(reply="# Head\n\nText\n\n- one\n- two\n\n```python\nprint(1)\n```")
    async with running(core) as (app, pilot):
        for turn, width in enumerate((80, 120)):
            app.ask(f"Question {turn}?")
            await until(pilot, lambda: core.state is State.IDLE)
            await pilot.press("x", "y", "enter", "f3")
            core.become(State.LISTENING)
            core.bus.publish(LevelChanged(-30.0, 0.9))
            await pilot.resize_terminal(width, 24)
            core.become(State.IDLE)
        core.bus.publish(UserSaid(90, "More?", True))
        told = ""
        for word in STORY.split(" ")[:12]:
            told += word + " "
            core.bus.publish(ReplyDelta(90, word + " "))
            await until(pilot, lambda told=told: app.main.query(Reply).last().source == told)  # type: ignore[misc]
        core.bus.publish(ReplyFinished(90, told, "complete"))
        await pilot.pause()
    assert compared > 10
