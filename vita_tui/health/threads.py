"""Threads that are in the registry as long as they run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from vita_tui.health.registry import Entry, registry

__all__ = ["RegisteredThread"]


class RegisteredThread(threading.Thread):
    """A daemon thread that is in the registry from its start until its work ends, or until it is left to itself."""

    def __init__(
        self,
        work: Callable[..., object],
        *arguments: Any,
        name: str,
        owner: str,
        close: Callable[[], Any] | None = None,
        depends_on: Iterable[Entry] = (),
    ) -> None:
        """
        Args:
            owner, close, depends_on: as of `Registry.register`.
        """
        super().__init__(target=work, args=arguments, name=name, daemon=True)
        self._owner = owner
        self._close = close
        self._depends_on = depends_on
        self._entry: Entry | None = None

    def start(self) -> None:
        self._entry = registry.register(
            self,
            kind="thread",
            name=self.name,
            owner=self._owner,
            close=self._close,
            depends_on=self._depends_on,
        )
        self._close, self._depends_on = None, ()  # the entry has them, and holds them weakly
        super().start()

    def run(self) -> None:
        try:
            super().run()
        finally:
            self.leave()

    def finish(self, seconds: float) -> bool:
        """Wait `seconds` at most for the end, unless called by the thread itself; it is out of the registry afterwards.

        Returns:
            False when it still runs: it is left to itself.
        """
        ended = self is threading.current_thread()
        if not ended:
            self.join(seconds)
            ended = not self.is_alive()
        self.leave()
        return ended

    def leave(self) -> None:
        """It is no longer anybody's to close; may be called twice."""
        if self._entry is not None:
            self._entry.leave()
