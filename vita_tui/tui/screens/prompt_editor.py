"""The system prompt of the present conversation, to be read and changed."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static, TextArea

from vita_tui.tui.screens.base import Sheet

__all__ = ["PromptEditor"]


class PromptEditor(Sheet):
    HEADING = "System prompt of this conversation"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "save", "Save", id="system.save", tooltip="Use it from the next question on"),
        Binding("ctrl+r", "default", "Default", id="system.default", tooltip="Back to what the settings say"),
    ]

    def content(self) -> ComposeResult:
        core = self.app.core
        assert core is not None
        yield TextArea(core.system_prompt, id="system-prompt", compact=True)
        yield Static("What the model is told before each question.", id="system-note")

    def ways(self) -> str:
        return "ctrl+s saves · ctrl+r takes the settings' own · esc leaves it"

    def action_save(self) -> None:
        text = self.query_one(TextArea).text
        if self.close():
            self.app.set_system_prompt(text)

    def action_default(self) -> None:
        if self.close():
            self.app.set_system_prompt("")
