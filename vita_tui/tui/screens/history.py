"""Earlier conversations: found by their words, read beside the list, gone on with by enter, and put in order."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from vita_tui.errors import VitaError
from vita_tui.sessions.session import Session
from vita_tui.tui.formatting import clean, count
from vita_tui.tui.history_rows import HistoryRow, line_of, preview, row_of_hit, row_of_summary
from vita_tui.tui.screens.base import Sheet
from vita_tui.tui.widgets.typing import Line

__all__ = ["HistoryScreen"]

PAGE = 200
"""Conversations that are listed at once; more when the end of the list is reached."""
SEARCH_DELAY = 0.15
"""Seconds without a key before the words are searched for."""
PREVIEW_DELAY = 0.08
"""Seconds on a conversation before it is read."""


class KeptList(OptionList):
    """The list, with what can be done with its conversations."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "space", "screen.mark", "Mark", id="history.mark", tooltip="Mark, to do something with several"
        ),
        Binding("r", "screen.rename", "Rename", id="history.rename", tooltip="Give it another title"),
        Binding("d", "screen.delete", "Delete", id="history.delete", tooltip="Delete; u brings it back"),
        Binding("u", "screen.undo", "Undo", id="history.undo", tooltip="Bring back what was deleted last"),
        Binding("e", "screen.export", "Export", id="history.export", tooltip="Write it to a Markdown file"),
        Binding(
            "a", "screen.archive", "Archive", id="history.archive", tooltip="Archive it, or list it again"
        ),
        Binding(
            "v", "screen.view", "Archived", id="history.view", tooltip="See what was archived, or the rest"
        ),
        Binding("slash", "screen.words", "Search", id="history.words", tooltip="Back to the words"),
    ]


