"""The partial transcript while the user speaks: what is certain bright, the rest dim."""

from __future__ import annotations

from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

from vita_tui.tui.formatting import clean
from vita_tui.tui.look import MUTED

__all__ = ["PartialLine"]


class PartialLine(Static):
    """Above the prompt; there only while the microphone is open."""

    stable: reactive[str] = reactive("", layout=True)
    tail: reactive[str] = reactive("", layout=True)
    open: reactive[bool] = reactive(False, layout=True)

    def watch_open(self, is_open: bool) -> None:
        self.display = is_open
        if is_open:
            self.stable = self.tail = ""

    def render(self) -> Content:
        if not (self.stable or self.tail):
            return Content.assemble(
                ("Listening. Speak; a pause or ctrl+space sends it, escape drops it.", f"italic {MUTED}")
            )
        gap = " " if self.stable and self.tail and not self.tail[0].isspace() else ""
        return Content.assemble((clean(self.stable), "$foreground"), (gap + clean(self.tail), MUTED))
