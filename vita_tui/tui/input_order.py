"""What the user does reaches the screen in the order in which they did it, and never what is not there any more."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from textual import events
from textual.app import App
from textual.errors import NoWidget
from textual.geometry import Size
from textual.message_pump import MessagePump

from vita_tui.tui.widgets.typing import InOrder

__all__ = ["at_least", "points_at_something", "press"]

MIN_SIZE = Size(20, 4)
"""Columns and rows that are laid out at least. A smaller window shows the top left of them; many a widget cannot be laid out in no room."""
HANGS = 0.5
"""Seconds that a key waits for those before it."""


async def press(app: App[Any], event: events.Key) -> bool:
    """Do what the key is bound to outside of text: after the keys that came before it, and before those that come after.

    Textual hands a key from widget to widget first; what is typed behind f4 would still go to the prompt.

    Returns:
        False when it is bound to nothing, or belongs to the text that is being written.
    """
    screen, focused = app.screen, app.focused
    if focused is not None and focused.check_consume_key(event.key, event.character):
        return False
    active = screen.active_bindings.get(event.key)
    if active is None or (active.node is focused and isinstance(focused, InOrder)):
        return False
    if active.binding.id != "quit":
        for pump in (focused, screen):
            await _caught_up(pump)
        if (screen, focused) != (app.screen, app.focused):  # the keys before it have led elsewhere
            return await press(app, event)
    if event.key == "escape":
        app.screen.clear_selection()
    return await app.run_action(active.binding.action, active.node)


async def _caught_up(pump: MessagePump | None) -> None:
    """Wait until `pump` has taken all that waits for it; not for one that hangs."""
    reached = asyncio.Event()
    if pump is not None and pump.call_later(reached.set):
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(reached.wait(), HANGS)


def points_at_something(app: App[Any], event: events.MouseEvent) -> bool:
    """Whether the mouse is not at what has left the screen since it was painted last: Textual would look for its parent."""
    try:
        widget, _ = app.screen.get_widget_at(event.x, event.y)
    except NoWidget:
        return True
    return widget is app.screen or widget.parent is not None


def at_least(event: events.Resize) -> events.Resize:
    """`event`, for a window of `MIN_SIZE` when it is smaller."""
    size = Size(max(event.size.width, MIN_SIZE.width), max(event.size.height, MIN_SIZE.height))
    return event if size == event.size else events.Resize(size, size, size, event.pixel_size)
