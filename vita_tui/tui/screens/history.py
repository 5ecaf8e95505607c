"""Earlier conversations: found by their words, gone on with by enter."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from vita_tui.errors import VitaError
from vita_tui.tui.formatting import ago, clean, count, one_line
from vita_tui.tui.look import MUTED
from vita_tui.tui.screens.base import Sheet
from vita_tui.tui.widgets.typing import Line

__all__ = ["HistoryScreen"]

SHOWN_SESSIONS = 100
SEARCH_DELAY = 0.15
"""Seconds without a key before the words are searched for."""


class HistoryScreen(Sheet):
    HEADING = "History"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "list", "List", id="history.list", tooltip="From the words to the list", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._ids: list[str] = []
        self._finding = False
        self._entered = False
        """Enter was pressed before what it is meant for was found."""

    def content(self) -> ComposeResult:
        yield Line(placeholder="Words to look for", id="history-words")
        yield OptionList(id="history-list", markup=False)
        yield Static("", id="history-note")

    def ways(self) -> str:
        return "enter continues it · esc closes"

    def on_mount(self) -> None:
        self._look("")

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        self._entered = False
        self._look(event.value)

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self._entered = True
        self._go_on()

    def _go_on(self) -> None:
        """With the first that was found, once it is."""
        if self._entered and not self._finding:
            self._entered = False
            if self._ids:
                self._resume(self._ids[0])

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self._resume(self._ids[event.option_index])

    def action_list(self) -> None:
        self.query_one(OptionList).focus()

    def _look(self, words: str) -> None:
        self._finding = True

        # Called, not awaited yet: one that is replaced before it begins leaves nothing behind.
        find: Any = partial(self._find, words.strip())
        self.run_worker(find, group="find", exclusive=True)

    async def _find(self, words: str) -> None:
        core = self.app.core
        if core is None:
            return
        if words:
            await asyncio.sleep(SEARCH_DELAY)
        try:
            if words:
                hits = await core.sessions.search(words, SHOWN_SESSIONS)
                found = [(hit.session_id, _hit(hit)) for hit in hits]
            else:
                found = [
                    (summary.id, _summary(summary)) for summary in await core.sessions.list(SHOWN_SESSIONS)
                ]
        except VitaError as error:
            self._say(f"✗ {error}")
            found = []
        else:
            nothing = "Nothing was said with these words." if words else "No conversation is kept yet."
            self._say("" if found else nothing)
        if not self.query(OptionList):
            return
        listing = self.query_one(OptionList)
        self._ids = [session_id for session_id, _ in found]
        listing.clear_options()
        listing.add_options([Option(content) for _, content in found])
        if found:
            listing.highlighted = 0
        self._finding = False
        self._go_on()

    def _say(self, words: str) -> None:
        for note in self.query("#history-note").results(Static):  # none when the screen was closed meanwhile
            note.update(Content(clean(words)))
            note.display = bool(words)

    def _resume(self, session_id: str) -> None:
        if self.close():
            self.app.spawn(self.app.resume(session_id), "resume")


def _summary(summary: Any) -> Content:
    facts = f"{ago(time.time() - summary.last_active)} · {count(summary.turns, 'turn')}"
    return Content.assemble((one_line(summary.title, 70) or "Untitled", "bold"), "\n", (facts, MUTED), "\n")


def _hit(hit: Any) -> Content:
    who = {"user": "you", "assistant": "VITA"}.get(hit.role, "title")
    snippet = Content(" ".join(hit.snippet.split("\n")))
    for start, end in hit.marks:
        snippet = snippet.stylize("bold $text-accent", start, end)
    return Content.assemble(
        (one_line(hit.title, 50) or "Untitled", "bold"),
        (f"  {ago(time.time() - hit.started)}", MUTED),
        "\n",
        (f"{who}: ", MUTED),
        snippet,
        "\n",
    )
