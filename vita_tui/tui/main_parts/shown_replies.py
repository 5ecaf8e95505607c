"""The conversation on the main screen: replies as they come, and what can be done with one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType

from vita_tui.events import (
    Event,
    QuestionShortened,
    ReasoningDelta,
    ReplyDelta,
    ReplyFinished,
    ReplyRetracted,
    ReplyStarted,
    TurnFinished,
    UserSaid,
)
from vita_tui.tui.formatting import clean
from vita_tui.tui.main_parts.screen_part import ScreenPart
from vita_tui.tui.widgets.conversation import Conversation
from vita_tui.tui.widgets.panel import Panel
from vita_tui.tui.widgets.prompt import Prompt
from vita_tui.tui.widgets.status import StatusLine

if TYPE_CHECKING:
    from textual.widgets import Markdown

__all__ = ["ShownReplies"]


class ShownReplies(ScreenPart):
    """What was said, by whom, and how long it took."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "f8",
            "timings",
            "Timings",
            id="timings",
            tooltip="Where the time of the last turn went",
            show=False,
        ),
        Binding(
            "ctrl+o", "copy_reply", "Copy reply", id="copy.reply", tooltip="Copy the last reply", show=False
        ),
        Binding(
            "pageup",
            "scroll('page_up')",
            "Back",
            id="scroll.back",
            tooltip="Scroll the conversation up",
            show=False,
            priority=True,
        ),
        Binding(
            "pagedown",
            "scroll('page_down')",
            "Forward",
            id="scroll.forward",
            tooltip="Scroll the conversation down",
            show=False,
            priority=True,
        ),
    ]

    async def show(self, event: Event) -> None:
        conversation = self.query_one(Conversation)
        match event:
            case UserSaid():
                await conversation.said(event.turn, event.text, spoken=event.spoken)
            case QuestionShortened():
                conversation.shortened(event)
            case ReplyStarted():
                await conversation.reply_started(event)
                self.query_one(StatusLine).waits_for = event.engine
            case ReasoningDelta():
                await conversation.reasoning_piece(event.turn, event.text)
            case ReplyRetracted():
                await conversation.reply_retracted(event.turn, event.text)
            case ReplyDelta():
                await conversation.reply_piece(event.turn, event.text)
                self.query_one(StatusLine).waits_for = None
            case ReplyFinished():
                await conversation.reply_finished(event)
            case TurnFinished():
                conversation.turn_finished(event)
                if (took := event.timings.voice_to_voice) is not None:
                    self.query_one(StatusLine).last = took
                for job, key in (("llm", "answer"), ("tts", "voice")):
                    if job not in event.failed and job in event.engines:
                        self.query_one(Panel).passed(key)
            case _:
                pass
        await super().show(event)

    def on_markdown_link_clicked(self, message: Markdown.LinkClicked) -> None:
        """What a model wrote is never opened; the user may do so with what is on the clipboard."""
        message.stop()
        self.app.copy(clean(message.href), "Link")

    async def action_timings(self) -> None:
        reply = self.query_one(Conversation).last_ended
        if reply is None:
            self.app.notify("Ask something first.", title="No turn yet", markup=False)
            return
        async with self._showing:
            await reply.toggle_waterfall()
            reply.scroll_visible()

    def action_copy_reply(self) -> None:
        reply = self.query_one(Conversation).last_reply
        self.app.copy(reply.text if reply is not None else "", "Reply")

    def action_copy_code(self) -> None:
        from vita_tui.tui.code import last_code

        reply = self.query_one(Conversation).last_reply
        self.app.copy(last_code(reply.text) if reply is not None else "", "Code")

    def action_scroll(self, how: str) -> None:
        conversation = self.query_one(Conversation)
        if how == "page_up":
            if conversation.max_scroll_y > 0:
                conversation.release_anchor()
            conversation.scroll_page_up(animate=False)
        else:
            conversation.scroll_page_down(animate=False)

    async def clear(self) -> None:
        """Show an empty conversation."""
        async with self._showing:
            await self.show_waiting()  # what still belongs to the conversation that goes
            await self.query_one(Conversation).clear()
        self.query_one(Prompt).focus()

    async def show_place(self, turn_id: str, words: str) -> None:
        """Scroll to a turn of the conversation that is shown, with `words` marked in it."""
        async with self._showing:
            await self.query_one(Conversation).show_place(turn_id, words)

    async def mark_branch(self, turns: int) -> None:
        """Say behind the first `turns` turns that the question was asked again."""
        async with self._showing:
            await self.query_one(Conversation).mark_branch(turns)

    async def show_turns(self, turns: Iterable[Any]) -> None:
        """Show a kept conversation."""
        async with self._showing:
            await self.show_waiting()
            await self.query_one(Conversation).show(turns)
