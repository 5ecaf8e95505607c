"""The main screen: the conversation, the prompt, the status line and the live panel. What each part does is in `main_parts`."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical

from vita_tui.clock import Clock
from vita_tui.events import AlarmsChanged, Event, SessionChanged, SettingChanged
from vita_tui.tui.main_parts.choices import Choices
from vita_tui.tui.main_parts.notices import Notices
from vita_tui.tui.main_parts.questions import Questions
from vita_tui.tui.main_parts.reading_aloud import ReadingAloud
from vita_tui.tui.main_parts.shown_replies import ShownReplies
from vita_tui.tui.main_parts.talking import Talking
from vita_tui.tui.main_parts.terminal_window import TerminalWindow
from vita_tui.tui.main_parts.tool_questions import ToolQuestions
from vita_tui.tui.main_parts.welcoming import Welcoming
from vita_tui.tui.widgets.completions import Completions
from vita_tui.tui.widgets.conversation import Conversation
from vita_tui.tui.widgets.key_line import KeyLine
from vita_tui.tui.widgets.panel import Panel
from vita_tui.tui.widgets.partial import PartialLine
from vita_tui.tui.widgets.prompt import Prompt
from vita_tui.tui.widgets.status import StatusLine
from vita_tui.tui.widgets.tool_lines import ToolQuestion

__all__ = ["MainScreen"]


class MainScreen(
    Notices, Choices, ToolQuestions, ShownReplies, Questions, ReadingAloud, Talking, Welcoming, TerminalWindow
):
    """Shows what happens. What the user wants done goes to the app, which has the core."""

    AUTO_FOCUS = "#prompt"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - as the base class declares it
    VERTICAL_BREAKPOINTS = [(0, "-short"), (14, "-middle"), (24, "-tall")]  # noqa: RUF012 - as the base class declares it
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f3", "panel", "Panel", id="panel", tooltip="Show or hide the live panel"),
    ]

    def __init__(self, clock: Clock, *, panel: bool = True) -> None:
        super().__init__()
        self._clock = clock
        self.set_class(not panel, "panel-off")

    def compose(self) -> ComposeResult:
        with Horizontal(id="body"):
            with Vertical(id="left"):
                yield Conversation(self._clock)
                yield PartialLine(id="partial")
                yield ToolQuestion(self._clock)
                yield Completions()
                yield Prompt()
            yield Panel(self._clock)
        yield StatusLine()
        yield KeyLine()

    def on_mount(self) -> None:
        self.query_one(PartialLine).display = False
        status = self.query_one(StatusLine)
        prompt = self.query_one(Prompt)
        prompt.in_pause = lambda: status.pausing
        prompt.completions = self.query_one(Completions)

    async def show(self, event: Event) -> None:
        """Show one event."""
        match event:
            case SessionChanged():
                self.query_one(Panel).show_session(event)
            case SettingChanged() if self.app.core is not None:
                from vita_tui.settings.destinations import leaving

                self.query_one(StatusLine).leaving = leaving(self.app.core.settings)
            case AlarmsChanged():
                self.query_one(Panel).show_alarms(event.alarms)
            case _:
                pass
        await super().show(event)

    def action_panel(self) -> None:
        if self.has_class("-wide"):
            self.toggle_class("panel-off")
        else:
            self.toggle_class("panel-over")
