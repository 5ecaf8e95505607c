"""What the eye sees as one character: where a cursor may stand, and how far a backspace reaches.

A flag, a family, a skin tone, a letter with its accents are several code points each (Unicode TR29, extended grapheme clusters).
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from functools import lru_cache

__all__ = ["after", "before", "is_text", "nearest"]


@lru_cache(maxsize=64)
def _edges(line: str) -> tuple[int, ...]:
    import regex  # type: ignore[import-untyped]  # it has none; and not before the first character that is not ASCII

    return (0, *(match.end() for match in regex.finditer(r"\X", line)))


def before(line: str, column: int) -> int:
    """Where the character to the left of `column` begins; 0 at the start."""
    if line.isascii():
        return max(0, column - 1)
    edges = _edges(line)
    return edges[max(0, bisect_left(edges, column) - 1)]


def after(line: str, column: int) -> int:
    """Where the character at `column` ends; the end of `line` at its end."""
    if line.isascii():
        return min(len(line), column + 1)
    edges = _edges(line)
    return edges[min(len(edges) - 1, bisect_right(edges, column))]


def nearest(line: str, column: int) -> int:
    """`column`, or the end of the character that it lies inside of."""
    if line.isascii():
        return column
    edges = _edges(line)
    return edges[min(len(edges) - 1, bisect_left(edges, column))]


def is_text(character: str | None) -> bool:
    """Whether a key that sends this writes it: joiners and other marks that shape their neighbours are not printable alone, but text."""
    from vita_tui.tui.formatting import clean

    return (
        character is not None
        and unicodedata.category(character[:1] or " ") == "Cf"
        and clean(character) != ""
    )
