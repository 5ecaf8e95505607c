"""Requests that a transcript sounds like: what speech recognition may have misheard, word for word.

The sentences of a language are one tree of words, with slots that take any words. A transcript is laid along it as cheaply as its sound
allows; what comes out is a request that may have been said, and no more: whoever has the sound decides (`engines/stt/decoding/expectation.py`).
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from vita_tui.abilities.sentence_tree import SentenceTree, WordNode
from vita_tui.text.language import in_words
from vita_tui.text.likeness import sound

__all__ = ["SoundAlikes"]

LEAST_LIKE = 0.45
"""Likeness of two words from which on one may be the other."""
MOST_CHANGED = 0.4
"""Share of a transcript's sounds that may be others."""
MOST_WORDS = 14
"""Of a transcript; what is longer is hardly a request."""
WIDTH = 60
"""Ways that are followed at once."""
SAME_PLACE = 4
"""Of those, ways to one place."""
MERGED = 3
"""Words that may have been one: "time at" for "timer"."""
NAMES = frozenset(("list_name", "timer_label"))
"""Slots that hold a word, seldom more."""
KNOWN_WORD, UNKNOWN_WORD, NEXT_OF_NAME = 0.2, 1.4, 3.0
"""Sounds that a word in a slot counts for: literal words are likelier; a number, unit or time is likelier than another word there."""
PASSED_OVER = 1.6
"""How much more than its sounds a word counts for that was heard and is left out."""
SAME = 0.1
"""Sounds that count for a word that sounds the same and is written otherwise."""
_WORD = re.compile(r"[^\W_]+(?:[.,:'’%-]+[^\W_]+)*%?", re.UNICODE)


@dataclass(frozen=True, slots=True)
class _Way:
    """A beginning of the transcript, laid along the tree."""

    cost: float
    node: WordNode
    slot: str
    """The slot that more words may still belong to; empty for none."""
    said: tuple[str, ...]


class SoundAlikes:
    """Of one language. Used by one thread at a time; made in some tens of milliseconds."""

    def __init__(self, tree: SentenceTree) -> None:
        self._language = tree.language
        self._root = tree.root
        self._in_slots = tree.in_slots
        self._articles = tree.articles
        labels = {said for words in self._in_slots.values() for said in words}
        _collect(self._root, labels, set())
        self._labels = sorted(labels)
        self._keys = [self._sound(label) for label in self._labels]

    def near(self, text: str, most: int = 20) -> list[str]:
        """Requests that sound like `text`, the likeliest first; without `text` itself."""
        heard = [found[0] for found in _WORD.finditer(text)]
        if not 0 < len(heard) <= MOST_WORDS:
            return []
        lengths = [max(1, len(self._sound(word))) for word in heard]
        limit = MOST_CHANGED * sum(lengths)
        search = _Search(heard, lengths, self._alike(heard), self._in_slots, self._articles, limit)
        plain = " ".join(heard).casefold()
        unlike: dict[str, str] = {}
        for way in search.run(self._root):
            said = " ".join(way.said)
            if said.casefold() != plain:
                unlike.setdefault(self._sound(said), said)
        return [_written(said, text) for said in list(unlike.values())[:most]]

    def _sound(self, words: str) -> str:
        return sound(
            re.sub(r"\d+", lambda number: f" {in_words(int(number[0][:15]), self._language)} ", words)
        )

    def _alike(self, heard: Sequence[str]) -> dict[tuple[int, int], dict[str, float]]:
        """By first word and number of words, the labels that sound like them, each with the sounds that differ."""
        from rapidfuzz import process
        from rapidfuzz.distance import Levenshtein

        spans = [(first, size) for size in range(1, MERGED + 1) for first in range(len(heard) - size + 1)]
        keys = [self._sound(" ".join(heard[first : first + size])) for first, size in spans]
        likeness = process.cdist(
            keys, self._keys, scorer=Levenshtein.normalized_similarity, score_cutoff=LEAST_LIKE
        )
        alike: dict[tuple[int, int], dict[str, float]] = {}
        for row, (span, key) in enumerate(zip(spans, keys, strict=True)):
            written = " ".join(heard[span[0] : span[0] + span[1]]).casefold()
            alike[span] = {
                label: 0.0
                if label == written
                else SAME + (1 - float(likeness[row, column])) * max(len(key), len(self._keys[column]))
                for column in likeness[row].nonzero()[0]
                for label in (self._labels[column],)
            }
        return alike


