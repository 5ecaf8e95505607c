"""A reply while it is written: Markdown that costs the screen little, so that keys are answered meanwhile.

Textual lays out the whole screen for every word that is appended, although a word rarely begins a new line; and it appends as often as
words come. Here a paragraph that keeps its height is painted and no more, and words that come quickly are appended together. Imported
with the first reply: it is not needed for the first paint.
"""

from __future__ import annotations

import asyncio
from functools import cache
from typing import TYPE_CHECKING, ClassVar

from markdown_it import MarkdownIt
from textual.content import Content
from textual.widget import MountError
from textual.widgets import Markdown
from textual.widgets.markdown import MarkdownBlock

from vita_tui.tui import private_textual

if TYPE_CHECKING:
    from textual.widgets._markdown import MarkdownParagraph
else:
    MarkdownParagraph = private_textual.paragraph() or MarkdownBlock

__all__ = ["Reply", "ReplyStream"]

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


class Reply(Markdown):
    """CommonMark with tables and strikethrough; HTML is shown as it is written, links are not opened."""

    if private_textual.paragraph() is not None:
        BLOCKS: ClassVar[dict[str, type[MarkdownBlock]]] = {**Markdown.BLOCKS, "paragraph_open": Paragraph}  # type: ignore[misc]  # a class attribute in Textual as well

    def __init__(self) -> None:
        super().__init__(parser_factory=_parser, open_links=False)


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
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
