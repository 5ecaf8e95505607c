"""What the window around the screen shows: the title by state, and a notice where nobody looks. The cases are in terminal_window.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from textual import events

from tests.tui.driving import running, until
from tests.tui.scripted import ScriptedCore
from vita_tui.events import SettingChanged, State
from vita_tui.tui import terminal_notices
from vita_tui.tui.terminal_notices import KEEP_TITLE, OLD_TITLE

CASES = tomllib.loads(Path(__file__).with_name("terminal_window.toml").read_text("utf-8"))["notice"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["about"])
def test_notice(case: dict[str, Any]) -> None:
    sent = terminal_notices.notice("The reply is done.", case["notify"], case["environment"])
    assert sent == case["sent"]


async def test_the_title_has_the_state_and_a_notice_comes_only_where_nobody_looks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[str] = []
    core = ScriptedCore()
    core.settings.ui.notify = "bell"
    async with running(core) as (app, pilot):
        monkeypatch.setattr(app, "tell_terminal", told.append)
        await pilot.press(*"gulls?", "enter")
        await until(pilot, lambda: any("○ ready · VITA · gulls?" in one for one in told))
        core.become(State.LISTENING)
        await until(pilot, lambda: any("● listening · VITA" in one for one in told))
        core.become(State.IDLE)
        assert sum(KEEP_TITLE in one for one in told) <= 1
        assert "\a" not in told, "the terminal is looked at"
        app.post_message(events.AppBlur())
        await until(pilot, lambda: not app.app_focus)
        app.ask("herons?")
        await until(pilot, lambda: "\a" in told)
        core.settings.ui.title = False
        core.bus.publish(SettingChanged("ui.title", False))
        await until(pilot, lambda: told[-1] == OLD_TITLE)
        core.bus.publish(SettingChanged("ui.panel", False))
        await until(pilot, lambda: app.main.has_class("panel-off"))


async def test_a_name_of_a_conversation_cannot_command_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    async with running() as (app, pilot):
        monkeypatch.setattr(app, "tell_terminal", told.append)
        app.ask("gulls\x1b]52;c;x\x07 and \x9b2J")
        await until(pilot, lambda: any("gulls" in one for one in told))
        for one in told:
            words = one.replace(KEEP_TITLE, "").removeprefix("\x1b]2;").removesuffix("\x1b\\")
            assert words.isprintable(), ascii(one)
