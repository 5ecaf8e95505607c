"""Listening without a key: switched on where the microphone allows it, and off."""

from __future__ import annotations

from vita_tui.conversation.turn_taking import TurnTaking
from vita_tui.events import EventBus, HandsFree, Notice, State

__all__ = ["HandsFreeSwitch"]


class HandsFreeSwitch:
    """On the assistant's loop."""

    def __init__(self, turn: TurnTaking, bus: EventBus) -> None:
        self._turn = turn
        self._bus = bus

    @property
    def on(self) -> bool:
        """Whether the microphone listens without a key."""
        return self._turn.hearing is not None and self._turn.hearing.hands_free

    def set(self, on: bool) -> None:
        """Listen without a key from now on, or only with one; says so, and what it depends on."""
        hearing = self._turn.hearing
        if hearing is None:
            self._turn.tell_no_microphone()
            return
        echo = hearing.echo.status if hearing.echo is not None else None
        if on and echo is not None and echo.mode == "push_to_talk":
            why = (
                echo.reason
                or "The settings, or vita calibrate, want the microphone to be opened by the key only."
            )
            self._bus.publish(
                Notice("Not hands-free", why, "Settings: audio.duplex", "warning", key="hands-free")
            )
            return
        hearing.hands_free = on
        if not on and self._turn.state is State.LISTENING:
            self._turn.stop()
        self._bus.publish(HandsFree(on))
        if on and echo is not None and echo.reason:
            self._bus.publish(Notice("Half duplex", echo.reason, "", "information", key="duplex"))
