"""One reply as sound, for whoever has it spoken.

Clauses go in, their sound is held until `release`, and `cancel` silences it at once. What was heard is `Playback`'s to know.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future

from vita_tui.conversation.speaking.clauses import Clause
from vita_tui.conversation.speaking.playback import Playback
from vita_tui.errors import VitaError

__all__ = ["Speech"]


class Speech:
    """Made by `Speaking.begin`; its methods may be called from any thread."""

    def __init__(self, turn: int, playback: Playback, submit: Callable[[Speech, Clause], None]) -> None:
        """
        Args:
            submit: has a clause synthesised after all before it.
        """
        self.turn = turn
        self.error: VitaError | None = None
        """Why a clause could not be spoken by any voice; set by the synthesis thread before `finished` is done."""
        self.track = playback.begin(turn)
        self._playback = playback
        self._submit = submit

    def add(self, clause: Clause) -> None:
        """Have `clause` spoken after all before it."""
        self._playback.expect(self.track, clause)
        self._submit(self, clause)

    def complete(self) -> None:
        """No more clauses will come."""
        self._playback.complete(self.track)

    def release(self) -> None:
        """What is synthesised may be played from now on."""
        self._playback.release(self.track)

    def cancel(self) -> None:
        """Fall silent now and say no more. `heard` then tells what was heard."""
        self._playback.cancel(self.track)

    def pause(self) -> bool:
        """Fall silent, and keep what was not heard; False when there is nothing to pause."""
        return self._playback.pause(self.track)

    def resume(self) -> bool:
        """Go on with the word at which it was paused; False when it was not."""
        return self._playback.resume(self.track)

    def forward(self) -> bool:
        """Go on with the next sentence; False when there is none to leave out."""
        return self._playback.forward(self.track)

    def back(self) -> bool:
        """Say the present sentence again, or the one before when this one has just begun; False when nothing was said."""
        return self._playback.back(self.track)

    @property
    def paused(self) -> bool:
        """Whether it is silent until `resume`."""
        return self.track.paused and not self.track.finished.done()

    def heard(self) -> tuple[str, str]:
        """The reply's text so far, split into what was heard and what was not."""
        return self._playback.heard(self.track)

    @property
    def finished(self) -> Future[None]:
        """Done when all was heard, failed, or cancelled."""
        return self.track.finished

    @property
    def cancelled(self) -> threading.Event:
        """Set when it is to fall silent."""
        return self.track.cancelled

    @property
    def engines(self) -> list[str]:
        """Voices that spoke, in order of first use."""
        return self.track.engines

    @property
    def seconds(self) -> float:
        """Length of the speech synthesised so far."""
        return self.track.seconds

    @property
    def first_synthesised(self) -> float | None:
        """Monotonic seconds at which the first sound was ready to play."""
        return self.track.first_synthesised

    @property
    def first_played(self) -> float | None:
        """Monotonic seconds at which the first sample was handed to the device."""
        return self.track.first_played
