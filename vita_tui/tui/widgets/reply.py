"""A reply while it is written: Markdown that costs the screen little, so that keys are answered meanwhile.

Textual lays out the whole screen for every word that is appended, although a word rarely begins a new line; and it appends as often as
words come. Here a paragraph that keeps its height is painted and no more, and words that come quickly are appended together. A long
reply is drawn in sections, of which only those near to what is seen have widgets. Imported with the first reply: it is not needed for
the first paint.
"""

from __future__ import annotations

import asyncio
import contextlib
from functools import cache
from typing import TYPE_CHECKING, ClassVar, Literal

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from textual.containers import Vertical
from textual.content import Content
from textual.highlight import HighlightTheme, highlight
from textual.widget import MountError
from textual.widgets import Markdown
from textual.widgets.markdown import MarkdownBlock

from vita_tui.tui import private_textual
from vita_tui.tui.sections import SectionCutter

if TYPE_CHECKING:
    from textual.widgets._markdown import MarkdownParagraph
else:
    MarkdownParagraph = private_textual.paragraph() or MarkdownBlock

FENCE, TABLE = Markdown.BLOCKS["fence"], Markdown.BLOCKS["table_open"]

__all__ = ["Drawn", "Reply", "ReplySection", "ReplyStream", "column_sides"]

Side = Literal["left", "center", "right"] | None
MARGIN = 6
"""Columns beside a reply."""
PACE = 0.07
"""Seconds between two additions at least: fourteen a second read as a flow."""


class Paragraph(MarkdownParagraph):
    """Asks for a new layout only when its height changes."""

    def set_content(self, content: Content) -> None:
        self._content = content
        self.update(content, layout=not self._keeps_height(content))

    def _keeps_height(self, content: Content) -> bool:
        width, height = self.content_size
        if not (self.is_attached and width and height):
            return False
        return content.get_height(self.styles, width) == height  # type: ignore[arg-type]  # as Textual calls it itself


class ReadableCode(HighlightTheme):
    """What is faint in Textual's colours is muted and no fainter."""

    STYLES = {  # noqa: RUF012 - as the base class declares it
        token: style.replace("$text 60%", "$text-muted").replace(" 80%", "").replace(" 90%", "")
        for token, style in HighlightTheme.STYLES.items()
    }


class CodeBlock(FENCE):  # type: ignore[misc, valid-type]  # Textual keeps its class in a dictionary
    """Code in colours that can be read."""

    @classmethod
    def highlight(cls, code: str, language: str, ansi: bool = False, dark: bool = False) -> Content:
        if ansi:
            return super().highlight(code, language, ansi, dark)  # type: ignore[no-any-return]
        return highlight(code, language=language or None, theme=ReadableCode)


class AlignedTable(TABLE):  # type: ignore[misc, valid-type]  # Textual keeps its class in a dictionary
    """Its columns are aligned as its source says."""

    def on_mount(self) -> None:
        self.align()

    def align(self) -> None:
        """Align the cells, those that came last too."""
        sides = column_sides(self.source or "")
        cells = [cell for content in self.children for cell in content.children] if any(sides) else []
        for at, cell in enumerate(cells):
            if side := sides[at % len(sides)]:
                cell.styles.text_align = side


def column_sides(source: str) -> list[Side]:
    """Where the cells of each column of a table stand, by the second line of its source; None: as usual."""
    delimiter = source.partition("\n")[2].partition("\n")[0].strip(" >|")
    marks = [mark.strip() for mark in delimiter.split("|")]
    sides: dict[tuple[bool, bool], Side] = {
        (False, True): "right",
        (True, True): "center",
        (True, False): "left",
    }
    return [sides.get((mark.startswith(":"), mark.endswith(":"))) for mark in marks]


class Drawn(Markdown):
    """CommonMark with tables and strikethrough; HTML is shown as it is written, links are not opened."""

    if private_textual.paragraph() is not None:
        BLOCKS: ClassVar[dict[str, type[MarkdownBlock]]] = {  # type: ignore[misc]  # a class attribute in Textual as well
            **Markdown.BLOCKS,
            "paragraph_open": Paragraph,
            "table_open": AlignedTable,
            "fence": CodeBlock,
            "code_block": CodeBlock,
        }

    def __init__(self, source: str = "") -> None:
        super().__init__(source or None, parser_factory=_parser, open_links=False)


