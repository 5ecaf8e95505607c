"""What an empty conversation shows: what to do, how far the engines are; at first what can be tried, later the last conversations."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from vita_tui.clock import Clock
from vita_tui.events import EngineStatus
from vita_tui.sessions.session import SessionSummary
from vita_tui.tui.formatting import ago, clean, one_line
from vita_tui.tui.look import MUTED, bar, level
from vita_tui.tui.widgets.panel import EngineRows

__all__ = ["RECENT", "RecentConversation", "Welcome"]

RECENT = 3
"""Conversations that can be gone on with."""
METER = 12
"""Cells of the microphone's level."""
SPEECH = 0.5
"""Probability of speech from which the microphone is heard."""
EXAMPLES = ("What time is it?", "Set a timer for ten minutes", "Why is the sky blue?")


def _words(microphone: bool) -> Content:
    begin = (
        ["Press ", ("ctrl+space", "bold"), " and speak, or type below."] if microphone else ["Type below."]
    )
    keys = ("f1 shows the keys, ctrl+p every action.", MUTED)
    return Content.assemble(("VITA", "bold $text-primary"), "\n\n", *begin, "\n", keys)


class RecentConversation(Static):
    """A conversation that a click or its key goes on with."""

    class Chosen(Message):
        def __init__(self, session_id: str) -> None:
            super().__init__()
            self.session_id = session_id

    def __init__(self, number: int, summary: SessionSummary, now: float) -> None:
        title = one_line(clean(summary.title), 40) or "Untitled"
        when = ago(now - summary.last_active)
        super().__init__(
            Content.assemble((f"alt+{number}  ", "bold"), (title, "underline"), (f"  {when}", MUTED)),
            classes="recent",
        )
        self.session_id = summary.id

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.post_message(self.Chosen(self.session_id))


class Welcome(Vertical):
    """In the middle of the conversation until the first word."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._microphone = True
        self._heard = False
        self._level = 0.0
        self._better = ""
        self.recent: Sequence[SessionSummary] = ()
        """Conversations that can be gone on with."""

    def compose(self) -> ComposeResult:
        yield Static(_words(microphone=True), classes="words")
        yield Static(classes="first", id="welcome-first")
        yield Vertical(id="welcome-recent")
        yield EngineRows(self._clock, classes="rows")

    def on_mount(self) -> None:
        self.query_one("#welcome-first").display = False
        self.query_one("#welcome-recent").display = False

    def show_microphone(self, there: bool) -> None:
        self._microphone = there
        self.query_one(".words", Static).update(_words(there))
        self._show_first()

    def show_engine(self, status: EngineStatus) -> None:
        self.query_one(EngineRows).show(status)

    def show_level(self, dbfs: float, speech: float) -> None:
        """The microphone hears something.

        Args:
            dbfs: how loud.
            speech: the probability that it is speech, 0 to 1.
        """
        if self.display and self.query_one("#welcome-first").display:
            self._level, self._heard = level(dbfs), self._heard or speech >= SPEECH
            self._show_first()

    def show_first(self, better: str) -> None:
        """Show what can be tried.

        Args:
            better: a language model that this machine has room for, in words; empty for none.
        """
        self._better = better
        self.query_one("#welcome-recent").display = False
        self.query_one("#welcome-first").display = True
        self._show_first()

    async def show_recent(self, summaries: Sequence[SessionSummary]) -> None:
        """Offer to go on with these."""
        self.recent = summaries
        self.query_one("#welcome-first").display = False
        place = self.query_one("#welcome-recent")
        now = self._clock.time()
        with self.app.batch_update():
            await place.remove_children()
            await place.mount(*(RecentConversation(at, one, now) for at, one in enumerate(summaries, 1)))
        place.display = bool(summaries)

    def _show_first(self) -> None:
        if not self._microphone:
            hears = Content.assemble(("✗ none found", "$text-warning"), ("  vita devices", MUTED))
        elif self._heard:
            hears = Content.assemble(
                ("✓ heard", "$text-success"), " ", (bar(self._level, METER), "$text-success")
            )
        else:
            said = "ctrl+space, and say something: " if not self._level else "say something: "
            hears = Content.assemble(said, (bar(self._level, METER), f"{MUTED} on $foreground 8%"))
        lines = [
            Content.assemble(("microphone  ", MUTED), hears),
            Content.assemble(("voice       ", MUTED), ("alt+v", "bold"), " lets you hear it"),
            Content.assemble(("you can say ", MUTED), f"“{EXAMPLES[0]}”"),
            *(Content(f"            “{words}”") for words in EXAMPLES[1:]),
        ]
        if self._better:
            lines.append(Content.assemble(("model       ", MUTED), self._better, ": ", ("/model", "bold")))
        self.query_one("#welcome-first", Static).update(Content("\n").join(lines))
