"""Written text as a person would say it: markup goes, numbers, signs, abbreviations and addresses become words.

The text is read once from left to right; each piece that is not said as it stands is found by one pattern and turned into words.
Every word knows up to where in the written text all has been said once it is heard, so that what was heard can be shown in the
text. English gets the whole treatment. Of other languages the markup is dropped and whole numbers are put into words; the
rest is left to the voice, which knows its language.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from vita_tui.text import readings
from vita_tui.text.patterns import ENGLISH, MARKUP, PUNCTUATION

__all__ = ["LONGEST", "SpokenWord", "say", "spoken"]

LONGEST = 20_000
"""Characters of text that are read at once; the rest is left out."""
LONGEST_WORD = 60
"""Latin letters without a break; more is noise and is left out."""
DEPTH = 2
"""How often what a piece turned into is read again, such as the text of a link."""
PAUSES = ".,;:!?"
OTHER_SIGNS = "%&+=°€$£"
"""Which voices of other languages know how to read."""
IDEOGRAPHIC = str.maketrans("。、", ".,")
"""Of the marks of Chinese and Japanese only these are not made Latin by normalisation."""
STRENGTH = ",;:.!?"
"""Which of several marks in a row is kept: the last of these."""


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """One word with the punctuation that follows it."""

    text: str
    end: int
    """Offset in the written text up to which all has been said when this word has been."""


def spoken(text: str, language: str = "en") -> str:
    """What a person says who reads `text` aloud; empty when there is nothing to say. Never raises."""
    return " ".join(word.text for word in say(text, language))


def say(text: str, language: str = "en") -> list[SpokenWord]:
    """The words of `spoken`, in order, with where they come from; the last one stands for the text's end."""
    english = _is_english(language)
    reader = _Reader(language, english, DEPTH)
    reader.read(text[:LONGEST])
    words = _tidy(reader.said, reader.ends, english)
    if words:
        words[-1] = SpokenWord(words[-1].text, len(text))
    return words


def _is_english(language: str) -> bool:
    return language.replace("_", "-").partition("-")[0].lower() in ("en", "auto", "")


class _Reader:
    """Goes through one text and collects what is said, letter by letter, with the offsets that `SpokenWord.end` is taken from."""

    def __init__(self, language: str, english: bool, depth: int) -> None:
        self._language = language
        self._english = english
        self._depth = depth
        self._line_ends = False
        """The present line ends as a sentence does: a heading, a list item, a row of a table."""
        self.said: list[str] = []
        self.ends: list[int] = []

    def read(self, text: str) -> None:
        place = 0
        for match in _pattern(self._english).finditer(text):
            start, end = match.span()
            self._plain(text[place:start], place)
            place = end
            kind = match.lastgroup or ""
            if kind == "newline":
                self._put(self._line_end(match[0].count("\n")), start, end)
                continue
            if kind in ("line", "item", "cell"):
                self._line_ends = True
            elif kind == "ellipsis" or (
                kind == "tag" and match[0][:3].lower() in ("<br", "<p>", "<li", "</p", "</l")
            ):
                self._put(self._line_end(2) if kind == "tag" else _ellipsis(match), start, end)
                continue
            try:
                said, again = readings.read(kind, match, self._language, self._english)
            except (ValueError, OverflowError, KeyError, IndexError):
                said, again = match[0], False  # as it stands is better than not at all
            if again and self._depth and said != match[0]:
                inner = _Reader(self._language, self._english, self._depth - 1)
                inner.read(said)
                said = "".join(inner.said)
            self._put(said, start, end)
        self._plain(text[place:], place)

    def _plain(self, text: str, offset: int) -> None:
        self.said += text
        self.ends += range(offset + 1, offset + len(text) + 1)

    def _put(self, said: str, start: int, end: int) -> None:
        """What stands from `start` to `end` is `said`; only its last letter stands for all of it."""
        if said:
            self.said += said
            letters = len(said.rstrip(" ," + PAUSES))
            self.ends += [start] * max(0, letters - 1) + [end] * (len(said) - max(0, letters - 1))
        elif self.ends:
            self.ends[-1] = max(self.ends[-1], end)

    def _line_end(self, newlines: int) -> str:
        ends, self._line_ends = self._line_ends, False
        return ". " if ends or newlines > 1 else " "


def _ellipsis(match: re.Match[str]) -> str:
    rest = match.string[match.end() : match.end() + 3].lstrip()
    return ". " if not rest or rest[0].isupper() else ", "


@lru_cache(maxsize=2)
def _pattern(english: bool) -> re.Pattern[str]:
    pieces = (
        *MARKUP,
        *(ENGLISH if english else (("whole", r"(?<![\w.,:/-])\d{1,15}(?![\w:/-]|[.,]\d)"),)),
        *PUNCTUATION,
    )
    return re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in pieces), re.MULTILINE)


def _tidy(said: list[str], ends: list[int], english: bool) -> list[SpokenWord]:
    """Words of letters, each with at most one mark after it."""
    words: list[SpokenWord] = []
    for token in re.finditer(r"\S+", "".join(said)):
        end = ends[token.end() - 1]
        text = unicodedata.normalize("NFKC", token[0]).translate(IDEOGRAPHIC)
        parts = [part for part in re.split(r"((?:[.,;:!?]+(?!\d)|[^\w'.,;:!?%&+=°€$£/-])+)", text) if part]
        for part in parts:
            if _sounds(part) or (not english and part in OTHER_SIGNS):
                core = _core(part, english)
                words += [SpokenWord(word, end) for word in core.split()]
            elif words:
                _mark(words, part, end)
    return words


def _sounds(text: str) -> bool:
    return any(letter.isalnum() for letter in text)


def _core(text: str, english: bool) -> str:
    """Letters, marks, apostrophes and hyphens only; other languages' voices also read numbers and signs."""
    others = "'-.," if english else f"'-.,:/{OTHER_SIGNS}"
    kept = "".join(
        letter if letter in others or unicodedata.category(letter)[0] in "LMN" else " " for letter in text
    )
    if english:
        kept = re.sub(r"\d|[.,]", lambda digit: f" {readings.digit(digit[0])} ", kept)
    words = [word.strip("'-/" + PAUSES) for word in kept.split()]
    return " ".join(word for word in words if word and not (len(word) > LONGEST_WORD and word.isascii()))


def _mark(words: list[SpokenWord], text: str, end: int) -> None:
    """Put the strongest mark in `text` behind the last word."""
    last = words[-1]
    found = [mark for mark in (last.text[-1], *text) if mark in PAUSES]
    bare = last.text.rstrip(PAUSES)
    words[-1] = SpokenWord(bare + (max(found, key=STRENGTH.index) if found else ""), max(last.end, end))
