"""Tools on the screen: a line for each call, and the question whether one may be made."""

from __future__ import annotations

from typing import ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Static

from vita_tui.clock import Clock
from vita_tui.events import ToolAsked, ToolFinished, ToolStarted
from vita_tui.tui.formatting import clean
from vita_tui.tui.look import MUTED

__all__ = ["ToolLine", "ToolQuestion"]

TICK_SECONDS = 0.5
"""Between two figures of the seconds that a call takes."""
GUARD_SECONDS = 0.6
"""A key so soon after the question appeared was meant for something else."""
SIGNS = {
    "done": ("✓", "$text-success"),
    "failed": ("✗", "$text-error"),
    "denied": ("⊘", "$text-warning"),
    "cancelled": ("■", "$text-warning"),
}


def shown_name(tool: str, source: str) -> str:
    """A tool as people are shown it: its own name, after that of its server."""
    return tool if source in ("", "VITA") else f"{source} · {tool.removeprefix(f'{source}__')}"


class ToolLine(Static):
    """One call: its name, how long it takes, and what came of it."""

    def __init__(self, clock: Clock, event: ToolStarted | ToolFinished) -> None:
        super().__init__("", classes="tool")
        self._clock = clock
        self._tool_name = shown_name(event.tool, event.source)
        self._arguments = clean(getattr(event, "arguments", "")).replace("\n", " ")
        self._began = clock.monotonic()
        self._progress = ""
        self._over: ToolFinished | None = None
        self._ticker: Timer | None = None

    def on_mount(self) -> None:
        if self._over is None:
            self._ticker = self.set_interval(TICK_SECONDS, self._show)
        self._show()

    def progress(self, words: str) -> None:
        """How far it is."""
        self._progress = clean(words)
        self._show()

    def finish(self, event: ToolFinished) -> None:
        """It is over."""
        self._over = event
        if self._ticker is not None:
            self._ticker.stop()
        self._show()

    def _show(self) -> None:
        over = self._over
        if over is None:
            seconds = self._clock.monotonic() - self._began
            words = f" {seconds:.0f} s {self._progress}".rstrip()
            self.update(
                Content.assemble(
                    ("⚙ ", "$text-accent"),
                    self._tool_name,
                    (words, MUTED),
                    (f"  {self._arguments}"[:200], MUTED),
                )
            )
            return
        sign, style = SIGNS[over.outcome]
        seconds_words = "" if over.outcome == "denied" else f" {over.seconds:.1f} s"
        said = "not allowed" if over.outcome == "denied" else clean(over.summary)
        self.update(
            Content.assemble(
                (f"{sign} ", style),
                self._tool_name,
                (seconds_words, MUTED),
                (f"  {said}"[:200].rstrip(), MUTED),
            )
        )


class ToolQuestion(VerticalScroll, can_focus=True):
    """Shows a call in full, and takes the user's key for it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "decide('yes')", "Yes", id="tool.yes", tooltip="Make this call"),
        Binding("n", "decide('no')", "No", id="tool.no", tooltip="Do not make this call"),
        Binding(
            "a",
            "decide('always')",
            "Always",
            id="tool.always",
            tooltip="Allow this tool for the rest of the conversation",
        ),
        Binding(
            "r",
            "decide('looking')",
            "All that looks",
            id="tool.looking",
            tooltip="From now on allow all tools that only look",
        ),
    ]

    class Decided(Message):
        """The user has answered."""

        def __init__(self, call: str, decision: Literal["yes", "no", "always", "looking"]) -> None:
            super().__init__()
            self.call = call
            self.decision = decision

    def __init__(self, clock: Clock) -> None:
        super().__init__(id="tool-question")
        self._clock = clock
        self._shown = 0.0
        self.asked: ToolAsked | None = None
        self._text = Static("", markup=False)
        self.display = False

    def compose(self) -> ComposeResult:
        yield self._text

    def ask(self, event: ToolAsked) -> None:
        """Show what is asked."""
        self.asked = event
        self._shown = self._clock.monotonic()
        looks = event.effect == "look"
        who = "VITA’s own tool" if event.source == "VITA" else f"a tool of {event.source}"
        keys = "y yes   n no   a always in this conversation" + (
            "   r all that only looks, for good" if looks else ""
        )
        self._text.update(
            Content.assemble(
                ("? ", "bold $text-warning"),
                (f"May {clean(shown_name(event.tool, event.source))} be called? ", "bold"),
                (f"{who}{', which only looks' if looks else ''}\n", MUTED),
                f"{event.arguments or 'without arguments'}\n",
                (keys, "$text-accent"),
            )
        )
        self.display = True
        self.scroll_home(animate=False)

    def end(self) -> None:
        """It is asked no more."""
        self.asked = None
        self.display = False

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "decide" and parameters == ("looking",):
            return self.asked is not None and self.asked.effect == "look"
        return True

    def action_decide(self, decision: Literal["yes", "no", "always", "looking"]) -> None:
        if self.asked is None or self._clock.monotonic() - self._shown < GUARD_SECONDS:
            return
        self.post_message(self.Decided(self.asked.call, decision))