class _Search:
    """The cheapest ways through the tree, by beam."""

    def __init__(
        self,
        heard: Sequence[str],
        lengths: Sequence[int],
        alike: Mapping[tuple[int, int], Mapping[str, float]],
        in_slots: Mapping[str, Mapping[str, str]],
        articles: frozenset[str],
        limit: float,
    ) -> None:
        self._heard = heard
        self._lengths = lengths
        self._alike = alike
        self._in_slots = in_slots
        self._articles = articles
        self._limit = limit
        self._ways: list[dict[tuple[int, str], list[_Way]]] = [{} for _ in range(len(heard) + 1)]

    def run(self, root: WordNode) -> Iterator[_Way]:
        """Ways to the end of a request, the cheapest first."""
        self._add(0, _Way(0.0, root, "", ()))
        ended: list[_Way] = []
        for place in range(len(self._heard) + 1):
            waiting = [way for ways in self._ways[place].values() for way in ways]
            for way in heapq.nsmallest(WIDTH, waiting, key=lambda one: one.cost):
                # Words that were not heard at all: one, for each costs as much as it has sounds.
                for here in (way, *(self._unheard(way) if way.node is not root else ())):
                    if place == len(self._heard):
                        if here.node.ends:
                            ended.append(here)
                    else:
                        self._follow(place, here)
        return iter(sorted(ended, key=lambda one: one.cost))

    def _unheard(self, way: _Way) -> Iterator[_Way]:
        for word, node in way.node.words.items():
            cost = way.cost + 0.2 + len(sound(word))
            if cost <= self._limit:
                yield _Way(cost, node, "", (*way.said, word))

    def _follow(self, place: int, way: _Way) -> None:
        heard = self._heard[place]
        passed_over = way.cost + PASSED_OVER * self._lengths[place]
        self._add(place + 1, _Way(passed_over, way.node, way.slot, way.said))
        for size in range(1, min(MERGED, len(self._heard) - place) + 1):
            alike = self._alike[place, size]
            for word, node in way.node.words.items():
                if (cost := alike.get(word)) is not None:
                    self._add(place + size, _Way(way.cost + cost, node, "", (*way.said, word)))
                if size == MERGED:
                    continue
                for second, after in node.words.items():
                    if (cost := alike.get(f"{word} {second}")) is not None:
                        self._add(place + size, _Way(way.cost + cost, after, "", (*way.said, word, second)))
        into = dict(way.node.slots)
        if way.slot:
            into[way.slot] = way.node
        for slot, node in into.items():
            own = self._in_slots.get(slot)
            plain = heard.casefold()
            known = own is None or heard[0].isdigit() or plain in own or plain in self._articles
            cost = way.cost + (KNOWN_WORD if known else UNKNOWN_WORD)
            if slot in NAMES and way.slot == slot:
                cost += NEXT_OF_NAME
            self._add(place + 1, _Way(cost, node, slot, (*way.said, heard)))
            if own is None or (heard[0].isdigit() and heard[-1].isdigit()):
                continue
            for size in range(1, min(MERGED, len(self._heard) - place) + 1):
                for word, cost in self._alike[place, size].items():
                    written = own.get(word)
                    # A number is no guess: it was heard, or sounds the same ("to", "for").
                    if written is None or (cost > SAME and written[-1].isdigit()):
                        continue
                    if cost or written != word:
                        cost += way.cost + KNOWN_WORD
                        self._add(place + size, _Way(cost, node, slot, (*way.said, written)))

    def _add(self, place: int, way: _Way) -> None:
        if way.cost > self._limit:
            return
        ways = self._ways[place].setdefault((id(way.node), way.slot), [])
        ways.append(way)
        if len(ways) > SAME_PLACE:
            ways.remove(max(ways, key=lambda one: one.cost))


def _collect(node: WordNode, labels: set[str], seen: set[int]) -> None:
    """All words of the tree, and pairs of them."""
    seen.add(id(node))
    for word, after in node.words.items():
        labels.add(word)
        labels.update(f"{word} {second}" for second in after.words)
    for after in (*node.words.values(), *node.slots.values()):
        if id(after) not in seen:
            _collect(after, labels, seen)


def _written(said: str, heard: str) -> str:
    """`said` as a sentence that begins and ends as `heard` does."""
    first = said[:1].upper() if heard.lstrip("¿¡ ")[:1].isupper() else said[:1]
    opening = heard.strip()[:1] if heard.strip()[:1] in ("¿", "¡") else ""
    closing = re.search(r"\s?[.!?…]+$", heard.strip())
    return f"{opening}{first}{said[1:]}{closing[0] if closing else ''}"
