"""What was asked before, to be found by its words and asked again."""

from __future__ import annotations

from collections.abc import Sequence

from vita_tui.text.attachments import detach
from vita_tui.tui.formatting import one_line
from vita_tui.tui.model_choices import Selectable
from vita_tui.tui.screens.picker import Picker

__all__ = ["AskedPicker"]

SHOWN = 300
"""Characters of a question."""


class AskedPicker(Picker):
    HEADING = "Asked before"

    def __init__(self, asked: Sequence[str], words: str = "") -> None:
        """
        Args:
            asked: the newest first.
        """
        super().__init__(words)
        self._asked = asked

    def on_mount(self) -> None:
        self.offer(Selectable(_title(text), "", "", {"text": text}) for text in self._asked)

    def choose(self, choice: Selectable) -> None:
        self.app.main.edit(str(choice.values["text"]))


def _title(text: str) -> str:
    attached, question = detach(text)
    return one_line(question, SHOWN) or " ".join(one.name for one in attached)
