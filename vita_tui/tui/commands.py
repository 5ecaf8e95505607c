"""What the palette offers: every action by name."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual.app import SystemCommand
from textual.command import DiscoveryHit, Hits
from textual.system_commands import SystemCommandsProvider

from vita_tui.tui.formatting import count, size

if TYPE_CHECKING:
    from vita_tui.tui.app import VitaApp

__all__ = ["ByUse", "commands"]


class ByUse(SystemCommandsProvider):
    """The commands in the order in which they are given, not by the alphabet: what is used most is at the top."""

    async def discover(self) -> Hits:
        for name, help_text, callback, shown in self.app.get_system_commands(self.screen):
            if shown:
                yield DiscoveryHit(name, callback, help=help_text)


def commands(app: VitaApp) -> Iterable[SystemCommand]:
    """All commands that make sense now."""
    main = app.main
    yield SystemCommand("Talk", "Open the microphone, or send what you said", main.action_talk)
    yield SystemCommand("Stop", "Stop speech, reply and recording", main.action_stop)
    yield SystemCommand("Voice or text", "Speak replies aloud, or only show them", main.action_voice)
    yield SystemCommand("New conversation", "Start afresh; this one is kept", main.action_new)
    yield SystemCommand("History", "Find and continue earlier conversations", app.action_history)
    yield SystemCommand("Copy last reply", "Put it on the clipboard", main.action_copy_reply)
    yield SystemCommand(
        "Copy last code block", "Put the code of the last reply on the clipboard", main.action_copy_code
    )
    yield SystemCommand(
        "Timings of the last turn", "Where the time went, stage by stage", main.action_timings
    )
    yield SystemCommand("Panel", "Show or hide the live panel", main.action_panel)
    yield SystemCommand("Settings", "See and change the settings", app.action_settings)
    yield SystemCommand(
        "Diagnostics", "Is everything working? Engines, memory and open resources", app.action_diagnostics
    )
    yield SystemCommand("Log", "What VITA wrote to its log", app.action_log)
    yield SystemCommand("Help", "All keys, and how to talk", app.action_help)
    yield SystemCommand("Theme", "Choose the colours", app.action_change_theme)
    yield SystemCommand("Quit", "Leave VITA", app.action_quit)
    yield SystemCommand("Screenshot", "Save this screen as an SVG picture", app.deliver_screenshot)
    yield SystemCommand(
        "Retry disabled engines",
        "Re-enable every engine now, after a fix",
        lambda: reset_engines(app),
    )
    yield SystemCommand(
        "Fetch missing models", "Download what VITA needs and does not have", lambda: fetch_models(app)
    )
    yield SystemCommand("Clean up", "Close what was left open and end stale helpers", lambda: clean_up(app))


def reset_engines(app: VitaApp) -> None:
    """Let every engine be tried on the next request."""
    if app.core is None:
        return
    for chain in app.core.chains.values():
        chain.reset()
    app.notify("All engines will be retried on the next request.", title="Engines", markup=False)


def fetch_models(app: VitaApp) -> None:
    """Show what is missing and fetch it."""
    from vita_tui.tui.widgets.fetch import offer

    app.spawn(offer(app, always=True), "fetch models")


def clean_up(app: VitaApp) -> None:
    """End what crashed programs left behind, close what leaked here, and give memory back; what is in use stays open."""
    app.spawn(_clean_up(app), "clean up")


async def _clean_up(app: VitaApp) -> None:
    from vita_tui.health.control import standard_answers
    from vita_tui.health.processes import clean_up as end_and_remove

    done = await asyncio.to_thread(end_and_remove)
    here = await asyncio.to_thread(standard_answers()["cleanup"])
    closed = len(here["leaks"]) - len(here["remaining"])
    words = f"{count(len(done.ended), 'stale helper')} ended, {count(len(done.removed), 'file')} removed, "
    words += f"{count(closed, 'leak')} closed, {size(max(0, here['freed']))} freed."
    if failed := len(done.stubborn) + len(done.kept) + len(here["remaining"]):
        words += f" {failed} could not be: see the log."
    app.notify(words, title="Clean up", markup=False)
