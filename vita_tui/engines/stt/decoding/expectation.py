"""What was expected instead of what was written, where the sound speaks for it nearly as well and for nothing else."""

from __future__ import annotations

from collections.abc import Sequence
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
MOST_LOSS_SEARCHED = 5.0
"""The same for what was found in the sound alone, and does not look like what was written: misheard requests are up to 4.6 below, the
nearest question that is none 6.0 ("What can dogs eat?" as "What can I do?")."""
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

    def scored(found: Sequence[Expected]) -> list[tuple[float, Expected]]:
        scores = []
        for one in found:
            read = tokens(one.text)
            shorter = SHORTER * max(0, len(written) - len(read))
            scores.append((text.likelihood(sound, asked, read) - shorter, one))
        return scores

    near = scored(expects.sounding_like(said, language))
    if (taken := _taken(near, likely - MOST_LOSS)) is not None:
        return taken
    if len(written) > LONGEST_SEARCHED or likely >= UNCERTAIN * (len(written) + 1):
        return said
    least = likely - MOST_LOSS_SEARCHED
    searched = likeliest_expected(
        text, sound, asked, tokenizer, language, expects, least=least, lead=LEAST_LEAD
    )
    return _taken([*near, *scored(searched)], least) or said


def _taken(scored: Sequence[tuple[float, Expected]], least: float) -> str | None:
    """The likeliest, where it is likely enough, may be used, and nothing that means something else comes near it."""
    if not scored:
        return None
    best, first = max(scored, key=lambda pair: pair[0])
    rival = max((score for score, one in scored if one.meaning != first.meaning), default=-float("inf"))
    return first.text if first.usable and best >= least and rival < best - LEAST_LEAD else None
