"""Running the app against a scripted assistant."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from textual.pilot import Pilot
from textual.widgets import Static

from tests.tui.scripted import NOW, READY, ScriptedCore
from vita_tui.clock import FakeClock
from vita_tui.events import State
from vita_tui.tui.app import VitaApp
from vita_tui.tui.core import Core
from vita_tui.tui.memory_use import MemoryUse

__all__ = ["App", "running", "scripted_app", "text_of", "until"]

App = tuple[VitaApp, Pilot[Any]]


def scripted_app(core: ScriptedCore, **keywords: Any) -> VitaApp:
    """The app on `core`, with a clock and a memory that stand still."""

    def build(_: object) -> Core:
        return core

    return VitaApp(
        build, clock=FakeClock(NOW), measure=lambda: MemoryUse(412_000_000, 18_300_000_000), **keywords
    )


async def until(pilot: Pilot[Any], condition: Callable[[], bool], what: str = "") -> None:
    """Let the app work until `condition` holds; fails after a minute."""
    async with asyncio.timeout(60):
        try:
            while not condition():
                await pilot.pause()
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            raise AssertionError(f"it never came about: {what or condition}") from None


@contextlib.asynccontextmanager
async def running(
    core: ScriptedCore | None = None,
    *,
    size: tuple[int, int] = (120, 40),
    notifications: bool = True,
    mishaps: int | None = 0,
    **keywords: Any,
) -> AsyncIterator[App]:
    """The app with a started assistant and all engines ready.

    Args:
        mishaps: how many exceptions are to be met while things are shown: the app lives, the test must not pass by that. None: any.
    """
    scripted = core or ScriptedCore()
    app = scripted_app(scripted, **keywords)
    async with app.run_test(size=size, notifications=notifications) as pilot:
        await until(pilot, lambda: scripted.state is not State.INITIALIZING, "the assistant starts")
        for status in READY:
            scripted.bus.publish(status)
        await pilot.pause()
        yield app, pilot
        assert mishaps in (None, app.mishaps.total), "see the log that was captured"


def text_of(widget: Any) -> str:
    """What a widget shows, as plain text."""
    if isinstance(widget, Static):
        content = widget.render()
        return str(getattr(content, "plain", content))
    return "\n".join(
        "".join(segment.text for segment in strip)
        for strip in widget.render_lines(widget.region.reset_offset)
    )
