"""What was expected instead of what sounds like it, where the sound speaks for it nearly as well and for nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vita_tui.engines.stt.base import Expected
from vita_tui.engines.stt.runtime.onnx_whisper import EncodedWindow, OnnxWhisper

if TYPE_CHECKING:
    from faster_whisper.tokenizer import Tokenizer

__all__ = ["as_expected"]

MOST_LOSS = 8.0
"""Log-probability by which it may be less likely than what was written (`vita bench abilities --spoken`): requests that were misheard are
0 to 12 below, what was not said mostly 15 to 50, and 8.9 the nearest."""
LEAST_LEAD = 4.0
"""Log-probability by which it must be likelier than what else is expected and means something else."""
SHORTER = 1.5
"""Log-probability that each token costs which a text has less than what was written: fewer words are likelier by themselves."""


def as_expected(
    text: OnnxWhisper,
    sound: EncodedWindow,
    tokenizer: Tokenizer,
    space: str,
    said: str,
    expected: Sequence[Expected],
) -> str:
    """`said`, which was written for `sound`, or the one of `expected` that was said instead.

    Args:
        space: what stands between two words of the language.
    """
    asked = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
    room = text.longest - len(asked)

    def tokens(one: str) -> list[int]:
        return tokenizer.encode(space + one)[:room]

    written = tokens(said)
    least = text.likelihood(sound, asked, written) - MOST_LOSS
    scored = sorted(
        (
            (text.likelihood(sound, asked, read) - SHORTER * max(0, len(written) - len(read)), place)
            for place, read in enumerate(map(tokens, (one.text for one in expected)))
        ),
        reverse=True,
    )
    if not scored or scored[0][0] < least:
        return said
    best, first = scored[0][0], expected[scored[0][1]]
    rivals = (score for score, place in scored if expected[place].meaning != first.meaning)
    return first.text if first.usable and next(rivals, -float("inf")) < best - LEAST_LEAD else said
