"""Commands in the prompt: offered, completed, run; and what only looks like one is a question."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tui.driving import running, text_of, until
from tests.tui.scripted import ScriptedCore, session_of
from vita_tui.events import State
from vita_tui.text.slash import parse
from vita_tui.tui.commands import COMMANDS, find, matching
from vita_tui.tui.screens.help import HelpScreen
from vita_tui.tui.widgets.completions import Completions
from vita_tui.tui.widgets.conversation import Conversation
from vita_tui.tui.widgets.prompt import Prompt


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/help", ("help", "")),
        ("/HELP", ("help", "")),
        ("/rename  A title of mine ", ("rename", "A title of mine")),
        ("/", ("", "")),
        ("/usr/bin/env is what?", None),
        ("/etc/", None),
        ("//help", None),
        ("what is /help", None),
        ("/help\nand more", None),
        ("", None),
    ],
)
def test_what_is_a_command(text: str, expected: tuple[str, str] | None) -> None:
    assert parse(text) == expected


def test_names_are_found_by_their_beginning_first() -> None:
    assert [command.name for command in matching("co")][:2] == ["copy", "code"]
    assert matching("xyz") == []
    assert len(matching("")) == len(COMMANDS) == len({command.name for command in COMMANDS})
    assert all(find(command.name) is command for command in COMMANDS)


async def test_a_command_is_offered_completed_and_run() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        offered = app.main.query_one(Completions)
        await pilot.press("slash", "h")
        await until(pilot, lambda: offered.display)
        assert text_of(offered).splitlines()[0].startswith("▸ /history")
        await pilot.press("down")
        assert offered.chosen is not None
        assert offered.chosen.name == "hands-free"
        await pilot.press("e", "tab")
        prompt = app.main.query_one(Prompt)
        assert prompt.text == "/help"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        assert core.asked == []
        assert prompt.text == ""
        assert not offered.display


async def test_enter_runs_what_is_marked_and_escape_dismisses_it() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        offered = app.main.query_one(Completions)
        await pilot.press("slash", "n", "e")
        await until(pilot, lambda: offered.display)
        await pilot.press("escape")
        assert not offered.display
        assert app.main.query_one(Prompt).text == "/ne"
        await pilot.press("w", "enter")
        await until(pilot, lambda: app.main.query_one(Prompt).text == "")
        assert core.asked == []
        assert core.stops == 0


@pytest.mark.parametrize("text", ["/nonsense", "/help me", "/rename"])
async def test_what_cannot_be_run_is_said_and_never_asked(text: str) -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        app.main.query_one(Prompt).put(text)
        await pilot.press("escape", "enter")
        await pilot.pause()
        assert core.asked == []
        assert not isinstance(app.screen, HelpScreen)


@pytest.mark.parametrize(("text", "asked"), [("//help", "/help"), ("/usr/bin is what?", "/usr/bin is what?")])
async def test_a_question_may_begin_with_a_slash(text: str, asked: str) -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        app.main.query_one(Prompt).put(text)
        await pilot.press("enter")
        await until(pilot, lambda: core.asked == [asked])


async def test_the_last_question_is_asked_again_and_edited() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        await pilot.press(*"hello", "enter")
        await until(pilot, lambda: app.main.query_one(Conversation).last_question is not None)
        await pilot.press(*"/retry", "enter")
        await until(pilot, lambda: core.asked == ["hello", "hello"])
        await pilot.press(*"/edit", "enter")
        await until(pilot, lambda: app.main.query_one(Prompt).text == "hello")


async def test_a_conversation_is_renamed_and_exported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    core = ScriptedCore()
    core.session = session_of("Where do gulls sleep?", "On roofs.")
    async with running(core) as (app, pilot):
        app.main.query_one(Prompt).put("/rename Birds of the coast")
        await pilot.press("enter")
        await until(pilot, lambda: core.session is not None and core.session.title == "Birds of the coast")
        await pilot.press(*"/export gulls.md", "enter")
        await until(pilot, (tmp_path / "gulls.md").exists)
        assert "On roofs." in (tmp_path / "gulls.md").read_text()
        await pilot.press(*"/export gulls.md", "enter")
        await until(pilot, lambda: any("exists already" in toast.message for toast in app._notifications))


async def test_a_question_mark_alone_is_help_and_in_a_text_it_is_typed() -> None:
    async with running() as (app, pilot):
        await pilot.press("h", "question_mark")
        assert app.main.query_one(Prompt).text == "h?"
        await pilot.press("backspace", "backspace", "question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))


async def test_control_c_twice_and_control_d_leave() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        await pilot.press("ctrl+c")
        assert not app.quitting
        await pilot.press("ctrl+c")
        await until(pilot, lambda: app.quitting)
    async with running(ScriptedCore()) as (app, pilot):
        await pilot.press("a", "left", "ctrl+d")
        assert app.main.query_one(Prompt).text == ""
        assert not app.quitting
        await pilot.press("ctrl+d")
        await until(pilot, lambda: app.quitting)


async def test_the_voice_is_paused_and_led_by_keys_and_commands() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        await pilot.press("f6")
        assert core.steered == [], "nothing sounds"
        core.become(State.SPEAKING)
        await pilot.press("f6", "f6", "alt+left", "alt+right", *"/back", "enter")
        await until(pilot, lambda: core.steered == ["pause", "unpause", "back", "forward", "back"])
        assert app.main.query_one(Prompt).text == ""


@pytest.mark.parametrize(
    ("command", "key", "values"), [("louder", "tts.volume", [1.0, 1.0]), ("slower", "tts.rate", [0.9, 0.8])]
)
async def test_the_voice_is_changed_step_by_step(command: str, key: str, values: list[float]) -> None:
    core = ScriptedCore()
    async with running(core) as (_, pilot):
        await pilot.press(*f"/{command}", "enter", *f"/{command}", "enter")
        await until(pilot, lambda: core.changed == [(key, value) for value in values])
