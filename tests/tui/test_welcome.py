"""The empty conversation: what can be tried at first, and the last conversations later."""

from __future__ import annotations

import pytest
from textual.widgets import Static

from tests.tui.driving import running, text_of, until
from tests.tui.scripted import ScriptedCore, ScriptedShelf, session_of
from tests.tui.test_screens import ScriptedWeights
from vita_tui.events import EngineStatus, Health, LevelChanged
from vita_tui.tui.app import VitaApp
from vita_tui.tui.widgets.panel import EngineRows, Panel
from vita_tui.tui.widgets.welcome import RecentConversation, Welcome


def first(app: VitaApp) -> Static:
    return app.main.query_one("#welcome-first", Static)


async def test_the_first_start_shows_what_can_be_tried_and_goes_with_the_first_question() -> None:
    core = ScriptedCore()
    async with running(core, size=(80, 24)) as (app, pilot):
        await until(pilot, lambda: "What time is it?" in text_of(first(app)))
        assert "fits into memory" in text_of(first(app))
        core.bus.publish(LevelChanged(-50.0, 0.1))
        await until(pilot, lambda: "█" in text_of(first(app)))
        assert "heard" not in text_of(first(app)), "a noise is no voice"
        core.bus.publish(LevelChanged(-20.0, 0.9))
        await until(pilot, lambda: "✓ heard" in text_of(first(app)))
        await pilot.press("alt+v")
        await until(pilot, lambda: len(core.sampled) == 1)
        await pilot.press(*"gulls?", "enter")
        await until(pilot, lambda: not app.main.query_one(Welcome).display)
        await until(pilot, lambda: core.asked == ["gulls?"])
        await pilot.press(*"/welcome", "enter")
        await until(pilot, lambda: app.main.query_one(Welcome).display)
        assert "What time is it?" in text_of(first(app))


@pytest.mark.parametrize("by", ["key", "mouse"])
async def test_later_starts_offer_the_last_conversations(by: str) -> None:
    kept = (session_of(f"question {number}?", "Yes.", name=f"5e55101{number}") for number in range(5))
    core = ScriptedCore(shelf=ScriptedShelf(*kept))
    async with running(core, size=(80, 24)) as (app, pilot):
        await until(pilot, lambda: len(app.main.query(RecentConversation)) == 3)
        await pilot.pause()
        assert not first(app).display
        wanted = app.main.query_one(Welcome).recent[1]
        if by == "key":
            await pilot.press("alt+2")
        else:
            await pilot.click(list(app.main.query(RecentConversation))[1])
        await until(pilot, lambda: core.resumed == [wanted.id])
        await until(pilot, lambda: not app.main.query_one(Welcome).display)


async def test_what_is_being_fetched_is_not_missing_before_it_fails() -> None:
    core, weights = ScriptedCore(), ScriptedWeights()
    async with running(core, weights=weights) as (app, pilot):
        await until(pilot, lambda: core.woken == ["llm"])
        rows = app.main.query_one(Panel).query_one(EngineRows)
        missing = EngineStatus("stt", "base", Health.MISSING, True, "not there yet")
        core.bus.publish(missing)
        await until(pilot, lambda: "being fetched" in text_of(rows))
        assert "✗" not in text_of(rows)
        weights.go_on.set()
        await until(pilot, lambda: not app.main.query("Fetch"))
        core.bus.publish(missing)
        await until(pilot, lambda: "✗" in text_of(rows))
