"""What has left the screen is forgotten, however often it comes and goes."""

from __future__ import annotations

import gc
from collections import Counter

import pytest
from textual.dom import DOMNode
from textual.pilot import Pilot

from tests.tui.driving import running
from tests.tui.scripted import ScriptedCore
from vita_tui.tui.app import VitaApp

SCREENS = ("f1", "f2", "f4", "f5", "f8", "ctrl+l", "ctrl+p")
ANSWER = "# Gulls\n\nThey are **clever**, and `loud`.\n\n- fish\n- bread\n\n```python\nprint('gull')\n```\n"


async def _use(app: VitaApp, pilot: Pilot[int]) -> None:
    """Ask, look at every screen and a notice, make the terminal narrow and wide, and begin anew."""
    for question in ("gulls?", "more?"):
        await pilot.press(*question, "enter")
        await pilot.pause()
    for key in SCREENS:
        await pilot.press(key)
        await pilot.pause()
        await pilot.press("escape")
        await pilot.pause()
    app.notify("Something happened.", timeout=0.01)
    for width in (70, 120):
        await pilot.resize_terminal(width, 40)
        await pilot.pause()
    await pilot.press("ctrl+n")
    await pilot.pause()


def _nodes() -> Counter[str]:
    """Everything that Textual could show and that is still in memory, by its class."""
    gc.collect()
    # Not isinstance: it would import what a proxy stands for.
    return Counter(type(one).__name__ for one in gc.get_objects() if issubclass(type(one), DOMNode))


@pytest.mark.slow
async def test_nothing_that_was_shown_is_kept() -> None:
    async with running(ScriptedCore(reply=ANSWER)) as (app, pilot):
        await _use(app, pilot)
        before = _nodes()
        for _ in range(2):
            await _use(app, pilot)
        assert _nodes() - before == Counter()
