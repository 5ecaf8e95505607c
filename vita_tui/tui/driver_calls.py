"""What the terminal's driver tells the app, from its own threads."""

from __future__ import annotations

import signal
from collections.abc import Container

from vita_tui.tui.keyboard import REPORT_EVENTS, Edge
from vita_tui.tui.leaving import Leaving
from vita_tui.tui.requests import Requests

__all__ = ["DriverCalls"]


class DriverCalls(Leaving, Requests):
    """The part of `VitaApp` that is called from other threads: each method only hands over to the loop."""

    def on_terminal_lost(self) -> None:
        self._soon(self._signalled, signal.SIGTERM)

    def on_quit_key(self) -> None:
        self._in_time(0)

    def on_key_flags(self, flags: int) -> None:
        self._soon(self.talk_key.found, bool(flags & REPORT_EVENTS))

    def on_talk_edge(self, edge: Edge) -> None:
        self._soon(self.talk_key.edge, edge)

    def holds(self) -> bool:
        return self.talk_key.holds

    def talk_keys(self) -> Container[str]:
        return self.talk_key.keys
