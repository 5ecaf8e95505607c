"""What was expected is taken where the sound speaks for it, and for nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from vita_tui.engines.stt.base import Expected
from vita_tui.engines.stt.decoding.expectation import LEAST_LEAD, MOST_LOSS, SHORTER, as_expected

HEARD = "What's today's bait?"
DATE = Expected("What's today's date?", "date", usable=True)
ALSO_DATE = Expected("What is today's date?", "date", usable=True)
DAY = Expected("What's today's day?", "day", usable=True)
CLEAR = Expected("Clear today's list.", "clear", usable=False)


class WordTokenizer:
    sot_sequence, no_timestamps = ("start",), "no times"

    def encode(self, text: str) -> list[str]:
        return text.split()


class ScriptedText:
    """Finds each text as likely as it is told to, by how much less likely it is than what was written."""

    longest = 448

    def __init__(self, losses: dict[str, float]) -> None:
        self._losses = {HEARD: 0.0, **losses}

    def likelihood(self, sound: Any, start: list[str], tokens: list[str]) -> float:
        return -10.0 - self._losses[" ".join(tokens)]


def decided(*losses: tuple[Expected, float]) -> str:
    engine: Any = ScriptedText({one.text: loss for one, loss in losses})
    tokenizer: Any = WordTokenizer()
    sound: Any = None
    return as_expected(engine, sound, tokenizer, " ", HEARD, [one for one, _ in losses])


@pytest.mark.parametrize(
    ("losses", "said"),
    [
        ([(DATE, 0.5)], DATE.text),
        ([(DATE, MOST_LOSS - 0.1)], DATE.text),
        ([(DATE, MOST_LOSS + 0.1)], HEARD),
        ([(DATE, 1.0), (DAY, 1.0 + LEAST_LEAD + 0.1)], DATE.text),
        ([(DATE, 1.0), (DAY, 1.0 + LEAST_LEAD - 0.1)], HEARD),
        # The same request in other words is no rival.
        ([(DATE, 1.0), (ALSO_DATE, 1.1)], DATE.text),
        ([(CLEAR, 0.0), (DATE, 20.0)], HEARD),
        ([(DATE, 0.0), (CLEAR, 1.0)], HEARD),
        ([], HEARD),
    ],
)
def test_what_is_taken(losses: list[tuple[Expected, float]], said: str) -> None:
    assert decided(*losses) == said


def test_fewer_words_have_to_be_likelier() -> None:
    short = Expected("Today's date?", "date", usable=True)
    assert decided((short, MOST_LOSS - SHORTER + 0.1)) == HEARD
    assert decided((short, MOST_LOSS - SHORTER - 0.1)) == short.text
