"""Trying disabled engines again when their time is over, so that it is not a user who finds out whether they work.

Engines are called by one thread, or live on one loop: so the prober only tells the owner that it is time. The owner then runs
`Chain.probes` where its engines live, when nothing else is to be done there.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from vita_tui.engines.chain import Chain
from vita_tui.health.threads import RegisteredThread

__all__ = ["Prober"]

log = logging.getLogger(__name__)

PROBE_POLL_SECONDS = 1.0
"""Longest time until it is noticed that a disabled engine may be tried again."""


class Prober:
    """Owns the `breaker-probe` thread. `start` it once, `cleanup` stops it at once and may be called twice."""

    def __init__(self) -> None:
        self._watched: list[tuple[Chain[Any], Callable[[], None]]] = []
        self._stopping = threading.Event()
        self._thread: RegisteredThread | None = None

    def watch(self, chain: Chain[Any], probe: Callable[[], None]) -> None:
        """Call `probe` when an engine of `chain` may be tried again.

        `probe` returns at once: it hands `for attempt in chain.probes(): with attempt as engine: …` to whoever owns the
        engines. Until the breaker has changed it is called again every second, so that a request may get lost.
        """
        chain.watched = True
        self._watched.append((chain, probe))

    def start(self) -> None:
        if self._thread is not None:
            return
        self._stopping.clear()
        self._thread = RegisteredThread(
            self._run, name="breaker-probe", owner="engines.probe", close=self.cleanup
        )
        self._thread.start()

    def look(self) -> None:
        """Call the probes that are due; the thread does so every second."""
        for chain, probe in tuple(self._watched):
            if chain.due_seconds() == 0.0:
                probe()

    def cleanup(self) -> None:
        """Stop the thread. The chains are no longer watched: users reach disabled engines in their turn again."""
        self._stopping.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.finish(1.0)
        for chain, _ in self._watched:
            chain.watched = False

    def _run(self) -> None:
        try:
            while not self._stopping.wait(PROBE_POLL_SECONDS):
                self.look()
        except Exception:
            log.exception("the breaker-probe thread ended")
            for chain, _ in self._watched:
                chain.watched = False
