"""A cursor over what a conversation is made of: questions, and the paragraphs, lists, tables and code of replies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vita_tui.tui.widgets.turns import AssistantTurn, UserTurn

if TYPE_CHECKING:
    from textual.containers import VerticalScroll
    from textual.widget import Widget

__all__ = ["Block", "BlockCursor"]

MARKED = "marked"
"""Class of the block at the cursor."""


@dataclass(frozen=True, slots=True)
class Block:
    """What the cursor is on."""

    widget: Widget
    turn: UserTurn | AssistantTurn
    kind: Literal["question", "code", "text"]
    source: str
    """Markdown of the block; of code the code alone."""


class BlockCursor:
    """Moves through `conversation`. Sections of a long reply that are not drawn are drawn when it comes to them."""

    def __init__(self, conversation: VerticalScroll) -> None:
        self._conversation = conversation
        self._at: Widget | None = None

    @property
    def block(self) -> Block | None:
        """Where it is; None where there is no cursor."""
        widget = self._at
        if widget is None or not widget.is_attached:
            return None
        return _block(widget)

    def leave(self) -> None:
        """Show no cursor."""
        if self._at is not None:
            self._at.remove_class(MARKED)
        self._at = None

    async def move(self, step: int) -> bool:
        """By `step` blocks, from the end when there is no cursor yet; False where there is nothing to move to."""
        blocks = self._blocks()
        if not blocks:
            return False
        if self._at in blocks:
            place = min(max(blocks.index(self._at) + step, 0), len(blocks) - 1)
        elif step < 0:
            place = len(blocks) - 1
        else:
            return False
        await self._mark(blocks[place], first=step > 0)
        return True

    async def jump(self, *, end: bool) -> bool:
        """To the first block or the last."""
        blocks = self._blocks()
        if blocks:
            await self._mark(blocks[-1 if end else 0], first=not end)
        return bool(blocks)

    async def put_on(self, widget: Widget) -> bool:
        """On the block that `widget` is a part of; False when it is part of none."""
        blocks = self._blocks()
        found = next((one for one in widget.ancestors_with_self if one in blocks), None)
        if found is not None:
            await self._mark(found, first=True)
        return found is not None

    async def _mark(self, widget: Widget, *, first: bool) -> None:
        from vita_tui.tui.widgets.reply import ReplySection

        if isinstance(widget, ReplySection):
            await widget.draw()
            parts = _parts(widget)
            widget = parts[0 if first else -1] if parts else widget
        self.leave()
        self._at = widget
        widget.add_class(MARKED)
        self._conversation.release_anchor()
        self._conversation.scroll_to_widget(widget, animate=False)

    def _blocks(self) -> list[Widget]:
        blocks: list[Widget] = []
        for child in self._conversation.children:
            if isinstance(child, UserTurn):
                blocks.append(child)
            elif isinstance(child, AssistantTurn):
                sections = child.body.sections if child.body is not None and child.body.display else ()
                found = [part for section in sections for part in (_parts(section) or [section])]
                blocks += found or [child]
        return blocks


def _parts(section: Widget) -> list[Widget]:
    """The Markdown blocks of a section, outermost; nothing when it is not drawn."""
    from textual.widgets.markdown import MarkdownBlock

    from vita_tui.tui.widgets.reply import ReplySection

    drawn = section.drawn if isinstance(section, ReplySection) else None
    return [child for child in drawn.children if isinstance(child, MarkdownBlock)] if drawn else []


def _block(widget: Widget) -> Block | None:
    from textual.widgets.markdown import MarkdownBlock, MarkdownFence

    turn = next(
        (one for one in widget.ancestors_with_self if isinstance(one, UserTurn | AssistantTurn)), None
    )
    if turn is None:
        return None
    if isinstance(turn, UserTurn):
        return Block(widget, turn, "question", turn.text)
    if isinstance(widget, MarkdownFence):
        return Block(widget, turn, "code", widget.code.rstrip("\n"))
    source = widget.source if isinstance(widget, MarkdownBlock) else None
    return Block(widget, turn, "text", (source if source is not None else turn.text).strip())
