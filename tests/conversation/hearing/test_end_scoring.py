"""The thread that judges pauses by their sound."""

from __future__ import annotations

import queue

import numpy as np
import pytest

from vita_tui.audio.base import Samples
from vita_tui.conversation.hearing.end_scoring import EndScoring
from vita_tui.conversation.hearing.signals import PauseSoFar
from vita_tui.errors import EngineUnavailableError

SOUND = np.zeros(16_000, np.float32)


class Judge:
    def __init__(self, *, missing: int = 0, fails: bool = False) -> None:
        self.missing = missing
        self.fails = fails
        self.freed = 0

    def load(self) -> None:
        if self.missing:
            self.missing -= 1
            raise EngineUnavailableError("It is not there.")

    def probability(self, samples: Samples) -> float:
        if self.fails:
            raise RuntimeError("It broke.")
        return 0.75

    def cleanup(self) -> None:
        self.freed += 1


def test_a_pause_is_judged_and_its_number_told() -> None:
    scores: queue.Queue[tuple[int, float]] = queue.Queue()
    scoring = EndScoring(Judge(), lambda number, score: scores.put((number, score)))
    scoring.start()
    try:
        for number in (1, 2):
            scoring.judge(PauseSoFar(number, SOUND))
            assert scores.get(timeout=60) == (number, 0.75)
    finally:
        scoring.cleanup()
        scoring.cleanup()


@pytest.mark.parametrize("fails", [True, False])
def test_a_judge_that_is_missing_or_breaks_is_not_asked(fails: bool) -> None:
    judge = Judge(missing=0 if fails else 1, fails=fails)
    scoring = EndScoring(judge, lambda *_: None)
    scoring.start()
    if fails:
        scoring.judge(PauseSoFar(1, SOUND))
    assert scoring._thread is not None
    scoring._thread.join(60)
    assert not scoring._thread.is_alive()
    assert not scoring.free
    assert judge.freed == 1


def test_a_judge_that_has_come_is_loaded_when_it_is_started_again() -> None:
    scores: queue.Queue[float] = queue.Queue()
    scoring = EndScoring(Judge(missing=1), lambda _, score: scores.put(score))
    scoring.start()
    assert scoring._thread is not None
    scoring._thread.join(60)
    scoring.start()
    scoring.judge(PauseSoFar(1, SOUND))
    assert scores.get(timeout=60) == 0.75
    scoring.cleanup()
