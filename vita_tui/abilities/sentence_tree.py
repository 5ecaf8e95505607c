"""The sentences of a language as one tree of words, with slots that take any words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vita_tui.abilities.phrases import data
from vita_tui.text.language import in_words

if TYPE_CHECKING:
    from hassil.expression import Expression, Sentence
    from hassil.intents import Intents

__all__ = ["SentenceTree", "WordNode"]

SLOT_WORDS = {
    "expression": ("numbers", "arithmetic"),
    "part": ("numbers",),
    "whole": ("numbers",),
    "quantity": ("numbers", "measures"),
    "unit": ("measures",),
    "span": ("numbers", "spans"),
    "both": ("numbers", "spans", "times"),
    "when": ("numbers", "times", "days"),
    "past_when": ("numbers", "days"),
    "sides": ("numbers",),
    "count": ("numbers",),
    "low": ("numbers",),
    "high": ("numbers",),
    "spoken_language": ("languages",),
}
"""What stands in a slot; any words in those that are not here."""
NUMBERS = (*range(21), *range(30, 100, 10), 100, 1000)
"""That are taken for what a slot holds instead of words that sound like them."""
_SLOT = "\x00"


@dataclass(slots=True)
class WordNode:
    """Between two words."""

    words: dict[str, WordNode] = field(default_factory=dict)
    slots: dict[str, WordNode] = field(default_factory=dict)
    ends: bool = False


class SentenceTree:
    """Of one language. Not changed once it was made, which takes some tens of milliseconds."""

    def __init__(self, language: str, intents: Intents) -> None:
        """
        Args:
            intents: sentences as hassil reads them.
        """
        self.language = language
        self.root = WordNode()
        for intent in intents.intents.values():
            for block in intent.data:
                for sentence in block.sentences:
                    for text in _expanded(sentence.expression, intents.expansion_rules):
                        self._grow(text)
        for phrase in data(language).get("skip_words", ()):
            *first, last = str(phrase).split()
            node = self.root
            for word in first:
                node = node.words.setdefault(word, WordNode())
            node.words.setdefault(last, self.root)
        kinds = _kinds(language)
        self.articles = frozenset(data(language)["numbers"]["articles"])
        self.in_slots = {
            slot: {said: written for name in names for said, written in kinds[name].items()}
            for slot, names in SLOT_WORDS.items()
        }
        """How a word of a slot is written, by how it is said."""

    def _grow(self, text: str) -> None:
        node = self.root
        for part in text.split():
            branch = node.slots if part.startswith(_SLOT) else node.words
            node = branch.setdefault(part.lstrip(_SLOT), WordNode())
        node.ends = node is not self.root


def _expanded(expression: Expression, rules: Mapping[str, Sentence]) -> Iterator[str]:
    """All texts of a template, slots marked."""
    from hassil.expression import Alternative, Group, ListReference, Permutation, RuleReference, TextChunk

    match expression:
        case TextChunk():
            yield expression.original_text
        case RuleReference():
            yield from _expanded(rules[expression.rule_name].expression, rules)
        case ListReference():
            yield f" {_SLOT}{expression.list_name} "
        case Alternative():
            for item in expression.items:
                yield from _expanded(item, rules)
        case Permutation():
            for item, rest in expression.iterate_permutations():
                tails = list(_expanded(rest, rules)) if rest.items else [""]
                for head in _expanded(item, rules):
                    yield from (f"{head} {tail}" for tail in tails)
        case Group():
            texts = [""]
            for item in expression.items:
                parts = list(_expanded(item, rules))
                texts = [f"{text}{part}" for text in texts for part in parts]
            yield from texts
        case _:
            return


def _kinds(language: str) -> dict[str, dict[str, str]]:
    """What may stand in slots, by kind: how it is written, by how it is said."""
    own = data(language)
    dates, moments = own["dates"], own["moments"]
    numbers = {in_words(number, language): str(number) for number in NUMBERS}
    numbers |= {said: str(number) for said, number in own["numbers"].get("sound_alikes", {}).items()}
    return {
        "numbers": numbers,
        "arithmetic": _words(own["arithmetic"], own["numbers"]["of"])
        | {
            f"{of} {said}": f"{of} {written}"
            for of in own["numbers"]["of"]
            for said, written in numbers.items()
        },
        "measures": _words(*own["measures"].values()),
        "spans": _words(moments["units"]),
        "times": _words(moments["times"], moments["halves"], moments["parts"], moments["repeats"]),
        "days": _words(dates["weekdays"], dates["months"], dates["feasts"], dates["relative"]),
        "languages": _words(own["languages"].values()),
    }


def _words(*lists: Iterable[Any]) -> dict[str, str]:
    return {
        str(word): str(word)
        for names in lists
        for word in names
        if re.fullmatch(r"[^\W\d_][^\d_]+", str(word))
    }
