"""The cheapest way through a table, and when words begin by it."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from vita_tui.engines.stt.decoding.alignment import FRAMES_PER_SECOND, begins, join_punctuation, path


def cost_of(rows: np.ndarray, columns: np.ndarray, costs: np.ndarray) -> float:
    return float(costs[rows, columns].sum())


def cheapest(costs: np.ndarray) -> float:
    """By trying all, from the end."""
    sums = np.full(costs.shape, np.inf)
    sums[0, 0] = costs[0, 0]
    for row, column in itertools.product(*map(range, costs.shape)):
        for before in ((row - 1, column), (row, column - 1), (row - 1, column - 1)):
            if min(before) >= 0:
                sums[row, column] = min(sums[row, column], sums[before] + costs[row, column])
    return float(sums[-1, -1])


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1), (4, 9), (9, 4), (12, 60)], ids=str)
def test_no_way_is_cheaper_and_none_goes_back(shape: tuple[int, int]) -> None:
    for seed in range(20):
        costs = np.random.default_rng(seed).standard_normal(shape)
        rows, columns = path(costs)
        assert (rows[0], columns[0], rows[-1], columns[-1]) == (0, 0, shape[0] - 1, shape[1] - 1)
        steps = set(zip(np.diff(rows).tolist(), np.diff(columns).tolist(), strict=True))
        assert steps <= {(0, 1), (1, 0), (1, 1)}
        assert cost_of(rows, columns, costs) == pytest.approx(cheapest(costs))


def test_tokens_begin_where_the_decoder_looks() -> None:
    frames, tokens = 100, 4
    keys = np.eye(frames, dtype=np.float32) * 10
    queries = np.zeros((tokens, frames), np.float32)
    for token in range(tokens):
        queries[token, token * 25 : token * 25 + 25] = 10
    assert begins([queries], [keys]) == pytest.approx(
        np.arange(tokens) * 25 / FRAMES_PER_SECOND, abs=4 / FRAMES_PER_SECOND
    )


def test_marks_go_with_their_words_as_in_faster_whisper() -> None:
    transcribe = pytest.importorskip("faster_whisper.transcribe")
    parts = [
        "",
        " ",
        " a",
        " word",
        ",",
        ".",
        " (",
        ' "',
        '"',
        ")",
        " -",
        "-",
        " ¿",
        "?",
        "。",
        "don",
        "'",
        "t",
    ]
    lot = random.Random(3)
    for _ in range(3000):
        words = [lot.choice(parts) for _ in range(lot.randrange(9))]
        theirs = [{"word": word, "tokens": []} for word in words]
        transcribe.merge_punctuations(theirs, "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、")
        assert join_punctuation(words) == [word["word"] for word in theirs], words
