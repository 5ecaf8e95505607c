"""The one line that is always there: state, microphone, mode, how long the last answer took."""

from __future__ import annotations

from collections import deque
from time import monotonic

from textual.content import Content
from textual.reactive import reactive
from textual.timer import Timer
from textual.widget import Widget

from vita_tui.events import State
from vita_tui.tui.formatting import clean, milliseconds, one_line
from vita_tui.tui.look import MUTED, STATE, WORDS, level, wave

__all__ = ["StatusLine"]

TICK = 0.1
"""Seconds between two figures of the countdown."""
WAIT_SHOWN = 2
"""Seconds of thinking from which they are counted."""
WAIT_EXPLAINED = 5
"""Seconds from which it is said what is waited for, and how to end it."""
SAID_SECONDS = 3.0
"""For which something is told in passing."""
METER = 10
"""Cells of the microphone's waveform, one for each tenth of a second."""


class StatusLine(Widget):
    """One row; what matters least goes first when there is little room."""

    ALLOW_SELECT = False

    _until: float | None = None
    """Monotonic seconds at which the pause ends what is said."""
    _since = 0.0
    """Monotonic seconds at which the state became what it is."""
    _likely: float | None = None
    """That the user has finished, 0 to 1."""
    _forget: Timer | None = None
    """Ends what is told in passing."""

    state: reactive[State] = reactive(State.INITIALIZING)
    microphone: reactive[bool] = reactive(True)
    """Whether there is one."""
    level: reactive[float] = reactive(-90.0)
    """dBFS."""
    speech: reactive[float] = reactive(0.0)
    """Probability of speech."""
    aloud: reactive[bool] = reactive(True)
    context: reactive[float | None] = reactive(None)
    """Share of the model's window that the conversation takes, 0 to 1."""
    pace: reactive[float | None] = reactive(None)
    """Tokens per second of the last reply."""
    muted: reactive[bool] = reactive(False)
    """Nothing is spoken for now."""
    last: reactive[float | None] = reactive(None)
    """Milliseconds from the user's last word to the first sound of the answer."""
    countdown: reactive[float | None] = reactive(None)
    """Seconds until the pause ends the utterance."""
    hands_free: reactive[bool] = reactive(False)
    """The microphone listens without a key."""
    paused: reactive[bool] = reactive(False)
    """What is being said waits to be gone on with."""
    waits_for: reactive[str | None] = reactive("the model")
    """Who is to say the first word of the answer; None when it has been said."""
    waited: reactive[int] = reactive(0)
    """Whole seconds of thinking."""
    leaving: reactive[tuple[str, ...]] = reactive(())
    """What leaves this machine and where it goes, in words, and shorter; empty when nothing does."""
    hint: reactive[str] = reactive("")
    """What the keyboard can do, such as "hold ctrl+space to talk"."""
    said: reactive[str] = reactive("")
    """What is told in passing, such as that nothing was heard."""

    def tell(self, text: str) -> None:
        """Say something that is forgotten after `SAID_SECONDS`."""
        self.said = clean(text)
        if self._forget is not None:
            self._forget.stop()
        self._forget = self.set_timer(SAID_SECONDS, lambda: setattr(self, "said", ""))

    def watch_level(self, dbfs: float) -> None:
        self._heard.append(level(dbfs))

    def __init__(self) -> None:
        super().__init__(id="status")
        self._heard: deque[float] = deque(maxlen=METER)
        """How loud the last tenths of a second were, 0 to 1."""

    def pause(self, seconds: float | None, probability: float | None = None) -> None:
        """Count down from `seconds`; None: there is nothing to wait for.

        Args:
            probability: that the user has finished, 0 to 1; None when that is not known.
        """
        self._likely = probability
        self._until = None if seconds is None else monotonic() + seconds
        self._ticker.resume() if self._until is not None else self._ticker.pause()
        self._tick()

    @property
    def pausing(self) -> bool:
        """Whether a pause is about to end what the user says."""
        return self.countdown is not None

    def on_mount(self) -> None:
        self._ticker = self.set_interval(TICK, self._tick, pause=True)
        self._wait_ticker = self.set_interval(1.0, self._count_wait, pause=True)

    def watch_state(self, before: State, state: State) -> None:
        if state is before or not self.is_mounted:
            return
        self.waited, self._since = 0, monotonic()
        if state is State.LISTENING:
            self._heard.clear()
        if state is State.THINKING:
            self.waits_for = "the model"
            self._wait_ticker.resume()
        else:
            self._wait_ticker.pause()

    def _count_wait(self) -> None:
        self.waited = int(monotonic() - self._since)

    def _waited(self) -> str:
        """How long nothing has been answered; after a while what is waited for, and how to end it."""
        if self.state is not State.THINKING or self.waits_for is None or self.waited < WAIT_SHOWN:
            return ""
        if self.waited < WAIT_EXPLAINED:
            return f" {self.waited} s"
        return f" {self.waited} s · waits for {one_line(self.waits_for, 24)} · esc drops it"

    def _tick(self) -> None:
        left = None if self._until is None else self._until - monotonic()
        self.countdown = left if left is not None and left > 0.0 else None

    def render(self) -> Content:
        symbol, style = STATE[self.state]
        word = "paused" if self.paused else WORDS[self.state]
        left = Content.assemble((f" {symbol} {word}", f"bold {style}"), (self._waited(), MUTED))
        if self.said:
            told = one_line(self.said, max(0, self.size.width - left.cell_length - 4))
            left = Content.assemble(left, "   ", (told, "$text-warning"))
        right = self._right()
        room = self.size.width - left.cell_length
        for part in (self._microphone(METER), self._microphone(0)):
            if part.cell_length + 3 <= room:
                left = Content.assemble(left, "   ", part)
                break
        # What leaves this machine is said last of all, and goes last.
        said = [[Content.assemble((words, "$text-warning"))] for words in self.leaving]
        for tail in [*said, []]:
            for count in range(len(right) + 1):
                joined = Content("   ").join([*right[count:], *tail])
                if not joined.cell_length:
                    continue
                if left.cell_length + joined.cell_length + 4 <= self.size.width:
                    gap = self.size.width - left.cell_length - joined.cell_length - 1
                    return Content.assemble(left, " " * gap, joined)
        return left

    def _microphone(self, width: int) -> Content:
        if not self.microphone:
            return Content.assemble(("no microphone", "$text-warning"))
        if self.state is not State.LISTENING and self.hands_free:
            return Content.assemble(("mic hands-free", "$text-error"))
        if self.state is not State.LISTENING:
            return Content.assemble(("mic off", MUTED))
        if width == 0:
            return Content.assemble(("mic on", "bold $text-error"))
        meter = wave(self._heard, width)
        style = "$text-success" if self.speech >= 0.5 else MUTED
        return Content.assemble(
            ("mic ", "bold $text-error"),
            (meter, f"{style} on $foreground 8%"),
            (f" {self.level:3.0f} dB", MUTED),
        )

    def _right(self) -> list[Content]:
        parts = []
        if self.hint and self.microphone:
            parts.append(Content.assemble((self.hint, MUTED)))
        if self.countdown is not None:
            likely = "" if self._likely is None else f" · {self._likely:.0%} finished"
            parts.append(Content.assemble((f"sends in {self.countdown:.1f} s{likely}", "$text-warning")))
        if self.last is not None:
            parts.append(Content.assemble(("answered in ", MUTED), milliseconds(self.last)))
        if self.pace is not None and not self.aloud:
            parts.append(Content.assemble((f"{self.pace:,.0f} tokens/s", MUTED)))
        if self.context is not None:
            style = "$text-warning" if self.context >= 0.9 else MUTED
            parts.append(Content.assemble((f"context {min(self.context, 1.0):.0%}", style)))
        mode, style = ("aloud", "bold") if self.aloud else ("silent", MUTED)
        if self.aloud and self.muted:
            mode, style = "muted", "bold $text-warning"
        parts.append(Content.assemble((mode, style)))
        return parts
