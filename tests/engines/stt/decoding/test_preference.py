"""Words of one's own are taken where the decoder finds them likelier, told of them and not told."""

from __future__ import annotations

from typing import Any

import pytest

from vita_tui.engines.stt.decoding.preference import LEAST_GAIN, MOST_LOSS, preferred

HEARD, MEANT = "Call Pri anchor, please.", "Call Priyanka, please."


class ScriptedTokenizer:
    """One token for a whole text."""

    sot_prev, sot_sequence, no_timestamps = "before", ("start",), "no times"

    def encode(self, text: str) -> list[str]:
        return [text.strip()]


class ScriptedText:
    """Finds `MEANT` so much likelier than all else when it is told of the word, and when it is not."""

    longest = 448

    def __init__(self, told: float, asked: float) -> None:
        self._gains = {True: told, False: asked}
        self.hints: set[str] = set()

    def likelihood(self, sound: Any, start: list[str], tokens: list[str]) -> float:
        told = start[0] == "before"
        if told:
            self.hints.add(start[1])
        return -10.0 + (self._gains[told] if tokens == [MEANT] else 0.0)


def decided(text: ScriptedText, said: str = HEARD, words: tuple[str, ...] = ("Priyanka",)) -> str:
    engine: Any = text
    tokenizer: Any = ScriptedTokenizer()
    sound: Any = None
    return preferred(engine, sound, tokenizer, " ", said, words)


@pytest.mark.parametrize(
    ("told", "asked", "taken"),
    [
        (LEAST_GAIN + 1, 0.0, True),
        (LEAST_GAIN + 1, 1 - MOST_LOSS, True),
        (LEAST_GAIN - 1, 0.0, False),
        (LEAST_GAIN + 9, -MOST_LOSS - 1, False),
    ],
)
def test_a_word_is_taken_where_the_sound_speaks_for_it(told: float, asked: float, taken: bool) -> None:
    text = ScriptedText(told, asked)
    assert decided(text) == (MEANT if taken else HEARD)
    assert text.hints == {"Priyanka."}


def test_what_sounds_like_none_of_them_costs_nothing() -> None:
    text = ScriptedText(99.0, 99.0)
    assert decided(text, "What time is it?") == "What time is it?"
    assert text.hints == set()


def test_the_same_letters_are_only_spelled() -> None:
    text = ScriptedText(0.0, 0.0)
    assert decided(text, "Call PRIYANKA.") == "Call Priyanka."
    assert text.hints == set()
