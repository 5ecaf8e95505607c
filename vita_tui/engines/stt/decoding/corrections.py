"""Which words of a transcript its speaker set right by hand and recognition is likely to miss again: names and terms."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from vita_tui.engines.stt.decoding.custom_words import likeness

__all__ = ["corrections"]

LIKE = 0.45
"""Likeness from which on one was heard as the other; what is less alike was put in its place because something else was meant."""
SAME = 0.3
"""Of the words of both that stay; with fewer it is another text."""
MOST_WORDS = 3
"""That a name has; more is another sentence."""
_WORD = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*")
_BEGINS_SENTENCE = re.compile(r"(?:^|[.!?:…]\s*|\n\s*)[\"'“‘(¿¡]*$")


def corrections(heard: str, sent: str) -> list[str]:
    """The names and terms that `sent` has where `heard`, which is what it was before it was edited, has what sounds alike.

    A name is written with a capital amid the sentence, with digits, or as fewer words than were heard; anything else is a word that
    everybody knows, and no list of words would help.
    """
    old, new = list(_WORD.finditer(heard)), list(_WORD.finditer(sent))
    found: list[str] = []
    matcher = SequenceMatcher(
        None, [word[0].casefold() for word in old], [word[0].casefold() for word in new], autojunk=False
    )
    if matcher.ratio() < SAME:
        return []
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind != "replace" or d - c > MOST_WORDS:
            continue
        was = " ".join(word[0] for word in old[a:b])
        meant = sent[new[c].start() : new[d - 1].end()]
        begins = bool(_BEGINS_SENTENCE.search(sent[: new[c].start()]))
        if likeness(was, meant) >= LIKE and _is_name(meant, begins=begins, fewer=d - c < b - a, was=was):
            found.append(meant)
    return list(dict.fromkeys(found))


def _is_name(meant: str, *, begins: bool, fewer: bool, was: str) -> bool:
    if re.sub(r"\W", "", meant).casefold() == re.sub(r"\W", "", was).casefold():
        return False
    letters = meant[1:] if begins else meant
    if any(letter.isupper() or letter.isdigit() for letter in letters):
        return bool(re.search(r"[^\W\d_]", meant))
    return fewer