class ReplySection(Vertical):
    """A part of a reply: drawn, or a blank place as high as it was."""

    def __init__(self, start: int, repeated: str) -> None:
        super().__init__()
        self.start = start
        """Characters of the reply before it."""
        self.text = ""
        """Of the reply."""
        self.kept = False
        """Drawn also when it is out of sight: something stands in it that its source does not have."""
        self._repeated = repeated
        self.drawn: Drawn | None = None

    @property
    def source(self) -> str:
        """Its Markdown: its text, and what makes it whole by itself."""
        return self._repeated + self.text

    async def append(self, piece: str) -> None:
        self.text += piece
        if self.drawn is None:
            await self.draw()
        else:
            await self.drawn.append(piece)
            if self.drawn.children and isinstance(table := self.drawn.children[-1], AlignedTable):
                table.align()

    async def draw(self) -> None:
        """Show it."""
        if self.drawn is None and self.is_attached:
            self.drawn = Drawn(self.source)
            with contextlib.suppress(MountError):  # it was taken off the screen meanwhile
                await self.mount(self.drawn)
            self.styles.height = "auto"

    async def fold(self) -> None:
        """Keep its place and nothing else."""
        if (drawn := self.drawn) is not None:
            self.hold_place(self.outer_size.height)
            self.drawn = None
            await drawn.remove()

    def hold_place(self, height: int) -> None:
        self.styles.height = max(1, height)

    def guess_height(self, width: int) -> int:
        """Lines that it may take."""
        return sum(1 + len(line) // max(10, width) for line in self.source.splitlines())


class Reply(Vertical):
    """All that was answered, one section below the other."""

    def __init__(self) -> None:
        super().__init__()
        self._cutter = SectionCutter()
        self._length = 0
        self.sections: list[ReplySection] = []

    @property
    def source(self) -> str:
        """The Markdown that it shows."""
        return "".join(section.text for section in self.sections)

    async def append(self, piece: str) -> None:
        """Show more of it."""
        for number, (repeated, text) in enumerate(self._cutter.feed(piece)):
            if number or not self.sections:
                await self._begin(repeated)
            await self.sections[-1].append(text)
            self._length += len(text)

    async def show(self, text: str) -> None:
        """Show a whole reply: its end is drawn, the rest when it comes into sight."""
        parts = self._cutter.feed(text)
        for repeated, part in parts[:-1]:
            section = await self._begin(repeated)
            section.text = part
            section.hold_place(section.guess_height(self.app.size.width - MARGIN))
            self._length += len(part)
        repeated, part = parts[-1]
        await (await self._begin(repeated)).append(part)
        self._length += len(part)

    async def _begin(self, repeated: str) -> ReplySection:
        section = ReplySection(self._length, repeated)
        self.sections.append(section)
        await self.mount(section)
        return section

    def section_at(self, place: int) -> ReplySection | None:
        """The one with the character `place` of the reply."""
        return next((section for section in reversed(self.sections) if section.start <= place), None)

    async def look(self, top: int, bottom: int) -> None:
        """Draw what is seen between two lines of the screen or near to it, and fold what is far away."""
        near = bottom - top
        for section in self.sections if len(self.sections) > 1 else ():
            region = section.region
            if not region.height:
                continue
            away = max(top - region.bottom, region.y - bottom)
            if away <= near:
                await section.draw()
            elif away > 2 * near and not section.kept and section is not self.sections[-1]:
                await section.fold()


class ReplyStream:
    """Appends what is written to `reply`, in its own time."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._pieces: list[str] = []
        self._news = asyncio.Event()
        self._ending = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name="reply stream")

    def write(self, piece: str) -> None:
        """Have `piece` shown soon."""
        self._pieces.append(piece)
        self._news.set()

    async def stop(self) -> None:
        """Show what was written and end."""
        self._ending.set()
        self._news.set()
        # Not awaited itself: it may be cancelled, or fail, and neither is who stops it.
        await asyncio.wait({self._task})
        if not self._task.cancelled() and (error := self._task.exception()) is not None:
            raise error

    def cancel(self) -> None:
        """End without showing what is left: there is nothing any more to show it in."""
        self._task.cancel()

    async def _run(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            piece = "".join(self._pieces)
            self._pieces.clear()
            if piece:
                try:
                    await self._reply.append(piece)
                except MountError:
                    if self._reply.is_attached:
                        raise
                    return  # it was taken off the screen meanwhile
            if self._ending.is_set():
                if self._pieces:
                    continue
                return
            try:
                await asyncio.wait_for(self._ending.wait(), PACE)
            except TimeoutError:
                continue


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    parser.core.ruler.push("task_lists", _boxes)
    return parser


BOXES = {"[ ] ": "☐ ", "[x] ": "☑ ", "[X] ": "☑ "}
"""How the tasks of a list begin, and how they are shown."""


def _boxes(state: StateCore) -> None:
    """Give tasks of a list a box that is empty or ticked."""
    for at, token in enumerate(state.tokens):
        if token.type != "inline" or at < 2 or state.tokens[at - 2].type != "list_item_open":
            continue
        first = token.children[0] if token.children else None
        if first is not None and first.type == "text" and first.content[:4] in BOXES:
            first.content = BOXES[first.content[:4]] + first.content[4:]
