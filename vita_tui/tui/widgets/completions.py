"""The commands that what stands in the prompt may become, above it: up and down choose, tab completes, enter runs."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widgets import Static

from vita_tui.text.slash import parse
from vita_tui.tui.commands import Command, matching
from vita_tui.tui.look import MUTED

__all__ = ["Completions"]

ROWS = 8
"""Commands that are shown at once."""


class Completions(Static):
    """Hidden while the prompt holds no beginning of a command."""

    def __init__(self) -> None:
        super().__init__("", id="completions")
        self.display = False
        self._found: Sequence[Command] = ()
        self._at = 0
        self._dismissed = ""

    @property
    def chosen(self) -> Command | None:
        """The command that is marked; None when nothing is offered."""
        return self._found[self._at] if self._found else None

    def look(self, text: str) -> None:
        """The prompt holds `text` now."""
        before = self.chosen
        name = parse(text)
        # Behind the name come its words: there is nothing to choose any more.
        offered = name is not None and " " not in text and text != self._dismissed
        self._dismissed = self._dismissed if text == self._dismissed else ""
        found = matching(name[0]) if name is not None and offered else ()
        if not found and not self._found:
            return  # a key asks for no layout
        self._found = found
        self._at = self._found.index(before) if before is not None and before in self._found else 0
        self._draw()

    def move(self, step: int) -> bool:
        """Mark the next command, or the one before; False when nothing is offered."""
        if not self._found:
            return False
        self._at = (self._at + step) % len(self._found)
        self._draw()
        return True

    def dismiss(self, text: str) -> bool:
        """Offer nothing until the prompt holds something else than `text`; False when nothing was offered."""
        if not self._found:
            return False
        self._dismissed = text
        self._found = ()
        self._draw()
        return True

    def _draw(self) -> None:
        self.display = bool(self._found)
        first = max(0, min(self._at - ROWS // 2, len(self._found) - ROWS))
        shown = self._found[first : first + ROWS]
        width = max((len(_usage(command)) for command in shown), default=0)
        lines = []
        for number, command in enumerate(shown, first):
            mark, style = ("▸", "bold $text-primary") if number == self._at else (" ", "bold")
            lines.append(
                Content.assemble(
                    (f"{mark} {_usage(command).ljust(width)}", style), (f"  {command.help}", MUTED)
                )
            )
        if len(self._found) > len(shown):
            lines.append(Content.assemble((f"  {self._at + 1} of {len(self._found)}", MUTED)))
        self.update(Content("\n").join(lines))


def _usage(command: Command) -> str:
    return f"/{command.name} {command.takes}".rstrip()
