"""A second look at where the decoder was torn between two tokens.

Always taking the likeliest token loses words that faster-whisper's beam of five finds. Most of that is won back here at a fraction of its cost:
at the few places where the second choice was nearly as likely, it is taken instead, and the rest is written anew. What was written first
is the draft of that, so where the two go on alike it is read in one go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Event

import numpy as np
from numpy.typing import NDArray

from vita_tui.engines.stt.runtime.onnx_whisper import EncodedWindow, OnnxWhisper, TokenChoice

__all__ = ["CLOSE", "PLACES", "Branch", "likelier"]

PLACES = 2
"""That are looked at again, at most; each costs the decoder a pass, and some tokens."""
CLOSE = 1.5
"""Log-probability by which a second choice may be less likely than the first to be looked at."""


@dataclass(frozen=True, slots=True)
class Branch:
    tokens: tuple[int, ...]
    log_probability: float
    """Mean over `tokens` and the end token."""


def likelier(
    text: OnnxWhisper,
    sound: EncodedWindow,
    start: Sequence[int],
    written: Branch,
    choices: Sequence[TokenChoice],
    past: Sequence[NDArray[np.float32]],
    most: int,
    cancelled: Event | None = None,
) -> Branch:
    """The likeliest of `written` and its branches.

    Args:
        start: the tokens that ask for a transcript.
        choices: that were made for each of its tokens and the end token.
        past: what the decoder has read for it.
        most: tokens that a branch may have.
    """
    best = written
    places = sorted(range(len(choices)), key=lambda place: choices[place].taken - choices[place].other)
    for place in places[:PLACES]:
        choice = choices[place]
        if choice.taken - choice.other > CLOSE or (cancelled is not None and cancelled.is_set()):
            break
        tokens, likely = written.tokens[:place], choice.other + sum(one.taken for one in choices[:place])
        if choice.token != text.end:
            tokens = (*tokens, choice.token)
            draft = written.tokens[place + 1 :]
            read = [np.ascontiguousarray(part[:, :, : len(start) + place]) for part in past]
            new = text.write(sound, start, tokens, draft, most - len(tokens), read=read, cancelled=cancelled)
            if new.full or new.stopped:
                continue
            tokens, likely = (*tokens, *new.tokens), likely + new.log_probability * len(new.choices)
        mean = likely / (len(tokens) + 1)
        if tokens and mean > best.log_probability:
            best = Branch(tokens, mean)
    return best
