"""What a question takes along: files that it names and texts that were pasted."""

from __future__ import annotations

from pathlib import Path

from textual import events
from textual.widgets import TextArea
from textual.widgets.text_area import Location

from vita_tui.text.attachments import attach
from vita_tui.text.slash import parse
from vita_tui.tui.named_files import dropped, named, read_named, word_at
from vita_tui.tui.pasted import PastedTexts
from vita_tui.tui.widgets.completions import Completions

__all__ = ["Attaching"]


class Attaching(TextArea):
    """A text in which `@` names a file, and where a long paste is folded to a mark."""

    completions: Completions | None = None
    """Where commands and files are offered."""

    def __init__(self, placeholder: str) -> None:
        super().__init__(id="prompt", compact=True, highlight_cursor_line=False, placeholder=placeholder)
        self.pasted = PastedTexts()

    @property
    def file_word(self) -> str | None:
        """What is typed of a file's name before the cursor."""
        row, column = self.cursor_location
        return word_at(self.document[row][:column])

    @property
    def whole(self) -> str:
        """What is sent: the text, and the files and the pasted texts that it names.

        Raises:
            VitaError: a file cannot be sent along.
        """
        text = self.text.strip()
        if parse(text) is not None:
            return text
        return attach(text, [*self.pasted.in_text(text), *read_named(text, Path.cwd())])

    @property
    def unfolded(self) -> str:
        """The text with pasted texts in the place of what stands for them."""
        return self.pasted.unfolded(self.text)

    def take_file(self) -> bool:
        """Put the marked file's name in the place of what was typed of it; False when none is offered."""
        if self.completions is None or (file := self.completions.chosen_file) is None:
            return False
        row, column = self.cursor_location
        typed = self.file_word
        begin = self.document[row].rfind("@", 0, column) if typed is not None else column
        self.replace(f"{named(file)} ", (row, max(0, begin)), (row, column))
        return True

    def action_unfold(self) -> None:
        """The pasted text itself in the place of what stands for it."""
        lines = self.text.split("\n")
        row, column = self.cursor_location
        place = sum(len(line) + 1 for line in lines[:row]) + column
        if (found := self.pasted.unfold(self.text, place)) is not None:
            begin, end, text = found
            self.replace(text, self._location(begin), self._location(end))

    def _location(self, place: int) -> Location:
        before = self.text[:place]
        return before.count("\n"), len(before) - before.rfind("\n") - 1

    def action_delete_left(self) -> None:
        """What stands for a pasted text goes as one."""
        row, column = self.cursor_location
        mark = self.pasted.mark_before(self.document[row][:column]) if self.selection.is_empty else ""
        if mark:
            self.delete((row, column - len(mark)), (row, column))
        else:
            super().action_delete_left()

    async def _on_paste(self, event: events.Paste) -> None:
        """Pasted text is text: line ends as ours, no control characters. A long one is folded, the path of a file names it."""
        from vita_tui.tui.formatting import clean

        event.stop()
        event.prevent_default()
        text = clean(event.text.replace("\r\n", "\n").replace("\r", "\n"))
        if (file := dropped(text, Path.cwd())) is not None:
            text = f"{file} "
        self.insert(self.pasted.fold(text))
