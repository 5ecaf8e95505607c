"""A short list over the conversation, from which one thing is chosen by its key, or with the arrows and enter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

if TYPE_CHECKING:
    from vita_tui.tui.app import VitaApp

__all__ = ["Menu", "MenuEntry"]


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """One thing to choose."""

    name: str
    """What the menu is dismissed with."""
    words: str
    key: str = ""
    """One letter that chooses it; empty for none."""


class Menu(ModalScreen[str]):
    """Dismissed with the name of an entry, or with an empty text."""

    app: VitaApp

    CSS_PATH = "sheets.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Close", id="menu.close", tooltip="Choose nothing"),
    ]

    def __init__(self, title: str, entries: Sequence[MenuEntry]) -> None:
        super().__init__()
        self._heading = title
        self._entries = entries

    def compose(self) -> ComposeResult:
        with Vertical(classes="menu") as frame:
            frame.border_title = Content(self._heading)
            frame.border_subtitle = "enter chooses · esc closes"
            yield OptionList(*(Option(_line(entry), id=None) for entry in self._entries), markup=False)

    def on_mount(self) -> None:
        self.query_one(OptionList).highlighted = 0

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self._close(self._entries[event.option_index].name)

    def on_key(self, event: events.Key) -> None:
        found = next((entry for entry in self._entries if entry.key and entry.key == event.character), None)
        if found is not None:
            event.stop()
            self._close(found.name)

    def action_close(self) -> None:
        self._close("")

    def _close(self, name: str) -> None:
        if self.app.screen is self:
            self.dismiss(name)


def _line(entry: MenuEntry) -> Content:
    return Content.assemble((f"{entry.key or ' '}  ", "bold"), entry.words)
