"""The keys at the bottom of the screen."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.widget import Widget
from textual.widgets import Footer as TextualFooter

from vita_tui.tui import private_textual

__all__ = ["Footer"]

ROOMY = 80
"""Columns from which the key of the palette has its word."""


class Footer(TextualFooter):
    """Textual's, with as many keys as fit, and which forgets those that it no longer shows.

    Each key is bound to the footer's `compact`, and Textual 8 lets go of bound widgets only when the value that they are bound to is
    set: every screen that was opened and closed would leave fourteen keys for good, with all that was ever drawn of them.
    """

    def compose(self) -> ComposeResult:
        keys = list(super().compose())
        kind = private_textual.footer_key()
        if kind is None:
            yield from keys
            return
        last = [key for key in keys if key.has_class("-command-palette")]
        if self.app.size.width < ROOMY:
            for key in last:
                if isinstance(key, kind):
                    key.description = ""
        room = self.app.size.width - sum(map(_width, last))
        for key in keys:
            if key in last:
                yield key
                continue
            room -= _width(key)
            if room >= 0:
                yield key

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self.recompose)

    async def recompose(self) -> None:
        await super().recompose()
        self.mutate_reactive(TextualFooter.compact)


def _width(key: Widget) -> int:
    """Columns of a key in compact style, with the gap behind it."""
    from rich.cells import cell_len

    kind = private_textual.footer_key()
    if kind is None or not isinstance(key, kind):
        return 0
    words = f"{key.key_display} {key.description}" if key.description else key.key_display
    return cell_len(words) + 1
