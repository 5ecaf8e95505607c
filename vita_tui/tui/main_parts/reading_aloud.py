"""The voice on the main screen: whether replies are spoken, and being led through what is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from vita_tui.events import ClauseStarted, Event, Heard, Paused, SettingChanged
from vita_tui.tui.main_parts.screen_part import ScreenPart
from vita_tui.tui.widgets.conversation import Conversation
from vita_tui.tui.widgets.status import StatusLine

if TYPE_CHECKING:
    from vita_tui.tui.core import Steered

__all__ = ["ReadingAloud"]


class ReadingAloud(ScreenPart):
    """What is said aloud."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "f9",
            "voice",
            "Voice/text",
            id="voice",
            tooltip="Speak replies aloud, or only show them",
            show=False,
        ),
        Binding(
            "f6",
            "pause",
            "Pause",
            id="pause",
            tooltip="Pause the voice, and go on at the same word",
            show=False,
            priority=True,  # a text area has this key for something nobody misses
        ),
        Binding(
            "alt+left",
            "back",
            "Back",
            id="voice.back",
            tooltip="Have the sentence said again, or the one before",
            show=False,
        ),
        Binding(
            "alt+right",
            "skip",
            "Skip",
            id="voice.skip",
            tooltip="Go on with the next sentence",
            show=False,
        ),
    ]

    async def show(self, event: Event) -> None:
        conversation, status = self.query_one(Conversation), self.query_one(StatusLine)
        match event:
            case Paused():
                status.paused = event.on
            case SettingChanged(key="audio.speak"):
                status.aloud = bool(event.value)
            case ClauseStarted():
                conversation.speaks(event)
            case Heard(final=True):
                await conversation.heard(event.turn, event.heard, event.unheard)
            case _:
                pass
        await super().show(event)

    def action_voice(self) -> None:
        self.app.toggle_voice()

    def action_pause(self) -> None:
        self._steer(lambda aloud: aloud.unpause() if aloud.paused else aloud.pause())

    def action_back(self) -> None:
        self._steer(lambda aloud: aloud.back())

    def action_skip(self) -> None:
        self._steer(lambda aloud: aloud.forward())

    def _steer(self, how: Callable[[Steered], bool]) -> None:
        if self.app.core is not None and not how(self.app.core.aloud):
            self.app.notify("Nothing is being said.", title="Voice", timeout=3, markup=False)
