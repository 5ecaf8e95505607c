"""The empty conversation on the main screen: at first what can be tried, later the last conversations."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType

from vita_tui.events import Event, LevelChanged, SessionChanged
from vita_tui.tui.core import Core
from vita_tui.tui.formatting import size
from vita_tui.tui.main_parts.screen_part import ScreenPart
from vita_tui.tui.widgets.conversation import Conversation
from vita_tui.tui.widgets.panel import Panel
from vita_tui.tui.widgets.welcome import RECENT, RecentConversation, Welcome

__all__ = ["Welcoming"]

SPARED = 0.5
"""Share of the free memory that a model may take which is recommended."""


class Welcoming(ScreenPart):
    """What is there to be done before the first word."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("alt+v", "try_voice", "Voice", id="voice.try", tooltip="Hear the voice", show=False),
        *(
            Binding(
                f"alt+{number}",
                f"recent({number - 1})",
                "Recent",
                id=f"recent.{number}",
                tooltip=f"Go on with conversation {number} of the welcome screen",
                show=False,
            )
            for number in range(1, RECENT + 1)
        ),
    ]

    async def show(self, event: Event) -> None:
        match event:
            case LevelChanged():
                for welcome in self.query(Welcome):
                    welcome.show_level(event.dbfs, event.speech)
            case SessionChanged(session_id=""):
                self.run_worker(self.greet(), group="greet", exclusive=True)
            case _:
                pass
        await super().show(event)

    async def greet(self) -> None:
        """Show the last conversations, or what can be tried where there are none."""
        from vita_tui.errors import StoreError

        if (core := self.app.core) is None:
            return
        present = core.session.id if core.session is not None else ""
        try:
            found = await core.sessions.list(limit=RECENT + 1)
        except StoreError:  # told already, by whoever keeps the store
            return
        recent = [one for one in found if one.id != present and one.turns][:RECENT]
        if recent:
            await self.query_one(Welcome).show_recent(recent)
        elif core.session is None or not core.session.turns:
            await self._show_first(core)

    async def _show_first(self, core: Core) -> None:
        memory = self.query_one(Panel).memory or await asyncio.to_thread(self.app.measure_memory)
        available = memory.available if memory is not None else 0
        better = await asyncio.to_thread(_better_model, core, available)
        self.query_one(Welcome).show_first(better)

    async def action_welcome(self) -> None:
        """Show again what was shown at the first start."""
        if (core := self.app.core) is None:
            return
        await self._show_first(core)
        welcome, conversation = self.query_one(Welcome), self.query_one(Conversation)
        welcome.display = True
        conversation.release_anchor()
        conversation.scroll_home(animate=False)

    def action_try_voice(self) -> None:
        if (core := self.app.core) is not None:
            self.app.spawn(core.sample({}, core.settings.spoken_language), "try the voice")

    def action_recent(self, place: int) -> None:
        welcome = self.query_one(Welcome)
        if welcome.display and place < len(welcome.recent):
            self._open_recent(welcome.recent[place].id)

    @on(RecentConversation.Chosen)
    def _recent_clicked(self, event: RecentConversation.Chosen) -> None:
        self._open_recent(event.session_id)

    def _open_recent(self, session_id: str) -> None:
        self.app.spawn(self.app.resume(session_id), "resume")


def _better_model(core: Core, available: int) -> str:
    """The largest language model of the catalogue that the machine has room for, where the small one is used; empty for none."""
    from vita_tui.models import catalogue
    from vita_tui.models.memory_need import fits
    from vita_tui.settings import LlmSettings

    used = core.settings.llm
    if used.on_server or used.model != LlmSettings().model:
        return ""
    room = int(available * SPARED)
    offers = [one for one in catalogue.default().offers if one.kind == "llm" and fits(one.size, room)]
    best = max(offers, key=lambda one: one.size, default=None)
    return "" if best is None else f"{best.title or best.name} ({size(best.size)}) fits into memory"
