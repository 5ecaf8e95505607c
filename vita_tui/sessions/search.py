"""The words of a text and of a search: one cut for all stores, so that all of them find the same.

Case, accents and width are set aside (é = e, ß = ss, Ｖ = v). Scripts that put no blanks between words (Chinese, Japanese, Korean,
Thai, Lao, Khmer, Burmese, Tibetan) are cut into characters; what stands together in the search must stand together in the text,
so a word is found inside a sentence, and one of a single character too. So is an emoji, whatever the tone of its skin.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

__all__ = ["Query", "indexed", "tokens"]

QueryToken = tuple[str, int, int]
"""A folded word, and where it begins and ends in the text as `composed` gives it."""

WIDTH = 80
"""Characters of an excerpt."""

_UNSPACED = (
    "\u0e00-\u0fff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u19e0-\u19ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u302f\u3031-\u3035"
    "\u303b\u3041-\u3096\u3099\u309a\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u318f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\ua960-\ua97f\ua9e0-\ua9ff\uaa60-\uaa7f\uac00-\ud7ff\uf900-\ufaff\U0001aff0-\U0001b16f\U00020000-\U0003ffff"
)
_MARKS = (
    "\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u0f35\u0f37\u0f39\u0f71-\u0f84\u0f86\u0f87\u0f8d-\u0fbc"
    "\u102b-\u103e\u1056-\u1059\u105e-\u1060\u1062-\u1064\u1067-\u106d\u1071-\u1074\u1082-\u108d\u108f\u109a-\u109d\u17b4-\u17d3"
    "\u17dd\u302a-\u302f\u3099\u309a"
)
"""What belongs to the character before it, in those scripts."""
_EMOJI = "\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff"
_WORD = re.compile(rf"(?:[^\W_]|[{_EMOJI}\u0900-\u0963\u0966-\u0dff{_MARKS}])+")
_PIECE = re.compile(rf"[{_UNSPACED}{_EMOJI}][{_MARKS}]*|[^{_UNSPACED}{_EMOJI}]+")
_PLAIN_WORD = re.compile(r"[a-z0-9]+")
_DROPPED = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670\u00ad\u200b-\u200d\u2060\ufe00-\ufe0f\ufeff\U0001f3fb-\U0001f3ff]"
)
"""Accents, the points of Hebrew and Arabic, tones of skin, and marks without width."""
_ALSO = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ŧ": "t", "ı": "i", "æ": "ae", "œ": "oe"})
"""Letters that Unicode does not take apart, and that people type without."""


def composed(text: str) -> str:
    """`text` as it is searched and excerpted: letters and their accents as one character, however they were typed."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def tokens(text: str) -> Iterator[QueryToken]:
    """The words of `text`, which `composed` has given, in their order."""
    if text.isascii():
        yield from ((match.group(), *match.span()) for match in _PLAIN_WORD.finditer(text.lower()))
        return
    folded, places = [], []
    for place, char in enumerate(text):
        piece = _fold(char)
        folded.append(piece)
        places += [place] * len(piece)
    for word in _WORD.finditer("".join(folded)):
        for match in _PIECE.finditer(word.group()):
            start, end = word.start() + match.start(), word.start() + match.end()
            yield unicodedata.normalize("NFC", match.group()), places[start], places[end - 1] + 1


@lru_cache(maxsize=8192)
def _fold(char: str) -> str:
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", char).casefold())
    return unicodedata.normalize("NFC", _DROPPED.sub("", apart).translate(_ALSO))


def indexed(text: str) -> str:
    """`text` as a full-text index takes it: its words between blanks."""
    return " ".join(word for word, _, _ in tokens(composed(text)))


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for: every phrase must occur."""

    phrases: tuple[tuple[str, ...], ...]
    """Folded words that stand together; most phrases are one word."""
    unfinished: bool
    """The last word may go on. Not one of a single letter: it would fetch half of all words."""

    @classmethod
    def of(cls, words: str) -> Query | None:
        """The words that are looked for; None when there are none. What is neither letter nor digit only separates them."""
        phrases: list[list[str]] = []
        last_end = -1
        for word, start, end in tokens(composed(words)):
            if start == last_end:
                phrases[-1].append(word)
            else:
                phrases.append([word])
            last_end = end
        if not phrases:
            return None
        last = phrases[-1][-1]
        return cls(tuple(map(tuple, phrases)), len(last) > 1 or bool(re.match(rf"[{_UNSPACED}]", last)))

    @property
    def plain(self) -> bool:
        """Of ASCII and emoji only, which stand in a text as they are looked for."""
        return all(re.fullmatch(rf"[\x00-\x7f{_EMOJI}]*", word) for phrase in self.phrases for word in phrase)

    @property
    def expression(self) -> str:
        """For FTS5 on `indexed` text; each phrase is quoted, so that nothing in it is syntax."""
        return " ".join(f'"{" ".join(phrase)}"' for phrase in self.phrases) + ("*" if self.unfinished else "")

    def excerpt(self, text: str) -> tuple[str, tuple[tuple[int, int], ...]] | None:
        """The part of `text` around the first match, with the places of all matches in it; None unless every phrase is there."""
        text = composed(text)
        found, missing = self._found(text)
        if missing:
            return None
        start = max(0, found[0][0] - WIDTH // 3)
        end = min(len(text), start + WIDTH)
        lead = "…" if start else ""
        snippet = lead + text[start:end] + ("…" if end < len(text) else "")
        shift = len(lead) - start
        return snippet, _joined([(a + shift, b + shift) for a, b in found if a >= start and b <= end])

    def places(self, text: str) -> tuple[tuple[int, int], ...]:
        """Start and end of every phrase that occurs in `text`, in characters."""
        return _joined(self._found(text)[0])

    def _found(self, text: str) -> tuple[list[tuple[int, int]], set[tuple[str, ...]]]:
        """Where phrases stand in `text`, and those that stand nowhere."""
        words = list(tokens(text))
        missing = set(self.phrases)
        found: list[tuple[int, int]] = []
        for place in range(len(words)):
            for number, phrase in enumerate(self.phrases, 1):
                unfinished = self.unfinished and number == len(self.phrases)
                if self._stands(phrase, words[place : place + len(phrase)], unfinished):
                    missing.discard(phrase)
                    found.append((words[place][1], words[place + len(phrase) - 1][2]))
                    break
        return found, missing

    @staticmethod
    def _stands(phrase: tuple[str, ...], words: list[QueryToken], unfinished: bool) -> bool:
        if len(words) < len(phrase):
            return False
        *first, last = zip(phrase, words, strict=True)
        together = all(before[2] == after[1] for before, after in pairwise(words))
        return (
            together
            and all(wanted == word for wanted, (word, _, _) in first)
            and (last[1][0].startswith(last[0]) if unfinished else last[1][0] == last[0])
        )


def _joined(spans: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """`spans`, in order, with those that overlap as one."""
    joined: list[tuple[int, int]] = []
    for start, end in spans:
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)
