"""Choices on the main screen: which profile is used, and what replies cost."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from vita_tui.events import (
    ContextUsed,
    ConversationChanged,
    EnginesReplaced,
    Event,
    Muted,
    ReplyFinished,
    SessionChanged,
    UserSaid,
)
from vita_tui.tui.choice_commands import mute
from vita_tui.tui.main_parts.screen_part import ScreenPart
from vita_tui.tui.widgets.panel import EngineRows, Panel
from vita_tui.tui.widgets.prompt import Prompt
from vita_tui.tui.widgets.status import StatusLine

__all__ = ["Choices"]


class Choices(ScreenPart):
    """What was chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "alt+m",
            "app.choose('model')",
            "Model",
            id="choose.model",
            tooltip="Choose the language model",
            show=False,
        ),
        Binding("alt+s", "mute", "Mute", id="mute", tooltip="Speak nothing for now", show=False),
    ]

    profile = ""
    """The one that is used; empty for none."""

    async def show(self, event: Event) -> None:
        match event:
            case ConversationChanged():
                self.profile = event.profile
                self.query_one(Panel).show_own(event)
            case UserSaid() | ReplyFinished():
                prompt = self.query_one(Prompt)
                prompt.cut_off = isinstance(event, ReplyFinished) and event.reason == "length"
                prompt.border_title = "Cut off: enter goes on" if prompt.cut_off else ""
            case ContextUsed() if event.window:
                status = self.query_one(StatusLine)
                status.context, status.pace = event.used / event.window, event.pace
            case SessionChanged() if not event.session_id:
                status = self.query_one(StatusLine)
                status.context = status.pace = None
            case Muted():
                self.query_one(StatusLine).muted = event.on
            case EnginesReplaced():
                for rows in self.query(EngineRows):
                    rows.replaced(event.job, event.engines)
            case _:
                pass
        await super().show(event)

    def action_mute(self) -> None:
        mute(self.app)
