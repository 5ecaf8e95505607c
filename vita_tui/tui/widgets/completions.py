"""What the words in the prompt may become, above it: commands behind /, files behind @. Up and down choose, tab completes, enter takes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from textual.content import Content
from textual.widgets import Static

from vita_tui.text.clean import clean_name
from vita_tui.text.slash import parse
from vita_tui.tui.commands import Command, matching
from vita_tui.tui.look import MUTED
from vita_tui.tui.named_files import files_below, matching_files, named

__all__ = ["Completions"]

ROWS = 8
"""That are shown at once."""


class Completions(Static):
    """Hidden while the prompt holds no beginning of a command or of a file's name."""

    def __init__(self) -> None:
        super().__init__("", id="completions")
        self.display = False
        self._found: Sequence[Command | str] = ()
        """Commands, or names of files."""
        self._files: list[str] | None = None
        """Below the present folder; None until they are known."""
        self._wanted = ""
        self._at = 0
        self._dismissed = ""

    @property
    def chosen(self) -> Command | None:
        """The command that is marked; None when none is offered."""
        marked = self._marked
        return marked if isinstance(marked, Command) else None

    @property
    def chosen_file(self) -> str | None:
        """The file that is marked; None when none is offered."""
        marked = self._marked
        return marked if isinstance(marked, str) else None

    @property
    def _marked(self) -> Command | str | None:
        return self._found[self._at] if self._found else None

    def look(self, text: str, file: str | None = None) -> None:
        """The prompt holds `text` now.

        Args:
            file: what is typed of a file's name at the cursor.
        """
        before = self._marked
        name = parse(text)
        # Behind the name come its words: there is nothing to choose any more.
        offered = name is not None and " " not in text and text != self._dismissed
        self._dismissed = self._dismissed if text == self._dismissed else ""
        found: Sequence[Command | str] = matching(name[0]) if name is not None and offered else ()
        if file is not None and text != self._dismissed:
            found = self._matching_files(file)
            found = () if list(found[:1]) == [file] else found  # it is typed to its end
        if not found and not self._found:
            return  # a key asks for no layout
        self._found = found
        self._at = self._found.index(before) if before is not None and before in self._found else 0
        self._draw()

    def _matching_files(self, words: str) -> Sequence[str]:
        self._wanted = words
        if self._files is None:
            self._files = []
            self.run_worker(self._find_files(), group="files")
        return matching_files(self._files, words)

    async def _find_files(self) -> None:
        """Once, when the first name is begun."""
        self._files = await asyncio.to_thread(files_below, Path.cwd())
        self._found, self._at = matching_files(self._files, self._wanted), 0
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
            help_ = command.help if isinstance(command, Command) else ""
            lines.append(
                Content.assemble((f"{mark} {_usage(command).ljust(width)}", style), (f"  {help_}", MUTED))
            )
        if len(self._found) > len(shown):
            lines.append(Content.assemble((f"  {self._at + 1} of {len(self._found)}", MUTED)))
        self.update(Content("\n").join(lines))


def _usage(command: Command | str) -> str:
    if isinstance(command, str):
        return named(clean_name(command))
    return f"/{command.name} {command.takes}".rstrip()
