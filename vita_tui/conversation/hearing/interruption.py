"""Somebody speaks while it is our turn: the reply is turned down at once, and it is found out whether that was meant.

Lives on the asyncio loop. A contest is won by words that want something and are not our own; it is lost when the sound ends
without any, or goes on for too long without any: a cough, "mhm", music, our own echo.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from vita_tui.clock import Clock
from vita_tui.conversation.hearing.backchannel import meaning
from vita_tui.conversation.hearing.echo_text import OwnWords
from vita_tui.events import EventBus, Interjection

__all__ = ["DUCKED", "HINTED", "PATIENCE", "SHORT_SECONDS", "Contest"]

log = logging.getLogger(__name__)

DUCKED = 0.2
"""Loudness of a reply that somebody speaks into: 14 dB less."""
HINTED = 0.5
"""The same at the first 32 ms that sound like a voice: 6 dB less, until it is certain or over."""
HINT_SECONDS = 0.2
"""After so long without more of it the reply comes back up."""
SHORT_SECONDS = 0.5
"""Of voice; back-channels in Piper's voice have 0.3 to 0.5, and "Tell me more" 0.7."""
SHORT_WORDS = 2
PATIENCE = 2.5
"""Seconds in which voice must have become words; then the reply comes back up. Twice as long while there are words that are not certain,
or nothing has been decoded yet."""


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
        self._decoded = False
        """Something has been understood, if only that there are no words."""
        self._extended = False
        self._timer: asyncio.TimerHandle | None = None
        self._hint: asyncio.TimerHandle | None = None

    def hint(self) -> None:
        """Something has just begun that may be a voice."""
        if self.number or self._hint is not None:
            return

        def nothing_more() -> None:
            self._hint = None
            self._duck(1.0)

        self._duck(HINTED)
        self._hint = asyncio.get_running_loop().call_later(HINT_SECONDS, nothing_more)

    def begin(self, number: int, give_back: Callable[[], None]) -> None:
        """Voice began in the utterance `number`; `give_back` is called when it does not become words."""
        if self._hint is not None:  # the reply is turned down further, not up
            self._hint.cancel()
            self._hint = None
        self.end()
        self.number, self._began, self._text = number, self._clock.monotonic(), ""
        self._decoded = self._extended = False
        self._duck(DUCKED)
        self._bus.publish(Interjection("onset", "", 0.0))

        def too_long() -> None:
            # On a busy machine words take their time; a second time nobody waits for them.
            if not self._extended and (
                not self._decoded or meaning(self._text, final=False) in ("speech", "unsure")
            ):
                self._extended = True
                self._timer = asyncio.get_running_loop().call_later(PATIENCE, too_long)
                return
            log.info("nobody spoke after all; last understood was %r", self._text)
            self.end(ignored=True)
            give_back()

        self._timer = asyncio.get_running_loop().call_later(PATIENCE, too_long)

    def won_by(
        self, text: str, since: float, until: float, *, voice: float, certain: bool, final: bool = False
    ) -> bool:
        """Whether `text`, captured between two monotonic times, is somebody who wants the floor.

        Args:
            voice: seconds of voice in it. In a very short one there is no room for more than two words: what has more is "okay",
                misheard.
            certain: these may well be the words; a first guess at a cough is a word, too. "Stop" is obeyed all the same.
            final: it is all that was said.
        """
        self._text, self._decoded = text, True
        certain = certain and not (voice < SHORT_SECONDS and len(text.split()) > SHORT_WORDS)
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
        waiting = [timer for timer in (self._timer, self._hint) if timer is not None]
        for timer in waiting:
            timer.cancel()
        self._timer = self._hint = None
        if waiting:
            self._duck(1.0)
        if ignored and self.number:
            self._bus.publish(Interjection("ignored", self._text, self._clock.monotonic() - self._began))
        self.number = 0
