"""Where in what is shown the voice is: words of a reply's source found in its text on the screen."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Place", "locate", "locate_end"]

LAST_WORDS = 8
"""Words by which an end is found."""

_TARGET = re.compile(r"\]\([^)\s]*\)")
"""Of a link: it is not shown."""
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of one of several texts."""

    text: int
    """Index of the text."""
    start: int
    end: int
    """Characters."""


def locate(texts: Sequence[str], before: str, words: str) -> Place | None:
    """Where `words` stand in `texts`, when `before` has been said of the same source; None when they are not shown (yet).

    Args:
        texts: what is shown, block by block.
        before: Markdown.
        words: Markdown, one stretch of it.
    """
    wanted = _words(words)
    if not wanted:
        return None
    earlier = _count(_words(before), wanted)
    pattern = re.compile(r"[\W_]+".join(map(re.escape, wanted)))
    for number, text in enumerate(texts):
        for match in pattern.finditer(text):
            if _inside(text, match.start(), match.end()):
                continue
            if earlier == 0:
                return Place(number, match.start(), match.end())
            earlier -= 1
    return None


def locate_end(texts: Sequence[str], said: str) -> Place | None:
    """Where the last words of `said` (Markdown) stand in `texts`; the fewer are looked for, the more blocks they may have come from."""
    words = _words(said)
    for number in dict.fromkeys((LAST_WORDS, 4, 2, 1)):
        last = words[-number:]
        if last and (found := locate(texts, " ".join(words[: len(words) - len(last)]), " ".join(last))):
            return found
    return None


def _words(markdown: str) -> list[str]:
    return _WORD.findall(_TARGET.sub("]", markdown))


def _count(words: Sequence[str], wanted: Sequence[str]) -> int:
    """How often `wanted` stands in `words`, one after the other."""
    found = at = 0
    while at + len(wanted) <= len(words):
        if words[at : at + len(wanted)] == wanted:
            found += 1
            at += len(wanted)
        else:
            at += 1
    return found


def _inside(text: str, start: int, end: int) -> bool:
    """Whether the stretch begins or ends in the middle of a word."""
    return bool(
        (start and _WORD.match(text[start - 1]) and _WORD.match(text[start]))
        or (end < len(text) and _WORD.match(text[end]) and _WORD.match(text[end - 1]))
    )
