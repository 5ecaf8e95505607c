"""All keys, from the bindings themselves, and how to talk."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.dom import DOMNode
from textual.widgets import Static

from vita_tui.tui.screens.base import Sheet

__all__ = ["HelpScreen"]

TOPICS = (
    (
        "Talking",
        "Press ctrl+space and speak. Press it again, or pause, and what you said is sent. Escape drops it.",
    ),
    (
        "Interrupting",
        "Escape silences VITA at once. So does ctrl+space, which listens to you instead. The answer stays to be read; ■ marks where the voice stopped.",
    ),
    (
        "Typing",
        "Enter sends, shift+enter or ctrl+j begins a new line. Up and down on the first and last line bring back what you asked before.",
    ),
    ("Copying", "Select text with the mouse and press ctrl+c, or copy the whole last reply with ctrl+o."),
    (
        "Another language model",
        "The built-in model is small. Point llm.base_url at any OpenAI-compatible server, or llm.model at a GGUF file: see f2.",
    ),
)


class HelpScreen(Sheet):
    HEADING = "Help"

    def content(self) -> ComposeResult:
        with VerticalScroll():
            yield Static(self._keys(), classes="keys")
            for title, words in TOPICS:
                yield Static(Content.assemble((title, "bold $text-primary"), "\n", words), classes="words")

    def _keys(self) -> Content:
        from vita_tui.tui.app import VitaApp
        from vita_tui.tui.screens.main import MainScreen
        from vita_tui.tui.widgets.prompt import Prompt

        lines = []
        for kind in (MainScreen, Prompt, VitaApp):
            lines += [self._line(binding) for binding in _bindings(kind)]
        lines.append(Content.assemble(("ctrl+p".ljust(21), "bold"), ("Palette: every action by name", "")))
        lines.append(Content.assemble(("ctrl+c".ljust(21), "bold"), ("Copy what is selected", "")))
        return Content("\n").join(lines)

    def _line(self, binding: Binding) -> Content:
        keymap = getattr(self.app, "_keymap", {})
        keys = keymap.get(binding.id, binding.key) if binding.id else binding.key
        shown = " ".join(key for key in keys.replace(" ", "").split(",") if key != "ctrl+@")
        return Content.assemble((shown.ljust(21), "bold"), (binding.tooltip, ""))


def _bindings(kind: type[DOMNode]) -> list[Binding]:
    """Those of `kind` and of its bases in this program."""
    ours = [base for base in reversed(kind.__mro__) if base.__module__.startswith("vita_tui.")]
    found = [binding for base in ours for binding in base.__dict__.get("BINDINGS", ())]
    return [binding for binding in found if isinstance(binding, Binding)]
