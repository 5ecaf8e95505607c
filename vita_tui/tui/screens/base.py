"""What the screens that open over the conversation have in common: a frame, a title, and ways back."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import Screen
from textual.widget import Widget

if TYPE_CHECKING:
    from vita_tui.tui.app import VitaApp

__all__ = ["Sheet"]


class Sheet(Screen[None]):
    """Subclasses give `HEADING` and `content`."""

    app: VitaApp

    CSS_PATH = "sheets.tcss"
    HEADING = ""
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - as the base class declares it
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Close", id="sheet.close", tooltip="Back to the conversation"),
    ]

    def compose(self) -> ComposeResult:
        with Vertical(classes="sheet") as sheet:
            sheet.border_title = self.HEADING
            sheet.border_subtitle = self.ways()
            yield from self.content()

    def content(self) -> ComposeResult:
        """The widgets inside the frame."""
        yield Widget()

    def ways(self) -> str:
        """The keys that matter here."""
        return "esc closes"

    def action_close(self) -> None:
        self.close()

    def close(self) -> bool:
        """Whether it was on top and is closed now: a key that was pressed twice closes it once, and nothing what lies over it.

        Textual's `is_current` is true below a translucent screen as well, such as the palette.
        """
        if self.app.screen is not self:
            return False
        self.dismiss()
        return True
