"""Tools on the main screen: what is called, and whether it may be."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType

from vita_tui.events import Event, ToolAnswered, ToolAsked, ToolFinished, ToolProgress, ToolStarted
from vita_tui.tui.formatting import clean
from vita_tui.tui.main_parts.screen_part import ScreenPart
from vita_tui.tui.widgets.conversation import Conversation
from vita_tui.tui.widgets.prompt import Prompt
from vita_tui.tui.widgets.tool_lines import ToolQuestion

__all__ = ["ToolQuestions"]


class ToolQuestions(ScreenPart):
    """Calls of tools, and the question whether one may be made."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "f7",
            "tool_question",
            "Tool",
            id="tool.question",
            tooltip="Answer whether a tool may be called",
            show=False,
            priority=True,  # text areas have a use for it
        ),
    ]

    async def show(self, event: Event) -> None:
        match event:
            case ToolStarted() | ToolProgress() | ToolFinished():
                await self.query_one(Conversation).tool(event)
            case ToolAsked():
                self._ask_tool(event)
            case ToolAnswered():
                self._end_tool(event)
            case _:
                pass
        await super().show(event)

    def _ask_tool(self, event: ToolAsked) -> None:
        question, prompt = self.query_one(ToolQuestion), self.query_one(Prompt)
        question.ask(event)
        # Whoever is typing goes on typing: f7 leads to the question.
        if not prompt.text:
            question.focus()
        else:
            self.app.notify(
                "f7 leads to the question.",
                title=f"May {clean(event.tool)} be called?",
                severity="warning",
                markup=False,
            )

    def _end_tool(self, event: ToolAnswered) -> None:
        question = self.query_one(ToolQuestion)
        if question.asked is not None and question.asked.call == event.call:
            had_focus = question.has_focus
            question.end()
            if had_focus:
                self.query_one(Prompt).focus()

    @on(ToolQuestion.Decided)
    def _tool_decided(self, message: ToolQuestion.Decided) -> None:
        self.app.allow_tool(message.call, message.decision)

    def action_tool_question(self) -> None:
        question = self.query_one(ToolQuestion)
        if question.asked is not None:
            question.focus()
