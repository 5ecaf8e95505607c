"""How text is typed: keys in the order in which they were pressed, and characters as the eye sees them."""

from __future__ import annotations

from textual import events
from textual.widget import Widget
from textual.widgets import Input
from textual.widgets.input import Selection

from vita_tui.tui import graphemes

__all__ = ["InOrder", "Line"]


class InOrder:
    """A widget that does what its own keys are bound to when they come.

    Textual does that only after the key has passed all the widgets around it, so that letters and pastes that were typed after a
    backspace, an arrow or enter are there before it.
    """

    async def take(self, event: events.Key) -> bool:
        """Do what `event` is bound to; False when it is bound to nothing."""
        assert isinstance(self, Widget)
        for binding in self._bindings.key_to_bindings.get(event.key, ()):
            if not binding.priority and await self.app.run_action(binding.action, self):
                event.stop()
                event.prevent_default()
                return True
        return False


class Line(Input, InOrder):
    """A line of text."""

    async def _on_key(self, event: events.Key) -> None:
        if await self.take(event):
            return
        if graphemes.is_text(event.character):
            event.stop()
            event.prevent_default()
            self.insert_text_at_cursor(event.character or "")

    def action_cursor_left(self, select: bool = False) -> None:
        start, end = self.selection
        if select:
            self.selection = Selection(start, graphemes.before(self.value, end))
        elif self.selection.is_empty:
            self.cursor_position = graphemes.before(self.value, end)
        else:
            super().action_cursor_left()

    def action_cursor_right(self, select: bool = False) -> None:
        start, end = self.selection
        if select:
            self.selection = Selection(start, graphemes.after(self.value, end))
        elif self.selection.is_empty and not self.cursor_at_end:
            self.cursor_position = graphemes.after(self.value, end)
        else:
            super().action_cursor_right()

    def action_delete_left(self) -> None:
        if self.selection.is_empty:
            self.delete(graphemes.before(self.value, self.cursor_position), self.cursor_position)
        else:
            super().action_delete_left()

    def action_delete_right(self) -> None:
        if self.selection.is_empty:
            self.delete(self.cursor_position, graphemes.after(self.value, self.cursor_position))
        else:
            super().action_delete_right()
