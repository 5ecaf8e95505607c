"""One judge of pauses for all clients: the conversation's own, in its thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from vita_tui.conversation.hearing.end_scoring import EndScoring
from vita_tui.conversation.hearing.signals import PauseSoFar
from vita_tui.engines.turn.smart_turn import EndScorer

__all__ = ["SharedEndOfTurn"]

OnScore = Callable[[int, float], None]


class SharedEndOfTurn:
    """On one asyncio loop."""

    def __init__(self, scorer: EndScorer | None) -> None:
        """
        Args:
            scorer: None where nothing judges: then the words alone decide.
        """
        self._waiting: dict[int, OnScore] = {}
        self._scoring = EndScoring(scorer, self._scored) if scorer is not None else None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        if self._scoring is not None:
            self._scoring.start()

    def close(self) -> None:
        if self._scoring is not None:
            self._scoring.cleanup()

    @property
    def free(self) -> bool:
        """Whether a pause would be judged at once; from any thread."""
        return self._scoring is not None and self._scoring.free

    def judge(self, pause: PauseSoFar, on_score: OnScore) -> None:
        """Judge `pause`, if there is time.

        Args:
            on_score: called on the loop with the number of the utterance and the probability that it is over.
        """
        if self._scoring is not None and self._scoring.free:
            self._waiting[pause.number] = on_score
            self._scoring.judge(pause)

    def _scored(self, number: int, probability: float) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._tell, number, probability)

    def _tell(self, number: int, probability: float) -> None:
        on_score = self._waiting.pop(number, None)
        if on_score is not None:
            on_score(number, probability)
