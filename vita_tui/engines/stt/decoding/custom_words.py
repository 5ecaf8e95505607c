"""Names and other words that a model seldom writes by itself: where in a text they may have been meant.

Nothing is decided here. What sounds a little like one of them is a candidate, and the decoder is asked which it would rather have written.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from functools import lru_cache

__all__ = ["MOST", "candidates", "likeness", "spelled"]

MOST = 4
"""Candidates in one text; each costs the decoder a look."""
LIKE = 0.6
"""Likeness from which on something is a candidate."""
SHORTEST = 3
"""Letters; what is shorter is like too many words."""
MORE_WORDS = 2
"""Words by which what was written may exceed what was meant: "Cooper Nettie's" for "Kubernetes"."""
_SOUNDS = str.maketrans("bpfvwckgqjsxzdtlmnr", "1111122222222334556")
"""Consonants by how they are made, after Soundex; vowels and h are no part of a skeleton."""
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


def candidates(text: str, words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Texts that `text` may have meant, the likeliest first, each with the one of `words` that it has more than `text`."""
    found = list(_WORD.finditer(text))
    scored = []
    for word in words:
        length = len(_WORD.findall(word))
        # The greatest likeness within a stretch, by its first and last word.
        best: dict[tuple[int, int], float] = {}
        for size in range(1, length + MORE_WORDS + 1):
            for first in range(len(found) - size + 1):
                last = first + size - 1
                start, end = found[first].start(), found[last].end()
                written = text[start:end]
                if word.casefold() in written.casefold():
                    continue
                like = likeness(written, word)
                inside = [best.get(part, 0.0) for part in ((first + 1, last), (first, last - 1))]
                # Words around what sounds like it are no part of it.
                if size >= length:
                    best[first, last] = max(like, *inside)
                if like >= LIKE and like > max(inside):
                    scored.append((like, f"{text[:start]}{word}{text[end:]}", word))
    scored.sort(key=lambda one: -one[0])
    for _, meant, word in scored[:MOST]:
        yield meant, word


def spelled(text: str, words: Sequence[str]) -> str:
    """`text` with those of `words` that are in it spelled as they are there."""
    for word in words:
        as_is = word.replace("\\", r"\\")
        text = re.sub(rf"(?<![^\W_]){re.escape(word)}(?![^\W_])", as_is, text, flags=re.IGNORECASE)
    return text


def likeness(one: str, other: str) -> float:
    """How alike two words or phrases are written and sound, 0 to 1."""
    (letters, sounds), (others, their_sounds) = _key(one), _key(other)
    shortest, longest = sorted((len(letters), len(others)))
    if shortest < SHORTEST or shortest < longest / 2:
        return 0.0
    like = SequenceMatcher(None, letters, others, autojunk=False).ratio()
    if sounds and their_sounds:
        like = (like + SequenceMatcher(None, sounds, their_sounds, autojunk=False).ratio()) / 2
    return like


@lru_cache(4096)
def _key(text: str) -> tuple[str, str]:
    """Its letters, and the skeleton of its consonants."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(letter for letter in plain if letter.isalnum())
    skeleton = re.sub(r"[aeiouyh]", "", letters).translate(_SOUNDS)
    return letters, re.sub(r"(.)\1+", r"\1", skeleton)
