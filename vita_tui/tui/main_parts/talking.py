"""The microphone on the main screen: the talk key, hands-free, and what was understood so far."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType

from vita_tui.events import (
    Event,
    FinalTranscript,
    HandsFree,
    LevelChanged,
    NothingHeard,
    PartialTranscript,
    Pausing,
    State,
    StateChanged,
)
from vita_tui.tui.formatting import clean
from vita_tui.tui.main_parts.screen_part import ScreenPart
from vita_tui.tui.widgets.completions import Completions
from vita_tui.tui.widgets.conversation import Conversation
from vita_tui.tui.widgets.panel import Panel
from vita_tui.tui.widgets.partial import PartialLine
from vita_tui.tui.widgets.prompt import Prompt
from vita_tui.tui.widgets.status import StatusLine
from vita_tui.tui.word_offers import offer_words

__all__ = ["Talking"]


class Talking(ScreenPart):
    """Speaking to VITA, and stopping it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "ctrl+@,ctrl+space",
            "talk",
            "Talk",
            id="talk",
            key_display="^space",
            tooltip="Talk; press again, or pause, to send",
            priority=True,
        ),
        Binding(
            "escape",
            "stop",
            "Stop",
            id="stop",
            key_display="esc",
            tooltip="Stop speech, reply and recording; when nothing runs, dismiss notices",
        ),
        Binding(
            "alt+d",
            "dictate",
            "Dictate",
            id="dictate",
            tooltip="Speak into the prompt, to edit it before it is sent",
            show=False,
        ),
        Binding(
            "ctrl+t",
            "hands_free",
            "Hands-free",
            id="hands.free",
            tooltip="Hands-free listening on or off",
        ),
    ]

    heard = ""
    """What was understood since something was sent; whoever writes it otherwise sets it right."""

    async def show(self, event: Event) -> None:
        conversation, status = self.query_one(Conversation), self.query_one(StatusLine)
        match event:
            case LevelChanged():
                status.level, status.speech = event.dbfs, event.speech
                self.query_one(Panel).dbfs = event.dbfs
            case PartialTranscript():
                partial = self.query_one(PartialLine)
                partial.stable, partial.tail = event.stable, event.tail
            case StateChanged():
                self._show_state(event.state)
            case Pausing():
                status.pause(event.seconds, event.probability)
            case HandsFree():
                self._show_hands_free(event.on)
            case FinalTranscript():
                self.query_one(PartialLine).open = False
                self.heard = event.text
                if event.instead_of:
                    because = f": {event.because}" if event.because else ""
                    await conversation.remark(
                        f"{event.engine} understood this instead of {event.instead_of}{because}"
                    )
            case NothingHeard():
                self.query_one(PartialLine).open = False
                status.tell(event.reason or "Nothing heard.")
            case _:
                pass
        await super().show(event)

    def _show_hands_free(self, on: bool) -> None:
        self.query_one(StatusLine).hands_free = on
        self.query_one(Panel).hands_free = on
        self.app.notify(
            "Just speak. A pause sends it; enter sends it at once, space holds it open."
            if on
            else "The microphone opens with ctrl+space.",
            title="Hands-free" if on else "Hands-free off",
            timeout=6,
            markup=False,
        )

    def _show_state(self, state: State) -> None:
        status = self.query_one(StatusLine)
        status.state, status.paused = state, status.paused and state is State.SPEAKING
        self.query_one(Panel).state = state
        self.query_one(PartialLine).open = state is State.LISTENING
        self.query_one(Prompt).set_class(state is State.LISTENING, "listening")

    @on(Prompt.Sent)
    def _look_for_corrections(self, message: Prompt.Sent) -> None:
        offer_words(self.app, self.heard, message.text)
        self.heard = ""

    @on(Prompt.Decided)
    def _decided(self, message: Prompt.Decided) -> None:
        if message.send:
            self.app.talk()
        else:
            self.app.hold_open()

    def action_talk(self) -> None:
        self.app.talk()

    def action_stop(self) -> None:
        prompt = self.query_one(Prompt)
        if self.query_one(Completions).dismiss(prompt.text):
            return
        core = self.app.core
        if core is None or core.state in (State.IDLE, State.INITIALIZING):
            self.app.clear_notifications()
            self.query_one(Panel).dismiss()
        self.app.stop()
        prompt.focus()
        prompt.after_escape = True

    def action_hands_free(self) -> None:
        self.app.toggle_hands_free()

    def action_dictate(self) -> None:
        self.app.dictate()

    def show_words(self, stable: str, tail: str) -> None:
        """What was understood so far of what goes into the prompt."""
        partial = self.query_one(PartialLine)
        partial.stable, partial.tail = stable, tail

    def add_words(self, words: str) -> None:
        """Put what was said where the cursor is in the prompt."""
        self.query_one(PartialLine).open = False
        self.heard = f"{self.heard} {words}".strip()
        prompt = self.query_one(Prompt)
        row, column = prompt.cursor_location
        before = prompt.document[row][:column]
        prompt.insert(f"{'' if not before or before.endswith(' ') else ' '}{clean(words)}")
        prompt.focus()
