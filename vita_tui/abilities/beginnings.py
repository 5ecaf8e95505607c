"""Beginnings of requests: which texts may still become one, for whoever writes one letter after the other."""

from __future__ import annotations

import re
from bisect import bisect_left
from functools import lru_cache

from vita_tui.abilities.sentence_tree import SentenceTree, WordNode

__all__ = ["RequestBeginnings"]

_PARTS = re.compile(r"\d+(?:st|nd|rd|th|er|re|e|º|ª)?\b|\d+|[^\W\d_]+|[+*/×÷^-]")

_JOINED = re.compile(r"\d[-–−]\d?$|\d[-–−]\d")
"""As nobody says a sum: a number that is read figure by figure."""
_HYPHEN = re.compile(r"(?<=[^\W\d_])[-‐‑](?=[^\W\d_])")
MOMENTS = frozenset(("when", "past_when"))
"""Slots in which short words stand between the others: "on the 3rd of May"."""
SHORT = 3
"""Letters of those."""

Places = tuple[tuple[WordNode, str], ...]
"""Where in the tree a text may be: a node, and the slot that more words may still belong to (empty for none)."""


class RequestBeginnings:
    """Of one language: requests without words of the user's own. Generous: whether a whole text is a request is for others to say."""

    def __init__(self, tree: SentenceTree) -> None:
        self._tree = tree
        self._in_slots = {
            slot: sorted({_plain(word) for said in words for word in said.split()} | tree.articles | {"x"})
            for slot, words in tree.in_slots.items()
        }
        """Words of the slots that do not take any word; the others are left to what was written."""
        self._words: dict[int, tuple[list[str], dict[str, list[WordNode]]]] = {}
        """By node: its words in order, and where they lead."""
        self._after = lru_cache(4096)(self._step)

    def may_begin(self, text: str) -> bool:
        """Whether a request may begin with `text`, whose last word may be half a word."""
        parts = _parts(text)
        if not parts:
            return True
        if _JOINED.search(text):
            return False
        whole = parts if text[-1:].isspace() else parts[:-1]
        places = self._places(tuple(whole))
        if len(whole) == len(parts):
            return bool(places)
        return any(self._may_follow(node, slot, parts[-1]) for node, slot in places)

    def _places(self, words: tuple[str, ...]) -> Places:
        return self._after(words) if words else ((self._tree.root, ""),)

    def _step(self, words: tuple[str, ...]) -> Places:
        found: dict[tuple[int, str], tuple[WordNode, str]] = {}
        word = words[-1]
        for node, slot in self._places(words[:-1]):
            steps = [(after, "") for after in self._literal(node)[1].get(word, ())]
            steps += [(after, name) for name, after in node.slots.items() if self._stands_in(name, word)]
            if slot and self._stands_in(slot, word):
                steps.append((node, slot))
            if node.ends:
                steps += [(after, "") for after in self._literal(self._tree.tail)[1].get(word, ())]
            for step in steps:
                found.setdefault((id(step[0]), step[1]), step)
        return tuple(found.values())

    def _may_follow(self, node: WordNode, slot: str, begun: str) -> bool:
        if _begins_one(self._literal(node)[0], begun) or (slot and self._stands_in(slot, begun, begun=True)):
            return True
        if node.ends and _begins_one(self._literal(self._tree.tail)[0], begun):
            return True
        return any(self._stands_in(name, begun, begun=True) for name in node.slots)

    def _stands_in(self, slot: str, word: str, *, begun: bool = False) -> bool:
        words = self._in_slots.get(slot)
        if words is None:
            return False
        if not word[0].isalpha() or (slot in MOMENTS and len(word) <= SHORT):
            return True
        return _begins_one(words, word) if begun else _has(words, word)

    def _literal(self, node: WordNode) -> tuple[list[str], dict[str, list[WordNode]]]:
        known = self._words.get(id(node))
        if known is None:
            after: dict[str, list[WordNode]] = {}
            for word, next_node in node.words.items():
                after.setdefault(_plain(word), []).append(next_node)
            known = self._words[id(node)] = sorted(after), after
        return known


def _plain(word: str) -> str:
    return _HYPHEN.sub("", word.casefold().replace("'", "").replace("’", ""))


def _parts(text: str) -> list[str]:
    return _PARTS.findall(_plain(text).replace("%", " percent "))


def _begins_one(words: list[str], begun: str) -> bool:
    place = bisect_left(words, begun)
    return place < len(words) and words[place].startswith(begun)


def _has(words: list[str], word: str) -> bool:
    place = bisect_left(words, word)
    return place < len(words) and words[place] == word
