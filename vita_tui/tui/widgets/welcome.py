"""What an empty conversation shows: what to do, and how far the engines are."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from vita_tui.clock import Clock
from vita_tui.events import EngineStatus
from vita_tui.tui.look import MUTED
from vita_tui.tui.widgets.panel import EngineRows

__all__ = ["Welcome"]


def _words(microphone: bool) -> Content:
    begin = (
        ["Press ", ("ctrl+space", "bold"), " and speak, or type below."] if microphone else ["Type below."]
    )
    keys = ("f1 shows the keys, ctrl+p every action.", MUTED)
    return Content.assemble(("VITA", "bold $text-primary"), "\n\n", *begin, "\n", keys)


class Welcome(Vertical):
    """In the middle of the conversation until the first word."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def compose(self) -> ComposeResult:
        yield Static(_words(microphone=True), classes="words")
        yield EngineRows(self._clock, classes="rows")

    def show_microphone(self, there: bool) -> None:
        self.query_one(".words", Static).update(_words(there))

    def show_engine(self, status: EngineStatus) -> None:
        self.query_one(EngineRows).show(status)
