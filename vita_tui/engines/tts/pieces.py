"""Long text for engines that should not be given too much at once."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["pieces"]

ENDS = ".!?"
PAUSES = ",;:"


def pieces(text: str, longest: int) -> Iterator[str]:
    """Cut `text` between words into pieces of at most `longest` characters, after sentences or pauses where there are any.

    A single word that is longer is a piece by itself, cut short. Nothing comes of text without a letter or digit.
    """
    words = text.split()
    start = 0
    while start < len(words):
        length, end, best = 0, start, 0
        while end < len(words) and (end == start or length + len(words[end]) + 1 <= longest):
            length += len(words[end]) + 1
            end += 1
        if end < len(words):
            for marks in (ENDS, PAUSES):
                best = next((place for place in range(end, start, -1) if words[place - 1][-1] in marks), 0)
                if best:
                    end = best
                    break
        piece = " ".join(words[start:end])[:longest]
        if any(letter.isalnum() for letter in piece):
            yield piece
        start = end
