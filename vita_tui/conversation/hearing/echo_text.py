"""Whether words that were heard are the assistant's own, come back from the speaker.

What is transcribed while a reply plays is compared with the words that sounded at that time. Words are compared as they are
spoken ("3" is "three", "it's" is "it is"), roughly (an echo is heard badly), and in order. What is left over is somebody else's.
"""

from __future__ import annotations

import difflib
import re
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from vita_tui.text.spoken import SpokenWord, spoken

__all__ = ["OWN_SHARE", "OwnWords", "Said", "foreign_words"]

ALIKE = 0.65
"""Ratio of letters in common from which a word counts as heard badly rather than as another."""
OWN_SHARE = 0.6
"""Of the letters that were heard: from here on it is the assistant's own voice."""
EARLIER_SECONDS = 1.0
LATER_SECONDS = 0.4
"""Words that sounded so long before or after belong to the comparison: echoes are late, word times are estimates."""
KEPT_WORDS = 2000
COMMANDS = frozenset({"stop", "wait", "quiet", "enough", "cancel", "no"})
"""One of these that the assistant did not say is always somebody's."""
_SHORTENED = (
    (re.compile(r"\bcan(?:'|no)t\b"), "can not"),
    (re.compile(r"\bwon't\b"), "will not"),
    (re.compile(r"n't\b"), " not"),
    (re.compile(r"'s\b"), " is"),
    (re.compile(r"'re\b"), " are"),
    (re.compile(r"'m\b"), " am"),
    (re.compile(r"'ll\b"), " will"),
    (re.compile(r"'ve\b"), " have"),
    (re.compile(r"'d\b"), " would"),
)
"""What is said in full is often heard shortened, and the other way round; a possessive is changed alike on both sides."""
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


@dataclass(frozen=True, slots=True)
class Said:
    """A word that the speaker sounds."""

    word: str
    starts: float
    """Monotonic seconds."""
    ends: float


def foreign_words(heard: str, said: str) -> list[str]:
    """The words of `heard` that are not in `said`, in order; both are compared as they are read aloud."""
    theirs, mine = _words(heard), _words(said)
    matched = _matched(theirs, mine)
    return [word for word, own in zip(theirs, matched, strict=True) if not own]


def _own_share(words: Sequence[str], foreign: Sequence[str]) -> float:
    total = sum(map(len, words))
    return 1.0 - sum(map(len, foreign)) / total if total else 0.0


class OwnWords:
    """What the assistant says and when; every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._said: deque[Said] = deque(maxlen=KEPT_WORDS)

    def say(self, words: Sequence[str], ends: Sequence[float], started: float) -> None:
        """A clause starts to sound.

        Args:
            words: as they are spoken.
            ends: for each word, seconds from the clause's start to the word's end, in order.
            started: monotonic seconds.
        """
        begin = started
        with self._lock:
            for word, end in zip(words, ends, strict=False):
                self._said.append(Said(word, begin, max(begin, started + end)))
                begin = max(begin, started + end)

    def say_clause(self, words: Sequence[SpokenWord], started: float, seconds: float) -> None:
        """The same for a clause of which only the whole length is known: words get time by their letters.

        It takes the place of what was to sound from `started` on, so its length can be corrected.
        """
        self.stop(started)
        texts = [word.text for word in words]
        total = sum(len(text) + 1 for text in texts)
        ends, so_far = [], 0
        for text in texts:
            so_far += len(text) + 1
            ends.append(seconds * so_far / max(1, total))
        self.say(texts, ends, started)

    def stop(self, at: float) -> None:
        """Silence since `at`: what was to sound later is not said."""
        with self._lock:
            while self._said and self._said[-1].starts >= at:
                self._said.pop()

    def between(self, since: float, until: float) -> str:
        """The words that sounded, wholly or in part, in that time."""
        with self._lock:
            return " ".join(one.word for one in self._said if one.ends > since and one.starts < until)

    def foreign(self, heard: str, since: float, until: float) -> str:
        """What of the transcript `heard`, of sound captured from `since` to `until`, the assistant did not say itself."""
        return " ".join(foreign_words(heard, self.between(since - EARLIER_SECONDS, until + LATER_SECONDS)))

    def is_own(self, heard: str, since: float, until: float) -> bool:
        """Whether the transcript `heard`, of sound captured from `since` to `until`, is the assistant hearing itself.

        Nothing heard is nobody else's: True. A command ("stop") that was not said by the assistant is never its own.
        """
        words = _words(heard)
        foreign = self.foreign(heard, since, until).split()
        if not foreign:
            return bool(self.between(since - EARLIER_SECONDS, until + LATER_SECONDS)) or not words
        return not COMMANDS & set(foreign) and _own_share(words, foreign) >= OWN_SHARE


def _words(text: str) -> list[str]:
    said = spoken(text).lower().replace("’", "'")
    for pattern, full in _SHORTENED:
        said = pattern.sub(full, said)
    return _WORD.findall(said)


def _matched(heard: Sequence[str], said: Sequence[str]) -> list[bool]:
    """For each word of `heard`, whether it is one of `said`: the common subsequence with the most letters."""
    rows, columns = len(heard), len(said)
    best = [[0.0] * (columns + 1) for _ in range(rows + 1)]
    worth = [[_likeness(one, other) * len(one) for other in said] for one in heard]
    for row in range(rows - 1, -1, -1):
        for column in range(columns - 1, -1, -1):
            best[row][column] = max(best[row + 1][column], best[row][column + 1])
            if worth[row][column]:
                best[row][column] = max(best[row][column], worth[row][column] + best[row + 1][column + 1])
    matched = [False] * rows
    row = column = 0
    while row < rows and column < columns:
        if best[row][column] == best[row][column + 1]:
            column += 1
        elif best[row][column] == best[row + 1][column]:
            row += 1
        else:
            matched[row] = True
            row, column = row + 1, column + 1
    return matched


def _likeness(one: str, other: str) -> float:
    """0 for different words, 1 for the same, between for one that may be the other heard badly."""
    if one == other:
        return 1.0
    if min(len(one), len(other)) < 3:
        return 0.0
    ratio = difflib.SequenceMatcher(None, one, other, autojunk=False).ratio()
    return ratio if ratio >= ALIKE else 0.0
