"""The likeliest texts among those that are expected, found in the sound itself.

A best-first search over tokens: whatever cannot become something expected is left, and whatever is less likely than `least`, so where nothing
of the kind was said it ends after a few looks. Longer beginnings go first, for each token makes a text less likely.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from itertools import count
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vita_tui.engines.stt.base import Expected, Expects
from vita_tui.engines.stt.runtime.onnx_whisper import EncodedWindow, OnnxWhisper

if TYPE_CHECKING:
    from faster_whisper.tokenizer import Tokenizer

__all__ = ["MOST_LOOKS", "likeliest_expected"]

MOST_LOOKS = 32
"""Reads of the decoder, 3 to 6 ms each."""
MOST_FOUND = 4
"""Texts that mean different things; all but one speak against the others."""
ENDS = frozenset("?!…")
"""After which a request is over."""
LOSS_OF_TOKEN = 1.2
"""Log-probability that a token costs on the way of a right text, about."""


def likeliest_expected(
    text: OnnxWhisper,
    sound: EncodedWindow,
    asked: Sequence[int],
    tokenizer: Tokenizer,
    language: str,
    expects: Expects,
    *,
    least: float,
    lead: float,
) -> list[Expected]:
    """Expected texts, the likeliest first.

    Args:
        asked: the tokens that ask for a transcript.
        least: log-probability that a text has.
        lead: log-probability by which a text may be less likely than the first one.
    """
    order = count()
    nothing: tuple[NDArray[np.float32], ...] = ()
    # Loss of log-probability for its length, loss, tokens, whether that is all, and what was read before the last of them.
    front: list[tuple[float, int, float, tuple[int, ...], bool, tuple[NDArray[np.float32], ...]]]
    front = [(0.0, next(order), 0.0, (), False, nothing)]
    found: list[Expected] = []
    looks = 0
    while front and looks < MOST_LOOKS and len(found) < MOST_FOUND:
        _, _, loss, tokens, whole, past = heapq.heappop(front)
        if -loss < least:
            continue
        if whole:
            meant = expects.meant(tokenizer.decode([*tokens]).strip(), language)
            if meant is not None and meant.meaning not in {one.meaning for one in found}:
                found.append(meant)
                least = max(least, -loss - lead)
            continue
        looks += 1
        read = tokens[-1:] if tokens else asked
        likely, now = text.likely_next(sound, past, read, first=not tokens)
        ended = tokenizer.decode([*tokens])[-1:] in ENDS
        for token in np.flatnonzero(likely >= least + loss):
            reached = loss - float(likely[token])
            rank = reached - LOSS_OF_TOKEN * (len(tokens) + 1)
            if token == text.end:
                if tokens:
                    heapq.heappush(front, (rank, next(order), reached, tokens, True, now))
                continue
            longer = (*tokens, int(token))
            # A letter may need more than one token.
            begun = tokenizer.decode([*longer]).rstrip("\ufffd")
            if not ended and expects.may_begin(begun, language):
                heapq.heappush(front, (rank, next(order), reached, longer, False, now))
    return found
