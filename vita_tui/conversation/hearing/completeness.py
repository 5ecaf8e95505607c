"""Whether the words so far sound finished: "What time is it?" does, "I would like to" does not."""

from __future__ import annotations

import re
from typing import Literal

__all__ = ["Completeness", "completeness"]

Completeness = Literal["finished", "open", "unfinished"]

_ANSWERS = frozenset(
    "yes no yeah yep yup nope nah okay ok sure stop wait thanks please hello hi hey bye goodbye right correct true false "
    "never always maybe exactly continue repeat cancel next back quit enough".split()
)
_HANGING = frozenset(
    # conjunctions and what opens a clause
    "and or but because so if then when while although though since unless until that which who whose where than as nor "
    # articles, determiners, possessives
    "the a an this these those my your his her its our their some any every each no "
    # prepositions
    "of to in on at for from with without by about into onto over under between through during before after against like "
    # verbs that want more
    "is are was were am be been have has had do does did can could will would shall should may might must let let's "
    # hesitation
    "um uh er erm hmm ah well i we they he she it's i'm i'd i'll you'd gonna wanna very really also just even only".split()
)
_QUESTION = re.compile(
    r"^(what|who|where|when|why|how|which|whose|is|are|was|were|do|does|did|can|could|will|would|should|may|have|has)\b"
)


def completeness(text: str) -> Completeness:
    """Whether `text` sounds finished. `text` is a partial transcript: its punctuation is a guess, its last word may be cut.

    Whisper ends almost any fragment with a full stop, so a full stop after a hanging word counts for nothing.
    """
    stripped = text.strip()
    words = re.findall(r"[\w']+", stripped.lower())
    if not words:
        return "open"
    if len(words) <= 2 and all(word in _ANSWERS for word in words) and not stripped.endswith(","):
        return "finished"
    if stripped.endswith((",", ";", ":", "-", "–", "—", "...", "…")) or words[-1] in _HANGING:
        # "What is it for?" ends in a preposition and is finished all the same.
        if (
            stripped.endswith("?")
            and len(words) >= 3
            and words[-1] not in {"and", "or", "but", "um", "uh", "the", "a"}
        ):
            return "finished"
        return "unfinished"
    if stripped.endswith("?") and len(words) >= 3:
        return "finished"
    if _listing(stripped, words):
        return "unfinished"
    if stripped.endswith((".", "!")) and len(words) >= 4 and not _QUESTION.match(stripped.lower()):
        return "finished"
    return "open"


def _listing(text: str, words: list[str]) -> bool:
    """A list that has not had its "and": "apples, pears, bread" goes on."""
    items = [item for item in text.rstrip(".").split(",") if item.strip()]
    if len(items) < 3 or {"and", "or"} & set(words[-3:]):
        return False
    return all(len(item.split()) <= 3 for item in items[1:])
