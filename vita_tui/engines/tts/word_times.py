"""Where in the sound of a clause each of its words ends: an estimate, for every engine, from the sound alone.

Silence at both ends is left out. Between them each word gets time in proportion to its length in letters and syllables. Pauses
that can be heard are given to the punctuation that they lie nearest to, and the words between two pauses are placed anew; so
errors do not add up over a clause.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from vita_tui.engines.tts.base import Pcm
from vita_tui.text.spoken import SpokenWord

__all__ = ["expected_ends", "word_ends"]

FRAME_SECONDS = 0.01
QUIET = 0.03
"""Of the loudest frames' level: what is below is silence."""
PAUSE_SECONDS = 0.08
"""Silence from which on it is a pause; closures of p, t and k are shorter."""
PAUSE_REACH = 0.6
"""Seconds between where a pause was expected and where it may be found."""
SYLLABLE = 1.0
"""Letters that a syllable weighs as much as; found by comparing with the word times that Whisper hears."""
EARLY_SECONDS = 0.06
"""How long before its last sound fades a word has been understood; also from that comparison."""
PACE = 0.05
"""Seconds of a letter or syllable, until the sound is there to tell: Piper's joe takes 0.045 to 0.06."""
VOWELS = re.compile(r"[aeiouyàáâäåæèéêëìíîïòóôöøùúûüœ]+", re.IGNORECASE)
SILENT_E = re.compile(r"(?<=[^aeiouy])e$", re.IGNORECASE)


def word_ends(words: Sequence[SpokenWord], samples: Pcm, rate: int) -> list[tuple[int, int]]:
    """(`end` of the word, sample by which it has been said) for each word, in order; nothing when all is silence.

    Args:
        samples: the whole clause, at `rate` Hz.
    """
    loud = _loud(samples, rate)
    places = np.flatnonzero(loud)
    if not len(places) or not words:
        return []
    first, last = int(places[0]), int(places[-1]) + 1
    pauses = _pauses(loud, first, last)
    # In speech without its pauses, where is the end of each word?
    spoken = np.cumsum(~_within(pauses, len(loud)), dtype=np.int64)
    before = int(spoken[first - 1]) if first else 0
    total = int(spoken[last - 1]) - before
    passed = np.cumsum([_weight(word.text) for word in words])
    ends = passed / passed[-1] * total
    heard_pauses = [(int(spoken[start]) - before, start, stop) for start, stop in pauses]
    anchors = _anchors([word.text for word in words], ends, heard_pauses)

    frames: list[float] = []
    marks = [(-1, 0.0, first), *anchors, (len(words) - 1, float(total), last)]
    for (left, left_at, begin), (right, right_at, _) in pairwise(marks):
        origin = passed[left] if left >= 0 else 0.0
        span = passed[right] - origin
        for place in range(left + 1, right + 1):
            share = (passed[place] - origin) / span if span else 1.0
            frames.append(_unfold(left_at + share * (right_at - left_at), spoken, before, begin))
    step, early = rate * FRAME_SECONDS, round(rate * EARLY_SECONDS)
    return [
        (word.end, min(len(samples), max(1, round(frame * step) - early)))
        for word, frame in zip(words, frames, strict=True)
    ]


def expected_ends(words: Sequence[SpokenWord], speed: float = 1.0) -> list[tuple[int, float]]:
    """(`end` of the word, seconds by which it has probably been said) for each word of a clause whose sound is not complete yet.

    Args:
        speed: 2 is twice as fast as usual.
    """
    passed = np.cumsum([_weight(word.text) for word in words]) * PACE / speed
    return [(word.end, float(seconds)) for word, seconds in zip(words, passed, strict=True)]


def _weight(word: str) -> float:
    bare = word.strip(".,;:!?'-")
    syllables = len(VOWELS.findall(SILENT_E.sub("", bare))) or (len(bare) if bare.isupper() else 1)
    letters = len(bare)
    if bare.isupper() and letters > 1:  # spelled: each letter is a syllable
        letters, syllables = 2 * letters, letters
    elif not bare.isascii() and not VOWELS.search(bare):  # a script of syllables
        syllables = letters
    return letters + SYLLABLE * syllables


def _loud(samples: Pcm, rate: int) -> NDArray[np.bool_]:
    """For each frame, whether something can be heard in it."""
    size = max(1, round(rate * FRAME_SECONDS))
    count = len(samples) // size
    frames = np.asarray(samples[: count * size], np.float32).reshape(count, size)
    level = np.sqrt(np.mean(frames * frames, axis=1)) if count else np.zeros(0, np.float32)
    top = float(np.percentile(level, 95)) if count else 0.0
    return np.asarray(level > max(top * QUIET, 1e-5))


def _pauses(loud: NDArray[np.bool_], first: int, last: int) -> list[tuple[int, int]]:
    """Frames from which to which it is silent for long, between the first and the last sound."""
    edges = np.flatnonzero(np.diff(loud[first:last].astype(np.int8))) + first + 1
    spans = zip(edges[::2].tolist(), edges[1::2].tolist(), strict=False)
    return [(start, stop) for start, stop in spans if (stop - start) * FRAME_SECONDS >= PAUSE_SECONDS]


def _within(pauses: list[tuple[int, int]], count: int) -> NDArray[np.bool_]:
    """For each frame, whether it lies in a pause."""
    inside = np.zeros(count, np.bool_)
    for start, stop in pauses:
        inside[start:stop] = True
    return inside


def _anchors(
    words: list[str], ends: NDArray[np.float64], pauses: list[tuple[int, int, int]]
) -> list[tuple[int, float, int]]:
    """Words that end where a pause begins: (word, frames of speech up to there, frame), in order."""
    found: list[tuple[int, float, int]] = []
    free = list(pauses)
    for place, word in enumerate(words[:-1]):
        if word[-1] not in ".,;:!?" or not free:
            continue
        nearest = min(free, key=lambda pause: abs(pause[0] - ends[place]) - 0.5 * (pause[2] - pause[1]))
        if abs(nearest[0] - ends[place]) * FRAME_SECONDS <= PAUSE_REACH:
            found.append((place, float(nearest[0]), nearest[1]))
            free = [pause for pause in free if pause[0] > nearest[0]]
    return found


def _unfold(at: float, spoken: NDArray[np.int64], before: int, begin: int) -> float:
    """The frame by which `at` frames of speech have sounded, pauses put back."""
    return max(float(begin), float(np.searchsorted(spoken, before + at, side="left")) + 1)
