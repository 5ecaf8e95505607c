"""Whether the words so far sound finished: "What time is it?" does, "I would like to" does not."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from vita_tui.conversation.hearing.turn_words import TurnWords, turn_words, words_of

__all__ = ["Completeness", "completeness"]

Completeness = Literal["finished", "open", "unfinished"]


@lru_cache(maxsize=256)
def completeness(text: str, language: str = "en") -> Completeness:
    """Whether `text` sounds finished. `text` is a partial transcript: its punctuation is a guess, its last word may be cut.

    Whisper ends almost any fragment with a full stop, so a full stop after a hanging word counts for nothing; and in a language whose
    words are not known, nowhere.
    """
    known = turn_words(language)
    stripped = text.strip()
    words = words_of(stripped)
    if not words:
        return "open"
    # Where words are not separated by blanks, or not known, the mark is all there is.
    asks = stripped.endswith(("?", "？", "؟")) and (len(words) >= 3 or not known.known)
    if len(words) <= 2 and all(word in known.answers for word in words) and not stripped.endswith(","):
        return "finished"
    if (
        stripped.endswith((",", ";", ":", "-", "–", "—", "...", "…", "、", "，"))
        or words[-1] in known.hanging
    ):
        # "What is it for?" ends in a preposition and is finished all the same.
        if asks and words[-1] not in known.hanging_even_before_question_mark:
            return "finished"
        return "unfinished"
    if asks:
        return "finished"
    if _listing(stripped, words, known):
        return "unfinished"
    if stripped.endswith((".", "!")) and len(words) >= 4 and known.known and words[0] not in known.question:
        return "finished"
    return "open"


def _listing(text: str, words: list[str], known: TurnWords) -> bool:
    """A list that has not had its "and": "apples, pears, bread" goes on."""
    items = [item for item in text.rstrip(".").split(",") if item.strip()]
    if len(items) < 3 or known.conjunctions & set(words[-3:]):
        return False
    return all(len(item.split()) <= 3 for item in items[1:])
