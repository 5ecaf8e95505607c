"""Word errors, over words that are written one way only."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

__all__ = ["errors", "normalised"]

_SHORT = {
    "mr": "mister",
    "mrs": "missus",
    "dr": "doctor",
    "st": "saint",
    "ok": "okay",
    "metre": "meter",
    "metres": "meters",
}
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


def normalised(text: str) -> list[str]:
    """The words of `text` in small letters: no punctuation, numbers and common short forms in full, -our and -ll- as in America."""
    text = unicodedata.normalize("NFKC", text).replace("’", "'").lower()
    text = _NUMBER.sub(_in_words, text)
    return [_spelled(_SHORT.get(word, word)) for word in _WORD.findall(text)]


def errors(reference: Sequence[str], hypothesis: Sequence[str]) -> int:
    """The least number of words to put in, leave out or replace that makes `hypothesis` of `reference`."""
    row = list(range(len(hypothesis) + 1))
    for i, wanted in enumerate(reference, 1):
        corner, row[0] = row[0], i
        for j, word in enumerate(hypothesis, 1):
            corner, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, corner + (wanted != word))
    return row[-1]


def _in_words(match: re.Match[str]) -> str:
    from num2words import num2words

    said = match[0].replace(",", "")
    words = num2words(float(said) if "." in said else int(said))  # type: ignore[no-untyped-call]  # it has no types
    return f" {words.replace('-', ' ').replace(',', '')} "


def _spelled(word: str) -> str:
    """Such as "counselled" and "flavour", which are said like "counseled" and "flavor"."""
    word = re.sub(r"(?<=\w{3})ll(?=(?:ed|ing|ers?)$)", "l", word)
    return re.sub(r"(?<=[b-df-hj-np-tv-z])our(?=s?$|ed$|ing$|ful$)", "or", word) if len(word) > 4 else word
