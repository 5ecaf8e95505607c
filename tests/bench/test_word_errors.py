"""Word errors: counted against a slow but plain definition, over words that are written one way."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vita_tui.bench.word_errors import errors, normalised

words = st.lists(st.sampled_from("abc"), max_size=6)


@given(words, words)
def test_errors_are_the_least_changes(reference: list[str], hypothesis: list[str]) -> None:
    @cache
    def least(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        replaced = least(i - 1, j - 1) + (reference[i - 1] != hypothesis[j - 1])
        return min(replaced, least(i - 1, j) + 1, least(i, j - 1) + 1)

    assert errors(reference, hypothesis) == least(len(reference), len(hypothesis))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Go forward 10 meters.", "go forward ten meters"),
        ("Mr. Dashwood", "mister dashwood"),
        ("counselled", "counseled"),
        ("thick flavoured sauce", "thick flavored sauce"),
        ("It’s 1,200!", "it's one thousand two hundred"),
    ],
)
def test_one_way_of_writing(one: str, other: str) -> None:
    joined = [word for word in normalised(one) if word != "and"]
    assert joined == [word for word in normalised(other) if word != "and"]


@pytest.mark.parametrize(
    ("one", "other"), [("hour", "hor"), ("called", "caled"), ("tell", "tel"), ("four", "for")]
)
def test_words_that_differ_stay_different(one: str, other: str) -> None:
    assert normalised(one) != normalised(other)
