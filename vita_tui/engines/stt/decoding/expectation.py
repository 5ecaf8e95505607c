"""What was expected instead of what was written, where the sound speaks for it nearly as well and for nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vita_tui.engines.stt.base import Expected, Expects
from vita_tui.engines.stt.decoding.expected_search import likeliest_expected
from vita_tui.engines.stt.runtime.onnx_whisper import EncodedWindow, OnnxWhisper

if TYPE_CHECKING:
    from faster_whisper.tokenizer import Tokenizer

__all__ = ["as_expected"]

MOST_LOSS = 8.0
"""Log-probability by which it may be less likely than what was written (`vita bench abilities --spoken`): requests that were misheard are
0 to 12 below, what was not said mostly 15 to 50, and 8.9 the nearest."""
LEAST_LEAD = 4.0
"""Log-probability by which it must be likelier than what else is expected and means something else."""
UNCERTAIN = -0.25
"""Mean log-probability of what was written from which on the sound is searched for what is expected, which takes longer than to compare."""
LONGEST_SEARCHED = 16
"""Tokens of what was written; requests are shorter."""
SHORTER = 1.5
"""Log-probability that each token costs which a text has less than what was written: fewer words are likelier by themselves."""


def as_expected(
    text: OnnxWhisper,
    sound: EncodedWindow,
    tokenizer: Tokenizer,
    space: str,
    said: str,
    language: str,
    expects: Expects,
) -> str:
    """`said`, which was written for `sound`, or what is expected and was said instead.

    Args:
        space: what stands between two words of the language.
    """
    if expects.meant(said, language) is not None:
        return said
    asked = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
    room = text.longest - len(asked)

    def tokens(one: str) -> list[int]:
        return tokenizer.encode(space + one)[:room]

    written = tokens(said)
    likely = text.likelihood(sound, asked, written)
    least = likely - MOST_LOSS
    expected = {one.text: one for one in expects.sounding_like(said, language)}
    if len(written) <= LONGEST_SEARCHED and likely < UNCERTAIN * (len(written) + 1):
        found = likeliest_expected(
            text, sound, asked, tokenizer, language, expects, least=least, lead=LEAST_LEAD
        )
        expected |= {one.text: one for one in found}
    scored: list[tuple[float, Expected]] = []
    for one in expected.values():
        read = tokens(one.text)
        shorter = SHORTER * max(0, len(written) - len(read))
        scored.append((text.likelihood(sound, asked, read) - shorter, one))
    scored.sort(key=lambda pair: -pair[0])
    if not scored or scored[0][0] < least:
        return said
    best, first = scored[0]
    rivals = (score for score, one in scored if one.meaning != first.meaning)
    return first.text if first.usable and next(rivals, -float("inf")) < best - LEAST_LEAD else said
