"""Tools on the screen: a line for each call, and the question whether one may be made."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tui.driving import App, running, text_of, until
from tests.tui.scripted import ScriptedCore
from vita_tui.clock import FakeClock
from vita_tui.events import ToolAnswered, ToolAsked, ToolFinished, ToolProgress, ToolStarted, UserSaid
from vita_tui.sessions.kept_calls import CALLS, KeptCall
from vita_tui.sessions.session import Turn
from vita_tui.settings import file as settings_file
from vita_tui.tui.widgets.conversation import Conversation
from vita_tui.tui.widgets.prompt import Prompt
from vita_tui.tui.widgets.reply import Reply
from vita_tui.tui.widgets.tool_lines import ToolLine, ToolQuestion
from vita_tui.tui.widgets.turns import AssistantTurn

ACTS = ToolAsked(1, "1.1", "run_command", "VITA", "command: rm -r build", "act")
LOOKS = ToolAsked(1, "1.2", "list_commits", "git", "", "look")


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITA_HOME", str(tmp_path))


async def asked(app: App, core: ScriptedCore, event: ToolAsked) -> ToolQuestion:
    """The question, on the screen and old enough to be answered."""
    vita, pilot = app
    question = vita.main.query_one(ToolQuestion)
    core.bus.publish(event)
    await until(pilot, lambda: question.display and question.asked is event, "it is asked")
    clock = question._clock
    assert isinstance(clock, FakeClock)
    clock.advance(1.0)
    return question


@pytest.mark.parametrize(("key", "decision"), [("y", "yes"), ("n", "no"), ("a", "always")])
async def test_a_key_decides(key: str, decision: str) -> None:
    core = ScriptedCore()
    async with running(core) as app:
        question = await asked(app, core, ACTS)
        shown = text_of(question.children[0])
        assert "command: rm -r build" in shown
        assert "run_command" in shown
        assert question.has_focus
        await app[1].press(key)
        await until(app[1], lambda: core.allowed == [("1.1", decision)])
        core.bus.publish(ToolAnswered(1, "1.1", decision))
        await until(app[1], lambda: not question.display)
        await until(app[1], lambda: app[0].main.query_one(Prompt).has_focus, "the prompt is back")


async def test_a_key_that_was_on_its_way_decides_nothing() -> None:
    core = ScriptedCore()
    async with running(core) as (vita, pilot):
        question = vita.main.query_one(ToolQuestion)
        core.bus.publish(ACTS)
        await until(pilot, lambda: question.has_focus)
        await pilot.press("y")
        await pilot.pause()
        assert core.allowed == []


async def test_who_types_goes_on_typing() -> None:
    core = ScriptedCore()
    async with running(core) as app:
        _, pilot = app
        await pilot.press("h", "i")
        question = await asked(app, core, ACTS)
        await pilot.press("y")
        assert app[0].main.query_one(Prompt).text == "hiy"
        assert core.allowed == []
        await pilot.press("f7")
        await until(pilot, lambda: question.has_focus)
        await pilot.press("n")
        await until(pilot, lambda: core.allowed == [("1.1", "no")])


async def test_all_that_only_looks_may_be_allowed_for_good() -> None:
    core = ScriptedCore()
    async with running(core) as app:
        await asked(app, core, ACTS)
        await app[1].press("r")
        await app[1].pause()
        assert core.allowed == [], "what acts is no matter of looking"
        core.bus.publish(ToolAnswered(1, "1.1", "no"))
        await asked(app, core, LOOKS)
        await app[1].press("r")
        await until(app[1], lambda: core.allowed == [("1.2", "looking")])
        await until(app[1], lambda: core.changed == [("tools.read_only", "allow")])
        await until(app[1], lambda: settings_file.read().get("tools") == {"read_only": "allow"})


async def test_escape_stops_while_it_is_asked() -> None:
    core = ScriptedCore()
    async with running(core) as app:
        await asked(app, core, ACTS)
        await app[1].press("escape")
        await until(app[1], lambda: core.stops == 1)
        assert core.allowed == []


async def test_each_call_has_a_line() -> None:
    core = ScriptedCore()
    async with running(core) as (vita, pilot):
        core.bus.publish(UserSaid(1, "What time is it?", False))
        core.bus.publish(ToolStarted(1, "1.1", "time__get_time", "time", "place: Tokyo"))
        core.bus.publish(ToolProgress(1, "1.1", "50%"))
        await until(pilot, lambda: len(vita.main.query(ToolLine)) == 1)
        await until(pilot, lambda: "50%" in text_of(vita.main.query_one(ToolLine)))
        assert "time · get_time" in text_of(vita.main.query_one(ToolLine))
        core.bus.publish(ToolFinished(1, "1.1", "get_time", "time", 1.24, "done", "12:00 [red]in Tokyo"))
        await until(
            pilot,
            lambda: "✓ time · get_time 1.2 s  12:00 [red]in Tokyo" in text_of(vita.main.query_one(ToolLine)),
        )
        core.bus.publish(ToolFinished(1, "1.2", "run_command", "VITA", 0.0, "denied", ""))
        await until(pilot, lambda: len(vita.main.query(ToolLine)) == 2)
        assert "⊘ run_command  not allowed" in text_of(list(vita.main.query(ToolLine))[1])


async def test_calls_are_shown_again_when_a_conversation_is_opened() -> None:
    calls = [
        KeptCall("get_current_time", "time", 0.3, "done", "12:00 in Tokyo"),
        KeptCall("run_command", "VITA", 0.0, "denied", ""),
    ]
    turns = [
        Turn("user", "What time is it?"),
        Turn("assistant", "Noon.", finished=1.0, timings={CALLS: [call.data() for call in calls]}),
    ]
    async with running(ScriptedCore()) as (vita, pilot):
        await vita.main.query_one(Conversation).show(turns)
        await pilot.pause()
        time, command = vita.main.query(ToolLine)
        assert text_of(time) == "✓ time · get_current_time 0.3 s  12:00 in Tokyo"
        assert text_of(command) == "⊘ run_command  not allowed"
        reply = time.parent
        assert isinstance(reply, AssistantTurn)
        assert list(reply.children).index(command) < list(reply.children).index(reply.query_one(Reply))
