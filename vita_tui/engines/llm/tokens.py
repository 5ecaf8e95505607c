"""How many tokens a text has where no server counts them: rather too many than too few."""

from __future__ import annotations

import re

__all__ = ["estimate"]

_LETTERS = re.compile(r"[A-Za-z]+")
_OTHER_ASCII = re.compile(r"[!-@\[-`{-~\n]")
LONG_WORD = 16


def estimate(text: str) -> int:
    """Tokens of `text`: one for four letters of a word and the blank before it, three letters where it is none, a digit, or two signs; one
    for every character of another script (Chinese, Japanese and Korean have about one each), three for an emoji.
    """
    words = sum(-(-len(word) // (4 if len(word) <= LONG_WORD else 3)) for word in _LETTERS.findall(text))
    signs = len(_OTHER_ASCII.findall(text))
    digits = sum(sign.isdigit() for sign in text if sign.isascii())
    others = sum(3 if sign >= "\U00010000" else 1 for sign in text if not sign.isascii())
    spaces = text.count("  ")
    return words + digits + -(-(signs - digits) * 2 // 3) + others + spaces + 1