class HistoryScreen(Sheet):
    HEADING = "History"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "list", "List", id="history.list", tooltip="From the words to the list", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[HistoryRow] = []
        self._marked: set[str] = set()
        self._archived = False
        self._words = ""
        self._more = False
        """The list goes on."""
        self._finding = False
        self._entered = False
        """Enter was pressed before what it is meant for was found."""
        self._renamed = ""
        """Id of the conversation whose title is written."""
        self._deleted: list[Session] = []
        """What was deleted last, to be brought back."""

    def content(self) -> ComposeResult:
        yield Line(placeholder="Words to look for", id="history-words")
        with Horizontal(id="history-body"):
            yield KeptList(id="history-list", markup=False)
            with VerticalScroll(id="history-preview", can_focus=False):
                yield Static("", id="history-before")
                yield Static("", id="history-text")
        yield Line(placeholder="Title; enter keeps it", id="history-title")
        yield Static("", id="history-note")

    def ways(self) -> str:
        return "enter opens · space marks · r rename · d delete · u undo · e export · a archive · v archived"

    def on_mount(self) -> None:
        self.query_one("#history-title").display = False
        self._look("")

    # ---- finding

    @on(Input.Changed, "#history-words")
    def _changed(self, event: Input.Changed) -> None:
        self._entered = False
        self._look(event.value)

    @on(Input.Submitted, "#history-words")
    def _submitted(self) -> None:
        self._entered = True
        self._go_on()

    def _go_on(self) -> None:
        """With the first that was found, once it is."""
        if self._entered and not self._finding:
            self._entered = False
            if self._rows:
                self._resume(self._rows[0])

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self._resume(self._rows[event.option_index])

    @on(OptionList.OptionHighlighted)
    def _highlighted(self, event: OptionList.OptionHighlighted) -> None:
        if event.option_index >= len(self._rows):
            return
        read: Any = partial(self._preview, self._rows[event.option_index])
        self.run_worker(read, group="preview", exclusive=True)
        if self._more and event.option_index == len(self._rows) - 1:
            self._more = False
            more: Any = partial(self._append_page, len(self._rows))
            self.run_worker(more, group="find", exclusive=True)

    def action_list(self) -> None:
        self.query_one(KeptList).focus()

    def action_words(self) -> None:
        self.query_one("#history-words").focus()

    def _look(self, words: str, keep: int = 0) -> None:
        """Find `words`; afterwards the row `keep` is chosen."""
        self._finding = True

        # Called, not awaited yet: one that is replaced before it begins leaves nothing behind.
        find: Any = partial(self._find, words.strip(), keep)
        self.run_worker(find, group="find", exclusive=True)

    async def _find(self, words: str, keep: int) -> None:
        if words and words != self._words:
            await asyncio.sleep(SEARCH_DELAY)
        self._words = words
        try:
            found = await self._page(words, 0)
        except VitaError as error:
            self._say(f"✗ {error}")
            found = []
        else:
            nothing = "Nothing was said with these words." if words else "No conversation is kept yet."
            nothing = "Nothing is archived." if self._archived and not words else nothing
            self._say("" if found else nothing)
        if not self.query(KeptList):
            return
        listing = self.query_one(KeptList)
        self._rows = found
        self._more = not words and len(found) == PAGE
        listing.clear_options()
        listing.add_options(self._options(0))
        if found:
            listing.highlighted = min(keep, len(found) - 1)
        else:
            self.query_one("#history-text", Static).update("")
        self._finding = False
        self._go_on()

    async def _page(self, words: str, offset: int) -> list[HistoryRow]:
        core = self.app.core
        if core is None:
            return []
        if words:
            return [row_of_hit(hit) for hit in await core.sessions.search(words, PAGE)]
        kept = await core.sessions.list(PAGE, offset, archived=self._archived)
        return [row_of_summary(summary) for summary in kept]

    async def _append_page(self, offset: int) -> None:
        try:
            more = await self._page("", offset)
        except VitaError as error:
            self._say(f"✗ {error}")
            return
        self._rows += more
        self._more = len(more) == PAGE
        self.query_one(KeptList).add_options(self._options(offset))

    def _options(self, first: int) -> list[Option]:
        now = time.time()
        rows = self._rows
        return [
            Option(
                line_of(
                    rows[place],
                    rows[place - 1] if place else None,
                    now,
                    marked=rows[place].id in self._marked,
                )
            )
            for place in range(first, len(rows))
        ]

    async def _preview(self, row: HistoryRow) -> None:
        core = self.app.core
        if core is None:
            return
        await asyncio.sleep(PREVIEW_DELAY)
        try:
            session = await core.sessions.get(row.id)
        except VitaError as error:
            self._say(f"✗ {error}")
            return
        if not self.query("#history-text"):
            return
        before, text = preview(session, row.turn_id, self._words)
        self.query_one("#history-before", Static).update(before)
        found = self.query_one("#history-text", Static)
        found.update(text)
        view = self.query_one("#history-preview", VerticalScroll)
        self.call_after_refresh(view.scroll_to_widget, found, animate=False, top=True)

    def _say(self, words: str) -> None:
        for note in self.query("#history-note").results(Static):  # none when the screen was closed meanwhile
            note.update(clean(words))
            note.display = bool(words)

    def _resume(self, row: HistoryRow) -> None:
        if self.close():
            self.app.spawn(self.app.resume(row.id, at=row.turn_id, words=self._words), "resume")

    # ---- putting in order

    @property
    def _row(self) -> HistoryRow | None:
        at = self.query_one(KeptList).highlighted
        return self._rows[at] if at is not None and at < len(self._rows) else None

    def _chosen(self) -> list[HistoryRow]:
        """The marked ones, or the one at the cursor."""
        marked = [row for row in self._rows if row.id in self._marked]
        here = self._row
        return marked or ([here] if here is not None else [])

    def action_mark(self) -> None:
        listing = self.query_one(KeptList)
        if (row := self._row) is None or (at := listing.highlighted) is None:
            return
        self._marked ^= {row.id}
        before = self._rows[at - 1] if at else None
        listing.replace_option_prompt_at_index(
            at, line_of(row, before, time.time(), marked=row.id in self._marked)
        )
        self._say(f"{count(len(self._marked), 'conversation')} marked" if self._marked else "")
        listing.action_cursor_down()

    def action_rename(self) -> None:
        if (row := self._row) is not None:
            self._renamed = row.id
            line = self.query_one("#history-title", Line)
            line.value, line.display = row.title, True
            line.focus()

    @on(Input.Submitted, "#history-title")
    def _titled(self, event: Input.Submitted) -> None:
        self._end_rename()
        self._run(self._rename(self._renamed, event.value), "rename")

    async def _rename(self, session_id: str, title: str) -> str:
        assert self.app.core is not None
        core = self.app.core
        if core.session is not None and core.session.id == session_id:
            await core.rename(title)  # the panel shows it
        else:
            await core.sessions.rename(session_id, title)
        return ""

    def _end_rename(self) -> None:
        self.query_one("#history-title").display = False
        self.query_one(KeptList).focus()

    def action_close(self) -> None:
        if self.query_one("#history-title").display:
            self._end_rename()
        else:
            self.close()

    def action_delete(self) -> None:
        if rows := self._chosen():
            self._run(self._delete(rows), "delete")

    async def _delete(self, rows: list[HistoryRow]) -> str:
        assert self.app.core is not None
        shelf, present = self.app.core.sessions, self.app.core.session
        deleted = []
        for row in rows:
            deleted.append(await shelf.get(row.id))
            if present is not None and row.id == present.id:
                await self.app.leave_conversation()
            await shelf.delete(row.id)
        self._deleted = deleted
        self._marked.clear()
        return f"{count(len(deleted), 'conversation')} deleted · u brings {'it' if len(deleted) == 1 else 'them'} back"

    def action_undo(self) -> None:
        if self._deleted:
            self._run(self._undo(), "undo")

    async def _undo(self) -> str:
        assert self.app.core is not None
        back, self._deleted = self._deleted, []
        for session in reversed(back):
            await self.app.core.sessions.restore(session)
        return f"{count(len(back), 'conversation')} brought back"

    def action_archive(self) -> None:
        if rows := self._chosen():
            self._run(self._archive(rows), "archive")

    async def _archive(self, rows: list[HistoryRow]) -> str:
        assert self.app.core is not None
        for row in rows:
            await self.app.core.sessions.archive(row.id, not self._archived)
        self._marked.clear()
        where = "back in the list" if self._archived else "archived · v shows what is archived"
        return f"{count(len(rows), 'conversation')} {where}"

    def action_view(self) -> None:
        self._archived = not self._archived
        self._marked.clear()
        self.query_one(".sheet").border_title = "History: archived" if self._archived else self.HEADING
        self._look(self._words)

    def action_export(self) -> None:
        for row in self._chosen():
            self.app.spawn(self.app.export_session(row.id), "export")

    def _run(self, work: Any, name: str) -> None:
        self.app.spawn(self._and_look(work), name)

    async def _and_look(self, work: Any) -> None:
        """Do `work`, show the list as it is then, and say what was done."""
        words = await work
        if not self.query(KeptList):
            return
        at = self.query_one(KeptList).highlighted or 0
        await self._find(self._words, at)
        if words:
            self._say(words)
