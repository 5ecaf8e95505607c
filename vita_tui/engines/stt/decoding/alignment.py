"""When each token was said: by what the decoder attends to while it writes it (Radford et al. 2022; OpenAI's `timing.py`)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["begins", "join_punctuation", "path"]

Floats = NDArray[np.float32]

FRAMES_PER_SECOND = 50
"""Of encoded sound."""
SMOOTHED = 7
"""Frames of the median filter."""
BEFORE_WORDS = "\"'“¿([{-"
AFTER_WORDS = "\"'.。,，!！?？:：”)]}、"


def begins(queries: Sequence[Floats], keys: Sequence[Floats]) -> NDArray[np.float64]:
    """Seconds at which each of the tokens begins.

    Args:
        queries: of each head that knows about time, (tokens, width of a head).
        keys: of the same heads, (frames, width of a head), without the silence that fills the window.
    """
    weights = []
    for query, key in zip(queries, keys, strict=True):
        scores = query @ key.T / np.sqrt(np.float32(key.shape[1]))
        weight = np.exp(scores - scores.max(axis=1, keepdims=True))
        weight /= weight.sum(axis=1, keepdims=True)
        weight = (weight - weight.mean(axis=0)) / np.maximum(weight.std(axis=0), 1e-9)
        weights.append(_smoothed(weight))
    rows, columns = path(-np.mean(weights, axis=0))
    first = np.searchsorted(rows, np.arange(len(queries[0])))
    return columns[first] / FRAMES_PER_SECOND


def join_punctuation(words: Sequence[str]) -> list[str]:
    """The words with the marks that belong to them, in their places; a mark's own place is empty (as in OpenAI's `timing.py`)."""
    joined = list(words)
    following = len(joined) - 1
    for place in range(len(joined) - 2, -1, -1):
        if joined[place].startswith(" ") and joined[place].strip() in BEFORE_WORDS:
            joined[following] = joined[place] + joined[following]
            joined[place] = ""
        else:
            following = place
    previous = 0
    for place in range(1, len(joined)):
        if not joined[previous].endswith(" ") and joined[place] in AFTER_WORDS:
            joined[previous] += joined[place]
            joined[place] = ""
        else:
            previous = place
    return joined


def path(costs: NDArray[np.floating]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The cheapest way through `costs`, from the first row and column to the last, that goes back in neither (dynamic time warping)."""
    rows, columns = costs.shape
    sums = np.empty((rows, columns))
    sums[0] = np.cumsum(costs[0])
    for row in range(1, rows):
        above = sums[row - 1]
        entered = np.minimum(above, np.concatenate(([np.inf], above[:-1])))
        # Along a row: the cheapest place at which it was entered, and all that lies between.
        along = np.cumsum(costs[row])
        sums[row] = along + np.minimum.accumulate(entered - np.concatenate(([0.0], along[:-1])))
    row, column = rows - 1, columns - 1
    back = [(row, column)]
    while row or column:
        if row and column:
            steps = (sums[row - 1, column - 1], sums[row - 1, column], sums[row, column - 1])
            choice = int(np.argmin(steps))
            row, column = row - (choice < 2), column - (choice != 1)
        else:
            row, column = max(0, row - 1), max(0, column - 1)
        back.append((row, column))
    found = np.array(back[::-1])
    return found[:, 0], found[:, 1]


def _smoothed(weight: Floats) -> Floats:
    half = SMOOTHED // 2
    if weight.shape[1] <= half:
        return weight
    padded = np.pad(weight, ((0, 0), (half, half)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, SMOOTHED, axis=1)
    return np.median(windows, axis=-1).astype(np.float32)
