"""The keys at the bottom of the screen."""

from __future__ import annotations

from textual.widgets import Footer as TextualFooter

__all__ = ["Footer"]


class Footer(TextualFooter):
    """Textual's, which forgets the keys that it no longer shows.

    Each key is bound to the footer's `compact`, and Textual 8 lets go of bound widgets only when the value that they are bound to is
    set: every screen that was opened and closed would leave fourteen keys for good, with all that was ever drawn of them.
    """

    async def recompose(self) -> None:
        await super().recompose()
        self.mutate_reactive(TextualFooter.compact)
