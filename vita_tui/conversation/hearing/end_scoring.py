"""Judges the sound of pauses in its own thread: is this the end of what the user says?

The newest pause is judged; while one is, there is no time for another. A judge that cannot be loaded, or fails, is told of once and
is not asked again: then the words alone decide.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable

from vita_tui.conversation.hearing.signals import PauseSoFar
from vita_tui.engines.turn.smart_turn import EndScorer
from vita_tui.health.threads import RegisteredThread

__all__ = ["EndScoring"]

log = logging.getLogger(__name__)


class EndScoring:
    """Owns the thread `end of turn`; `start` it, again when what was missing has come, and `cleanup` at the end."""

    def __init__(self, scorer: EndScorer, on_score: Callable[[int, float], None]) -> None:
        """
        Args:
            on_score: called in the thread with the number of an utterance and the probability that it is over.
        """
        self._scorer = scorer
        self._on_score = on_score
        self._pauses: queue.SimpleQueue[PauseSoFar | None] = queue.SimpleQueue()
        self._free = threading.Event()
        """Loaded, and nothing is being judged."""
        self._judging = threading.Event()
        self._thread: RegisteredThread | None = None

    @property
    def free(self) -> bool:
        """Whether a pause would be judged at once."""
        return self._free.is_set()

    @property
    def judging(self) -> bool:
        """Whether a pause waits to be judged, or is being judged."""
        return self._judging.is_set()

    def start(self) -> None:
        """Start the thread, which loads the judge; does nothing while it runs."""
        if self._thread is not None and self._thread.is_alive():
            return
        self._thread = RegisteredThread(
            self._run, name="end of turn", owner="conversation.hearing", close=self.cleanup
        )
        self._thread.start()

    def judge(self, pause: PauseSoFar) -> None:
        """Judge `pause`, when `free`; from one thread."""
        self._free.clear()
        self._judging.set()
        self._pauses.put(pause)

    def cleanup(self) -> None:
        """End the thread; may be called twice. One question takes less than a tenth of a second, and is not waited for."""
        self._pauses.put(None)
        if self._thread is not None:
            self._thread.leave()

    def _run(self) -> None:
        try:
            self._scorer.load()
            while True:
                self._judging.clear()
                self._free.set()
                pause = self._pauses.get()
                if pause is None:
                    return
                self._on_score(pause.number, self._scorer.probability(pause.audio))
        except Exception as error:  # noqa: BLE001  # the top of a thread: the words decide without it
            log.warning("pauses are judged by the words alone: %s", error)
        finally:
            self._free.clear()
            self._judging.clear()
            self._scorer.cleanup()
