"""Somebody speaks while it is our turn: the reply is turned down at once, and it is found out whether that was meant.

Lives on the asyncio loop. A contest is won by words that want something and are not our own; it is lost when the sound ends
without any, or goes on for too long without any: a cough, "mhm", music, our own echo.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from vita_tui.clock import Clock
from vita_tui.conversation.interjection import meaning
from vita_tui.conversation.own_words import OwnWords
from vita_tui.events import EventBus, Interjection

__all__ = ["DUCKED", "PATIENCE", "Contest"]

log = logging.getLogger(__name__)

DUCKED = 0.2
"""Loudness of a reply that somebody speaks into: 14 dB less."""
PATIENCE = 2.5
"""Seconds in which voice must have become words; then the reply comes back up."""


class Contest:
    """At most one at a time."""

    def __init__(
        self, bus: EventBus, clock: Clock, *, duck: Callable[[float], None], own: OwnWords | None
    ) -> None:
        """
        Args:
            duck: moves the loudness of the reply, 0 to 1.
            own: what we say and when; None when the microphone cannot hear it.
        """
        self.number = 0
        """The utterance that contests; 0 when none does."""
        self.last = 0
        """The one that won last, or outlasted our turn."""
        self._bus = bus
        self._clock = clock
        self._duck = duck
        self._own = own
        self._began = 0.0
        self._text = ""
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, number: int, give_back: Callable[[], None]) -> None:
        """Voice began in the utterance `number`; `give_back` is called when it does not become words."""
        self.end()
        self.number, self._began, self._text = number, self._clock.monotonic(), ""
        self._duck(DUCKED)
        self._bus.publish(Interjection("onset", "", 0.0))

        def too_long() -> None:
            log.info("nobody spoke after all; last understood was %r", self._text)
            self.end(ignored=True)
            give_back()

        self._timer = asyncio.get_running_loop().call_later(PATIENCE, too_long)

    def won_by(self, text: str, since: float, until: float, *, certain: bool, final: bool = False) -> bool:
        """Whether `text`, captured between two monotonic times, is somebody who wants the floor.

        Args:
            certain: these may well be the words; a first guess at a cough is a word, too. "Stop" is obeyed all the same.
            final: it is all that was said.
        """
        self._text = text
        if self.is_own(text, since, until):
            return False
        wanted = ("stop", "speech") if certain else ("stop",)
        if self._own is not None:
            foreign = self._own.foreign(text, since, until)
            # What is left of a mixture is judged; the words around it may be ours, heard badly.
            if meaning(foreign, final=final) not in wanted:
                return False
        if meaning(text, final=final) not in wanted:
            return False
        self._bus.publish(Interjection("stopped", text, self._clock.monotonic() - self._began))
        self.last, self.number = self.number, 0
        return True

    def is_own(self, text: str, since: float, until: float) -> bool:
        """Whether `text`, captured between two monotonic times, is what we said ourselves."""
        return bool(text) and self._own is not None and self._own.is_own(text, since, until)

    def outlasted(self) -> bool:
        """Our turn has ended by itself while somebody speaks: True when the floor is theirs now."""
        self.last, self.number = self.number, 0
        self.end()
        return self.last > 0

    def end(self, *, ignored: bool = False) -> None:
        """Bring the reply back up, if there is one."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._duck(1.0)
        if ignored and self.number:
            self._bus.publish(Interjection("ignored", self._text, self._clock.monotonic() - self._began))
        self.number = 0
