"""A final transcript that takes long is asked of a second server as well: the first answer counts (Dean and Barroso, The Tail at Scale, 2013)."""

from __future__ import annotations

import threading
from typing import Any

from vita_tui.engines.attempt import Attempt
from vita_tui.engines.stt.base import Recognizer, Stop
from vita_tui.engines.stt.scheduling.agreement import PartialTranscriber
from vita_tui.engines.stt.scheduling.queueing import JobWork
from vita_tui.errors import EngineError
from vita_tui.health.threads import RegisteredThread

__all__ = ["Hedge"]


class Hedge:
    """One final; used once."""

    def __init__(self, work: JobWork, known: PartialTranscriber | None, cancelled: Stop) -> None:
        self._work = work
        self._known = known
        self._cancelled = cancelled
        self._stops = (Stop(), Stop())
        """Of the first server and of the second."""
        self._decided = threading.Event()
        """The second is not needed any more, or has answered."""
        self._lock = threading.Lock()
        self._winner: int | None = None
        self._second: Any = None

    def first(self, attempt: Attempt[Recognizer], after: float, rival: Attempt[Recognizer]) -> Any:
        """The first result of the two; the attempt that lost is abandoned: it says nothing about its server.

        Args:
            after: seconds until the second server is asked.

        Raises:
            EngineError: the first one failed, and the second did not answer either.
        """
        thread = RegisteredThread(
            self._ask_second, rival, after, name="hedge", owner="engines.stt", close=self._stop
        )
        with self._cancelled.telling(self._stop):
            thread.start()
            result, failure = None, None
            try:
                result = self._work(attempt.engine, self._known, self._stops[0])
            except EngineError as error:
                failure = error
                # Nothing is gained by waiting any longer before the second one is asked.
                self._stops[0].set()
            if failure is None and self._wins(0):
                self._stops[1].set()
            self._decided.set()
            thread.join()
        if self._winner == 1:
            if failure is None:
                attempt.abandon()
            else:
                attempt.settle(failure)
            return self._second
        if failure is not None:
            raise failure
        return result

    def _stop(self) -> None:
        for stop in self._stops:
            stop.set()
        self._decided.set()

    def _wins(self, place: int) -> bool:
        with self._lock:
            if self._winner is None and not self._cancelled.is_set():
                self._winner = place
            return self._winner == place

    # ---- the thread "hedge"

    def _ask_second(self, rival: Attempt[Recognizer], after: float) -> None:
        self._decided.wait(after)
        if self._winner is not None or self._cancelled.is_set():
            rival.abandon()
            return
        rival.begin()
        try:
            rival.engine.load()
            result = self._work(rival.engine, None, self._stops[1])
        except Exception as error:  # noqa: BLE001 - handed to the chain, which judges it
            rival.settle(error)
            return
        if self._stops[1].is_set() or not self._wins(1):
            rival.abandon()
            return
        rival.settle(None)
        self._second = result
        self._stops[0].set()
