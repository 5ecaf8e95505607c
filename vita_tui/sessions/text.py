"""Words of a search, and where they are in a text: for the stores that have no index of their own."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["excerpt", "fold", "split_words"]

_WORD = re.compile(r"\w+")


def fold(text: str) -> str:
    """`text` in lower case and without accents, one character for each, so that places stay the same."""
    return "".join((unicodedata.normalize("NFD", char)[:1] or char).lower()[:1] or char for char in text)


def split_words(query: str) -> list[str]:
    """The words that are looked for, folded; what is neither letter nor digit only separates them."""
    return _WORD.findall(fold(query))


def excerpt(
    text: str, words: list[str], *, width: int = 80
) -> tuple[str, tuple[tuple[int, int], ...]] | None:
    """The part of `text` around the first match, with the places of all matches in it; None unless every word is there.

    Words match whole; the last one also as the beginning of a word when it has two letters or more.
    """
    found: list[tuple[int, int]] = []
    missing = set(words)
    for match in _WORD.finditer(fold(text)):
        word = match.group()
        for wanted in words:
            begins = wanted == words[-1] and len(wanted) > 1 and word.startswith(wanted)
            if word == wanted or begins:
                missing.discard(wanted)
                found.append(match.span())
                break
        else:
            continue
    if missing or not found:
        return None
    start = max(0, found[0][0] - width // 3)
    end = min(len(text), start + width)
    lead = "…" if start else ""
    snippet = lead + text[start:end] + ("…" if end < len(text) else "")
    shift = len(lead) - start
    marks = tuple((a + shift, b + shift) for a, b in found if a >= start and b <= end)
    return snippet, marks
