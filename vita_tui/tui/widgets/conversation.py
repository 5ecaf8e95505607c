"""The conversation: turns one below the other, the newest at the bottom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widget import Widget

from vita_tui.clock import Clock
from vita_tui.events import (
    ClauseStarted,
    QuestionShortened,
    ReplyFinished,
    ReplyStarted,
    ToolFinished,
    ToolProgress,
    ToolStarted,
    TurnFinished,
)
from vita_tui.tui.formatting import count
from vita_tui.tui.widgets.block_cursor import BlockCursor
from vita_tui.tui.widgets.turns import AssistantTurn, Remark, UserTurn
from vita_tui.tui.widgets.welcome import Welcome

__all__ = ["Conversation"]

MOUNTED = 60
"""Widgets of turns on screen at once; older ones are in the history (f4)."""
ENDINGS = {
    "stopped": "stopped",
    "interrupted": "interrupted",
    "length": "cut at the length limit",
    "filtered": "cut by the server’s content filter",
}


def _at_block(keys: str, action: str, name: str, tooltip: str) -> Binding:
    """A key that works while a block is chosen."""
    return Binding(keys, f"screen.{action}", name, id=f"block.at.{name}", tooltip=tooltip, show=False)


class Conversation(VerticalScroll, can_focus=True):
    """Follows the newest turn unless the user has scrolled away."""

    BINDINGS: ClassVar[list[BindingType]] = [
        _at_block("j,down", "block_move(1)", "down", "At a block: one down"),
        _at_block("k,up", "block_move(-1)", "up", "At a block: one up"),
        _at_block("g,home", "block_jump(False)", "first", "At a block: to the first"),
        _at_block("G,end", "block_jump(True)", "last", "At a block: to the last"),
        _at_block("enter", "block('menu')", "menu", "At a block: what can be done with it"),
        _at_block("c", "block('copy')", "copy", "At a block: copy it; of code the code alone"),
        _at_block("C,y", "block('copy_all')", "copy.all", "At a block: copy the whole question or reply"),
        _at_block("e", "block('edit')", "edit", "At a block: edit the question and ask again"),
        _at_block("r", "block('again')", "again", "At a block: ask the question again for another answer"),
        _at_block("p", "block('play')", "play", "At a block: read it aloud"),
        _at_block("o", "block('links')", "links", "At a block: open a link"),
        _at_block("s", "block('source')", "source", "At a block: the reply as it was written, or formatted"),
        _at_block("escape,i", "leave_blocks", "leave", "At a block: back to the prompt"),
    ]

    class Below(Message):
        """There is more below what is in sight, or not any longer."""

        def __init__(self, more: bool) -> None:
            super().__init__()
            self.more = more

    class Clicked(Message):
        """The mouse chose `widget`, somewhere in the conversation."""

        def __init__(self, widget: Widget) -> None:
            super().__init__()
            self.widget = widget

    def __init__(self, clock: Clock) -> None:
        super().__init__(id="conversation")
        self.cursor = BlockCursor(self)
        self._clock = clock
        self._replies: dict[int, AssistantTurn] = {}
        self._gone = 0
        self._looking = self._moved = False
        """Whether what is in sight is being drawn, and whether something else has come into sight since."""
        self._more = False
        """Below what is in sight."""
        self._sight: object = None
        """What was in sight when it was looked last."""

    def compose(self) -> ComposeResult:
        yield Welcome(self._clock)

    def on_mount(self) -> None:
        self.anchor()
        self.screen.screen_layout_refresh_signal.subscribe(self, self._laid_out, immediate=True)

    # ---- long replies are drawn where they are seen

    def _laid_out(self, _screen: object) -> None:
        """Something else may be in sight: what is written scrolls an anchored view without a word."""
        sight = self.scroll_offset, self.virtual_size, self.size
        if sight != self._sight:
            self._sight = sight
            self._tell_below()
            self.look()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._tell_below()

    def _tell_below(self) -> None:
        if self._more is (more := not self._following):
            return
        self._more = more
        self.post_message(self.Below(more))

    def look(self) -> None:
        """Have drawn what is in sight now."""
        self._moved = True
        if not self._looking and any(self._drawn_apart()):
            self._looking = True
            self.call_later(self._draw_in_sight)

    async def _draw_in_sight(self) -> None:
        try:
            while self._moved and self.is_attached:
                self._moved = False
                view = self.region
                first = next((one for one in self._drawn_apart() if one.region.bottom > view.y), None)
                line = first.region.y if first is not None else 0
                for reply in self.query(AssistantTurn):
                    await reply.look(view.y, view.bottom)
                if first is not None:
                    self.call_after_refresh(self._stay, first, line)
        finally:
            self._looking = False

    def _drawn_apart(self) -> Iterator[Widget]:
        for child in self.children:
            body = child.body if isinstance(child, AssistantTurn) else None
            if body is not None and len(body.sections) > 1:
                yield from body.sections

    def _stay(self, first: Widget, line: int) -> None:
        """What lies above may have become higher or lower than was thought: that moves nothing of what is read."""
        if first.is_attached and not self._following and (moved := first.region.y - line):
            self.scroll_relative(y=moved, animate=False, force=True)

    @property
    def _following(self) -> bool:
        # An anchored view in which all has room stands at a negative place.
        return bool(self.max_scroll_y - max(0.0, self.scroll_y) < 1)

    # ---- what happens

    async def said(self, turn: int, text: str, *, spoken: bool) -> None:
        """The user's question, and the place where its answer will be."""
        for waiting in self.query(UserTurn):
            if waiting.awaits and waiting.awaits.strip() == text.strip():
                await waiting.remove()
                break
        reply = AssistantTurn(turn)
        self._replies[turn] = reply
        await self._add(UserTurn(text, spoken=spoken), reply)
        self.anchor()

    async def await_answer(self, text: str) -> None:
        """A question that is asked as soon as somebody can answer it."""
        if any(turn.awaits == text for turn in self.query(UserTurn)):
            return
        question = UserTurn(f"{text} …", spoken=False)
        question.add_class("waiting")
        question.awaits = text
        await self._add(question)
        self.anchor()

    async def reply_piece(self, turn: int, text: str) -> None:
        if (reply := self._replies.get(turn)) is not None:
            await reply.write(text)

    async def reply_started(self, event: ReplyStarted) -> None:
        """An engine begins to answer: said where it is not the one that should."""
        if event.instead_of and (reply := self._replies.get(event.turn)) is not None:
            await reply.stand_in(event)

    async def reasoning_piece(self, turn: int, text: str) -> None:
        if (reply := self._replies.get(turn)) is not None:
            await reply.reason(text)

    async def tool(self, event: ToolStarted | ToolProgress | ToolFinished) -> None:
        """A tool is called for a reply."""
        if (reply := self._replies.get(event.turn)) is not None:
            await reply.tool(event, self._clock)

    async def reply_retracted(self, turn: int, text: str) -> None:
        if (reply := self._replies.get(turn)) is not None:
            await reply.take_back(text)

    def shortened(self, event: QuestionShortened) -> None:
        """What of a question, or of what was said before, the model does not see."""
        if (reply := self._replies.get(event.turn)) is None:
            return
        if event.fit < event.tokens:
            reply.add_fact(f"only the last {event.fit:,} of {event.tokens:,} tokens of the question fit")
        elif event.turns:
            reply.add_fact(f"without the first {count(event.turns, 'turn')}: they do not fit")

    async def reply_finished(self, event: ReplyFinished) -> None:
        reply = self._replies.get(event.turn)
        if reply is None:
            return
        await reply.finish()
        if event.reason in ENDINGS:
            reply.add_fact(event.note or ENDINGS[event.reason])
        if event.reason == "failed":
            reply.failed(event.error)

    async def heard(self, turn: int, heard: str, unheard: str) -> None:
        """All that will be heard of a reply was heard."""
        if (reply := self._replies.get(turn)) is not None:
            await reply.voice_ended(heard, unheard)

    def speaks(self, event: ClauseStarted) -> None:
        """A part of a reply begins to sound."""
        if (reply := self._replies.get(event.turn)) is not None:
            reply.speaks(event.index, event.text)

    def turn_finished(self, event: TurnFinished) -> None:
        if (reply := self._replies.get(event.turn)) is not None:
            reply.close(event)

    async def remark(self, text: str) -> None:
        """Say something that is not part of the conversation, once: the same words again take the place of the last."""
        last = self.children[-1] if self.children else None
        if isinstance(last, Remark):
            await last.remove()
        await self._add(Remark(text))

    # ---- whole conversations

    async def show(self, turns: Iterable[Any]) -> None:
        """Show a kept conversation: `sessions.session.Turn`, oldest first."""
        await self.clear()
        turns = list(turns)
        self._gone = max(0, len(turns) - MOUNTED)
        for turn in turns[-MOUNTED:]:
            if turn.role == "user":
                await self._add(UserTurn(turn.text, spoken=turn.spoken, turn_id=turn.id))
                if turn.error:
                    reply = AssistantTurn(0)
                    await self._add(reply)
                    await reply.finish()
                    reply.failed(turn.error)
                continue
            reply = AssistantTurn(0, turn_id=turn.id)
            await self._add(reply)
            for number, call in enumerate(turn.calls):
                await reply.tool(call.event(number), self._clock)
            await reply.show(turn.text)
            if turn.heard is not None:
                await reply.voice_ended(turn.heard, turn.text[len(turn.heard) :])
            for job in ("llm", "tts"):
                if turn.engines.get(job):
                    reply.add_fact(turn.engines[job])
            if turn.interrupted:
                reply.add_fact(ENDINGS["interrupted"])
            if turn.unfinished:
                reply.add_fact("unfinished: VITA ended in the middle")
            if turn.error:
                reply.failed(turn.error)
        await self._say_what_is_gone()
        self.anchor()

    async def show_place(self, turn_id: str, words: str) -> None:
        """Scroll to the turn with that id, with `words` marked; what is older than what is shown stays where it is."""
        shown = (one for one in self.children if isinstance(one, UserTurn | AssistantTurn))
        turn = next((one for one in shown if one.turn_id == turn_id), None)
        if turn is None:
            self.app.notify(
                "It was said before what is shown here: f4 shows it.", title="History", markup=False
            )
            return
        place: Widget = turn
        if isinstance(turn, UserTurn):
            turn.mark_words(words)
        else:
            place = await turn.mark_words(words)
        self.release_anchor()
        self.call_after_refresh(self.scroll_to_widget, place, animate=False, center=True)

    async def mark_branch(self, turns: int) -> None:
        """Say behind the first `turns` turns that another answer is kept."""
        shown = [one for one in self.children if isinstance(one, UserTurn | AssistantTurn)]
        place = turns - self._gone
        line = Remark("↳ asked again: /branch shows the other answers")
        line.add_class("branch")
        if 0 <= place < len(shown):
            await self.mount(line, before=shown[place])
        elif place == len(shown):
            await self._add(line)

    async def clear(self) -> None:
        self._replies.clear()
        self._gone = 0
        self.cursor.leave()
        await self.query("Conversation > *").exclude("Welcome").remove()
        for welcome in self.query(Welcome):
            welcome.display = True

    # ---- what the user does

    def on_click(self, event: events.Click) -> None:
        if event.widget is not None and event.widget is not self and not self.screen.get_selected_text():
            self.post_message(self.Clicked(event.widget))

    @property
    def last_reply(self) -> AssistantTurn | None:
        replies = [child for child in self.children if isinstance(child, AssistantTurn)]
        return replies[-1] if replies else None

    @property
    def last_question(self) -> UserTurn | None:
        questions = [child for child in self.children if isinstance(child, UserTurn)]
        return questions[-1] if questions else None

    def to_the_end(self) -> None:
        """Show the newest words, and follow them from now on."""
        self.anchor()
        self.scroll_end(animate=False)

    @property
    def last_ended(self) -> AssistantTurn | None:
        """The last reply whose turn is over, whatever is answered now."""
        replies = [child for child in self.children if isinstance(child, AssistantTurn) and child.timings]
        return replies[-1] if replies else None

    async def _add(self, *widgets: Widget) -> None:
        for welcome in self.query(Welcome):
            welcome.display = False
        await self.mount(*widgets)
        surplus = [child for child in self.children if isinstance(child, UserTurn | AssistantTurn | Remark)][
            :-MOUNTED
        ]
        if surplus:
            self._gone += sum(not isinstance(child, Remark) for child in surplus)
            for child in surplus:
                if isinstance(child, AssistantTurn):
                    self._replies.pop(child.turn, None)
            await self.remove_children(surplus)
            await self._say_what_is_gone()

    async def _say_what_is_gone(self) -> None:
        await self.query(".gone").remove()
        if self._gone:
            line = Remark(f"{count(self._gone, 'earlier turn')} in the history: f4")
            line.add_class("gone")
            await self.mount(line, before=0)
