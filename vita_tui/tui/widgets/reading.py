"""The voice in a reply on the screen: the sentence that is being spoken stands out, and a mark stays where the voice stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from vita_tui.tui.reading_place import Place, locate, locate_end

if TYPE_CHECKING:
    from vita_tui.tui.widgets.reply import Reply

__all__ = ["STOPPED", "Reading"]

SPOKEN = "underline on $primary 25%"
"""The sentence that is being spoken."""
STOPPED = "■"
"""Where the voice stopped."""


class Reading:
    """Follows the voice through the blocks below `body`. What is shown is never changed but for a colour and a mark."""

    def __init__(self) -> None:
        self._said_to: dict[int, int] = {}
        """By the number of a sentence that was begun: the character of the source behind it."""
        self._lit: tuple[Static, Content, Content] | None = None
        """The block with the sentence: with and without its colour."""

    def speak(self, body: Reply, source: str, number: int, sentence: str) -> None:
        """`sentence`, that part of the reply's source, begins to sound."""
        self.end()
        at = source.find(sentence, self._said_to.get(number - 1, 0))
        if at < 0:
            at = source.find(sentence)
        if at < 0:
            return
        self._said_to[number] = at + len(sentence)
        section = body.section_at(at)
        if section is None:
            return
        blocks = _blocks(section)
        if place := locate([text.plain for _, text in blocks], source[section.start : at], sentence):
            block, text = blocks[place.text]
            lit = text.stylize(SPOKEN, place.start, place.end)
            block.update(lit, layout=False)
            self._lit = block, lit, text

    def end(self) -> None:
        """Nothing sounds any more."""
        if self._lit is not None:
            block, lit, text = self._lit
            self._lit = None
            if block.is_attached and block.content is lit:  # else it was drawn anew since
                block.update(text, layout=False)

    def stop(self, body: Reply, source: str, heard: str) -> bool:
        """The voice stopped after `heard`, source of the reply; False when there is no place for a mark."""
        from textual.widgets.markdown import MarkdownBlock

        self.end()
        said = heard.rstrip()
        section = body.section_at(max(0, len(said) - 1) if source.startswith(said) else 0)
        if section is None:
            return False
        blocks = _blocks(section)
        place: Place | None = locate_end([text.plain for _, text in blocks], heard[section.start :])
        if place is None:
            return False
        block, text = blocks[place.text]
        if not isinstance(block, MarkdownBlock):  # a cell of a table, a line of code: no room for a mark
            return False
        block.update(
            Content.assemble(text[: place.end], (f" {STOPPED} ", "$text-warning"), text[place.end :])
        )
        section.kept = True
        return True


def _blocks(body: Widget) -> list[tuple[Static, Content]]:
    """All that is shown of the reply as text, in order."""
    return [
        (block, block.content)
        for block in body.walk_children(Static)
        if isinstance(block.content, Content) and block.content.plain.strip()
    ]
