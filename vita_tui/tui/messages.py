"""How events of the conversation reach the screen: collected in any thread, handled on the main one.

High-rate events are joined while they wait: of several levels or partial transcripts only the last counts, and pieces of one
reply become one piece. However busy the screen is, at most one `Happened` is under way.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

from textual.message import Message

from vita_tui.events import Event, Heard, LevelChanged, PartialTranscript, ReasoningDelta, ReplyDelta
from vita_tui.tui.core import Core

__all__ = ["Bridge", "Built", "Happened", "NotBuilt"]


class Happened(Message):
    """Events wait in the bridge."""


class Built(Message):
    """The assistant is there, but not started."""

    def __init__(self, core: Core) -> None:
        super().__init__()
        self.core = core


class NotBuilt(Message):
    """There is no assistant, and this is why."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class Bridge:
    """A subscriber of the event bus that posts to the app. `__call__` may be called in any thread, `take` in the app's."""

    def __init__(self, post: Callable[[Message], bool]) -> None:
        self._post = post
        self._lock = threading.Lock()
        self._waiting: list[Event] = []

    def __call__(self, event: Event) -> None:
        with self._lock:
            first = not self._waiting
            _add(self._waiting, event)
        if first:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the program is ending
                self._post(Happened())

    def take(self) -> list[Event]:
        """All that has happened since the last call, in order."""
        with self._lock:
            events, self._waiting = self._waiting, []
        return events


def _add(waiting: list[Event], event: Event) -> None:
    if isinstance(event, LevelChanged | PartialTranscript):
        for place in range(len(waiting) - 1, -1, -1):
            if type(waiting[place]) is type(event):
                waiting[place] = event
                return
            if not isinstance(waiting[place], LevelChanged | PartialTranscript):
                break
    elif waiting:
        last = waiting[-1]
        if isinstance(event, ReplyDelta) and isinstance(last, ReplyDelta) and last.turn == event.turn:
            waiting[-1] = ReplyDelta(event.turn, last.text + event.text)
            return
        if isinstance(event, ReasoningDelta) and isinstance(last, ReasoningDelta) and last.turn == event.turn:
            waiting[-1] = ReasoningDelta(event.turn, last.text + event.text)
            return
        if isinstance(event, Heard) and isinstance(last, Heard) and last.turn == event.turn:
            waiting[-1] = event
            return
    waiting.append(event)
