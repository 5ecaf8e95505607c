"""Written text as a person would say it: markup goes, numbers, signs, abbreviations and addresses become words.

The text is read once from left to right; each piece that is not said as it stands is found by one pattern and turned into words.
Every word knows up to where in the written text all has been said once it is heard, so that what was heard can be shown in the
text. Languages with a vocabulary (`languages/`) get the whole treatment. Of others the markup is dropped and whole numbers, with
their signs, are put into words; the rest is left to the voice, which knows its language.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from vita_tui.text import markup
from vita_tui.text.english import English
from vita_tui.text.french import French
from vita_tui.text.german import German
from vita_tui.text.language import Language, PatternPart, in_words, minus_word
from vita_tui.text.markup import MARKUP, PUNCTUATION
from vita_tui.text.patterns import pieces
from vita_tui.text.readings import Readings
from vita_tui.text.spanish import Spanish
from vita_tui.text.vocabulary import base, load

__all__ = ["MAX_TEXT", "SpokenWord", "grammar", "say", "spoken"]

MAX_TEXT = 20_000
"""Characters of text that are read at once; the rest is left out."""
LONGEST_WORD = 60
"""Latin letters without a break; more is noise and is left out."""
DEPTH = 2
"""How often what a piece turned into is read again, such as the text of a link."""
PAUSES = ".,;:!?"
OTHER_SIGNS = "%&+=<>°€$£×÷±−≤≥≈≠²³"
"""Which voices of other languages know how to read."""
OTHERS: tuple[PatternPart, ...] = (
    (
        "whole",
        r"(?:(?<![\w)\]])(?P<whole_sign>[-−])|(?<![\w.,:/-]))(?P<whole_value>\d{1,15})(?![\w:/-]|[.,]\d)",
    ),
    ("negative", r"(?<![\w)\]])[-−](?=\d)"),
)
"""Patterns of languages without a vocabulary."""
IDEOGRAPHIC = str.maketrans("。、", ".,")
"""Of the marks of Chinese and Japanese only these are not made Latin by normalisation."""
STRENGTH = ",;:.!?"
"""Which of several marks in a row is kept: the last of these."""
GRAMMARS: dict[str, type[Language]] = {one.code: one for one in (English, German, French, Spanish)}


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
    rules = _rules(base(language))
    reader = _Reader(rules, DEPTH)
    reader.read(text[:MAX_TEXT])
    words = _tidy(reader.said, reader.ends, rules)
    if words:
        words[-1] = SpokenWord(words[-1].text, len(text))
    return words


def grammar(language: str) -> Language | None:
    """The grammar and vocabulary by which a language is read; None when it has none."""
    readings = _rules(base(language)).readings
    return readings.language if readings is not None else None


@dataclass(frozen=True, slots=True)
class _Rules:
    """How one language is read."""

    code: str
    readings: Readings | None
    """None for a language without a vocabulary."""
    pattern: re.Pattern[str]

    def say(self, kind: str, match: re.Match[str]) -> tuple[str, bool]:
        """What is said for a match of `pattern`, and whether that is to be read once more."""
        language = self.readings.language if self.readings else None
        said = markup.say(kind, match, language)
        if said is not None:
            return said, kind in markup.AGAIN
        if self.readings is not None:
            return self.readings.say(kind, match) or ("", False)
        minus = minus_word(self.code)
        if kind == "negative":
            return (f" {minus} " if minus else match[0]), False
        if kind == "whole":
            sign = match["whole_sign"] or ""
            if sign and not minus:
                return match[0], False
            return (f"{minus} " if sign else "") + in_words(int(match["whole_value"]), self.code), False
        return "", False


@lru_cache(maxsize=8)
def _rules(code: str) -> _Rules:
    vocabulary = load(code)
    readings = Readings(GRAMMARS[code](vocabulary)) if vocabulary and code in GRAMMARS else None
    own = pieces(readings.language) if readings else OTHERS
    pattern = "|".join(f"(?P<{name}>{one})" for name, one in (*MARKUP, *own, *PUNCTUATION))
    return _Rules(code, readings, re.compile(pattern, re.MULTILINE))


class _Reader:
    """Goes through one text and collects what is said, letter by letter, with the offsets that `SpokenWord.end` is taken from."""

    def __init__(self, rules: _Rules, depth: int) -> None:
        self._rules = rules
        self._depth = depth
        self._line_ends = False
        """The present line ends as a sentence does: a heading, a list item, a row of a table."""
        self.said: list[str] = []
        self.ends: list[int] = []

    def read(self, text: str) -> None:
        place = 0
        for match in self._rules.pattern.finditer(text):
            if match.lastgroup == "word":
                continue  # it is said as it stands
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
                said, again = self._rules.say(kind, match)
            except (ValueError, OverflowError, KeyError, IndexError, NotImplementedError, TypeError):
                said, again = match[0], False  # as it stands is better than not at all
            if again and self._depth and said != match[0]:
                inner = _Reader(self._rules, self._depth - 1)
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


def _tidy(said: list[str], ends: list[int], rules: _Rules) -> list[SpokenWord]:
    """Words of letters, each with at most one mark after it."""
    words: list[SpokenWord] = []
    for token in re.finditer(r"\S+", "".join(said)):
        end = ends[token.end() - 1]
        text = unicodedata.normalize("NFKC", token[0]).translate(IDEOGRAPHIC)
        parts = [
            part for part in re.split(rf"((?:[.,;:!?]+(?!\d)|[^\w'.,;:!?{OTHER_SIGNS}/-])+)", text) if part
        ]
        for part in parts:
            if _sounds(part) or (rules.readings is None and part in OTHER_SIGNS):
                core = _core(part, rules)
                words += [SpokenWord(word, end) for word in core.split()]
            elif words:
                _mark(words, part, end)
    return words


def _sounds(text: str) -> bool:
    return any(letter.isalnum() for letter in text)


def _core(text: str, rules: _Rules) -> str:
    """Letters, marks, apostrophes and hyphens only; other languages' voices also read numbers and signs."""
    readings = rules.readings
    others = "'-.," if readings else f"'-.,:/{OTHER_SIGNS}"
    kept = "".join(
        letter if letter in others or unicodedata.category(letter)[0] in "LMN" else " " for letter in text
    )
    if readings is not None:
        kept = re.sub(r"\d|[.,]", lambda digit: f" {readings.digit(digit[0])} ", kept)
    words = [word.rstrip("'-/" + PAUSES).lstrip("'/" + PAUSES) for word in kept.split()]
    words = [word if re.match(r"-\d", word) else word.lstrip("-") for word in words]
    return " ".join(word for word in words if word and not (len(word) > LONGEST_WORD and word.isascii()))


def _mark(words: list[SpokenWord], text: str, end: int) -> None:
    """Put the strongest mark in `text` behind the last word."""
    last = words[-1]
    found = [mark for mark in (last.text[-1], *text) if mark in PAUSES]
    bare = last.text.rstrip(PAUSES)
    words[-1] = SpokenWord(bare + (max(found, key=STRENGTH.index) if found else ""), max(last.end, end))
