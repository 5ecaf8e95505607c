"""What the parts of the main screen have in common."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from textual.screen import Screen

from vita_tui.events import Event
from vita_tui.tui.messages import Bridge, Happened

if TYPE_CHECKING:
    from vita_tui.tui.app import VitaApp

__all__ = ["ScreenPart"]


class ScreenPart(Screen[None]):
    """A theme of the main screen. A new one: `BINDINGS`, their actions, a `show` for its events, and its name in `MainScreen`."""

    app: VitaApp

    def __init__(self) -> None:
        super().__init__()
        self.bridge = Bridge(self.post_message)
        self._showing = asyncio.Lock()
        """Held while the conversation on the screen is changed: it grows, is cut and is cleared one after the other."""

    async def on_happened(self, _: Happened) -> None:
        async with self._showing:
            await self.show_waiting()

    async def show_waiting(self) -> None:
        """Show what happened and was not shown yet; `_showing` is held."""
        for event in self.bridge.take():
            with self.app.mishaps.contained(type(event).__name__):
                await self.show(event)

    async def show(self, event: Event) -> None:
        """Show what this part knows of `event`, and hand it on to the next part."""
