"""What is typed: questions, and commands that begin with a slash."""

from __future__ import annotations

import contextlib
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType

from vita_tui.errors import VitaError
from vita_tui.text.slash import parse
from vita_tui.tui.commands import find
from vita_tui.tui.formatting import clean
from vita_tui.tui.main_parts.chosen_blocks import ChosenBlocks
from vita_tui.tui.widgets.conversation import Conversation
from vita_tui.tui.widgets.prompt import Prompt

__all__ = ["Questions"]


class Questions(ChosenBlocks):
    """What the prompt sends."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+n", "new", "New", id="new", tooltip="Start a new conversation; this one is kept"),
    ]

    @on(Prompt.Sent)
    def _sent(self, message: Prompt.Sent) -> None:
        self._take(message.text)

    def _take(self, text: str) -> None:
        """A question, or a command, which begins with a slash; two of them stand for one."""
        if edited := self.take_edited():
            self.app.ask_again(edited, text)
            return
        if text.startswith("//"):
            self.app.ask(text[1:])
            return
        parsed = parse(text)
        if parsed is None:
            self.app.ask(text)
            return
        name, words = parsed
        command = find(name)
        if command is None:
            self.app.notify(
                "/ shows them all, // begins a question with a slash.",
                title=f"No command /{clean(name)}",
                markup=False,
            )
        elif words and not command.takes:
            self.app.notify(f"/{name} takes no words.", title=command.title, markup=False)
        elif command.needs and not words:
            self.app.notify(f"/{name} {command.takes}", title=command.title, markup=False)
        else:
            command.run(self.app, words)

    @on(Prompt.Question)
    def _wonders(self) -> None:
        self.app.action_help()

    @on(Prompt.Leave)
    def _leaves(self) -> None:
        self.app.spawn(self.app.action_quit(), "quit")

    @on(Prompt.Search)
    def _search_asked(self, message: Prompt.Search) -> None:
        from vita_tui.tui.screens.asked_picker import AskedPicker

        recall = self.query_one(Prompt).recall
        words = "" if "\n" in message.words else message.words
        self.app.push_screen(AskedPicker(recall.newest() if recall is not None else (), words))

    @on(Prompt.Outside)
    def _edit_outside(self) -> None:
        self.app.spawn(self._edit_in_own_editor(), "editor")

    async def _edit_in_own_editor(self) -> None:
        from vita_tui.tui.own_editor import edit, editor

        prompt = self.query_one(Prompt)
        try:
            with self.app.lent_terminal() as terminal:
                written = await edit(prompt.unfolded, editor(), terminal)
        except VitaError as error:
            words = f"{error.message} {error.remedy}".strip()
            self.app.notify(words, title="Not edited", severity="warning", markup=False)
            return
        prompt.put(written)

    def edit(self, text: str) -> None:
        """Put `text` into the prompt."""
        self.query_one(Prompt).put(text)

    @on(Prompt.ToTheEnd)
    def _to_the_end(self) -> None:
        self.query_one(Conversation).to_the_end()

    @on(Conversation.Below)
    def _below(self, message: Conversation.Below) -> None:
        self.query_one(Prompt).border_title = "▾ more below: end" if message.more else ""

    def edit_last(self) -> None:
        """Put the last question into the prompt."""
        if (question := self.query_one(Conversation).last_question) is not None:
            self.query_one(Prompt).put(question.text)

    @on(Prompt.Grown)
    def _grown(self, message: Prompt.Grown) -> None:
        self.run_worker(self._look(message.text, send=message.send), group="fits", exclusive=True)

    async def _look(self, text: str, *, send: bool) -> None:
        """Say what of a long text the model would not see."""
        core, left_out = self.app.core, None
        if core is not None:
            with contextlib.suppress(VitaError):  # the question itself will tell
                left_out = await core.fits(text)
        self.query_one(Prompt).looked(text, str(left_out or ""), send=send)

    def action_new(self) -> None:
        self.app.new_session()

    async def await_answer(self, text: str) -> None:
        """Show a question that is not asked yet."""
        async with self._showing:
            await self.query_one(Conversation).await_answer(text)
