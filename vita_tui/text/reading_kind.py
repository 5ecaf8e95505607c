"""What the files of readings have in common: a table of what is said for the pieces of text that they are about."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from vita_tui.text.language import Language

__all__ = ["ReadingKind", "RegexMatch", "Saying", "currency_sign"]

RegexMatch = re.Match[str]
Saying = Callable[[RegexMatch], str]
"""What is said for a match of the pattern of its name.

Raises:
    ValueError, KeyError, OverflowError: it is not what it looked like.
"""


class ReadingKind:
    """Of one language."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._words = language.words

    def table(self) -> Mapping[str, Saying]:
        """What is said, by the names of `patterns`."""
        return {}

    def again(self) -> Mapping[str, Saying]:
        """What may hold numbers, which are read in their turn."""
        return {}


def currency_sign(written: str) -> str:
    """US$ → $."""
    return written[-1] if written[-1:] in "$€£¥₹₩₽" else written
