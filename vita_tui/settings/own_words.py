"""The words of `stt.words`: what may be one, and how many there may be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from vita_tui.errors import SettingsError
from vita_tui.text.clean import clean_line

__all__ = ["added"]

LONGEST = 60
"""Characters of a word."""
MOST = 500
"""Words: with more, looking for them takes longer than recognition."""


def added(known: Sequence[str], words: Iterable[str]) -> list[str]:
    """`known` with `words`; one that is there already in another spelling is replaced.

    Raises:
        SettingsError: one is no word, or they become too many.
    """
    fresh = {word.casefold(): word for word in map(_checked, words)}
    every = [*(word for word in known if word.casefold() not in fresh), *fresh.values()]
    if len(every) > MOST:
        raise SettingsError(
            f"{len(every)} words are too many: at most {MOST}.", remedy="See: vita words list"
        )
    return every


def _checked(word: str) -> str:
    word = " ".join(word.split())
    if not any(letter.isalnum() for letter in word) or len(word) > LONGEST or not word.isprintable():
        raise SettingsError(
            f"{clean_line(word) or 'An empty word'} is no word of at most {LONGEST} characters.",
            remedy='Give names as they are written: vita words add Priyanka kubectl "Rio Tinto"',
        )
    return word
