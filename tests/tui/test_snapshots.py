"""How it looks: few pictures, each of a state that people see often. `pytest tests/tui --snapshot-update` draws them anew."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.tui.driving import scripted_app, text_of, until
from tests.tui.scripted import READY, ScriptedCore
from vita_tui.events import (
    ClauseStarted,
    EngineStatus,
    Health,
    Heard,
    LevelChanged,
    PartialTranscript,
    ReplyDelta,
    ReplyFinished,
    State,
    UserSaid,
)
from vita_tui.tui.widgets.partial import PartialLine
from vita_tui.tui.widgets.prompt import Prompt
from vita_tui.tui.widgets.status import StatusLine

Compare = Callable[..., bool]
REPLY = "Gulls are **clever** birds. They remember:\n\n- faces\n- places\n\n```python\nprint('gull')\n```\n\nAsk me more."


async def _still(core: ScriptedCore, pilot: Pilot[Any]) -> None:
    await until(pilot, lambda: core.state is State.IDLE)
    pilot.app.main.query_one(Prompt).cursor_blink = False  # type: ignore[attr-defined]
    for status in READY:
        core.bus.publish(status)
    await pilot.pause()


def _answered(core: ScriptedCore) -> Callable[[Pilot[Any]], Awaitable[None]]:
    async def before(pilot: Pilot[Any]) -> None:
        await _still(core, pilot)
        app: Any = pilot.app
        app.ask("What do you know about gulls?")
        await until(pilot, lambda: "283 ms" in text_of(app.main.query_one(StatusLine)))
        await until(pilot, lambda: bool(app.main.query("MarkdownFence")))
        await pilot.pause()

    return before


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light"])
@pytest.mark.parametrize("size", [(80, 24), (160, 45)])
def test_an_answer(snap_compare: Compare, size: tuple[int, int], theme: str) -> None:
    core = ScriptedCore(reply=REPLY)
    assert snap_compare(scripted_app(core, theme=theme), terminal_size=size, run_before=_answered(core))


def test_the_first_screen(snap_compare: Compare) -> None:
    core = ScriptedCore()

    async def before(pilot: Pilot[Any]) -> None:
        await _still(core, pilot)

    assert snap_compare(scripted_app(core), terminal_size=(80, 24), run_before=before)


def test_listening_while_a_voice_rests_and_after_an_interruption(snap_compare: Compare) -> None:
    core = ScriptedCore()

    async def before(pilot: Pilot[Any]) -> None:
        await _still(core, pilot)
        app: Any = pilot.app
        core.bus.publish(
            EngineStatus("tts", "piper", Health.DISABLED, False, "piper timed out (2 times)", 28.0)
        )
        core.bus.publish(
            EngineStatus("tts", "pyttsx3", Health.READY, True, last_ms=12, median_ms=11, place=1)
        )
        core.bus.publish(UserSaid(1, "Tell me about gulls.", True))
        core.bus.publish(ReplyDelta(1, "Gulls are clever birds that live by the sea."))
        core.bus.publish(ClauseStarted(1, 0, "Gulls are clever birds", "pyttsx3"))
        core.bus.publish(ReplyFinished(1, "Gulls are clever birds that live by the sea.", "interrupted"))
        core.bus.publish(Heard(1, "Gulls are clever birds", " that live by the sea.", True))
        await until(pilot, lambda: any("spoken to" in text_of(line) for line in app.main.query(".facts")))
        app.talk()
        core.bus.publish(LevelChanged(-23.0, 0.9))
        core.bus.publish(PartialTranscript("No, tell me about", "herons", 1.4, 0.2))
        await until(pilot, lambda: "herons" in text_of(app.main.query_one(PartialLine)))
        await pilot.pause()

    assert snap_compare(scripted_app(core), terminal_size=(120, 30), run_before=before)


def test_the_help(snap_compare: Compare) -> None:
    core = ScriptedCore()

    async def before(pilot: Pilot[Any]) -> None:
        await _still(core, pilot)
        await pilot.press("f1")
        await until(pilot, lambda: pilot.app.screen is not pilot.app.main)  # type: ignore[attr-defined]

    assert snap_compare(scripted_app(core), terminal_size=(100, 40), run_before=before)
