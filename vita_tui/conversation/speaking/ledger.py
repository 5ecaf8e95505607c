"""What of a reply was really heard, word by word.

The speaker's device clock tells how much of each clause has sounded. A clause that sounded whole was heard whole; of one that
broke off, the words are counted whose end had passed: see `engines.tts.words` for where in the sound a word ends. While a clause
sounds whose end is still being synthesised, where its words end is a guess.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from vita_tui.audio.base import Samples
from vita_tui.conversation.speaking.clauses import Clause
from vita_tui.engines.tts.word_times import expected_ends, word_ends

__all__ = ["Ledger"]

TOLERANCE = 0.001
"""Seconds that may be missing of a clause that was heard whole, for rounding."""


@dataclass(slots=True)
class _Entry:
    clause: Clause
    seconds: float | None = None
    """Length of its sound; None until all of it is synthesised."""
    ends: tuple[tuple[int, float], ...] = ()
    """(end in the clause's text, seconds after which that word has been said), in order."""
    heard: float = 0.0
    """Seconds that have sounded."""
    passed: bool = False
    """The user did not want to hear it."""


class Ledger:
    """One reply's account; every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[int, _Entry] = {}

    def add(self, clause: Clause) -> None:
        """`clause` will be spoken."""
        with self._lock:
            self._entries[clause.index] = _Entry(clause)

    def begun(self, clause: Clause, speed: float = 1.0) -> None:
        """A voice gives the first sound of `clause`, at `speed`; what another voice gave before does not count any more."""
        # Without the last word, which was not heard before all of the sound was.
        ends = expected_ends(clause.words, speed)[:-1]
        with self._lock:
            passed = self._entries[clause.index].passed
            self._entries[clause.index] = _Entry(clause, ends=tuple(ends), passed=passed)

    def synthesised(self, clause: Clause, samples: Samples, rate: int) -> None:
        """`samples` are all the sound of `clause`, at `rate` Hz."""
        ends = tuple((end, frame / rate) for end, frame in word_ends(clause.words, samples, rate))
        with self._lock:
            entry = self._entries[clause.index]
            entry.seconds, entry.ends = len(samples) / rate, ends

    def heard(self, clause: Clause, seconds: float) -> None:
        """So much of `clause` has sounded; less than before changes nothing."""
        with self._lock:
            entry = self._entries[clause.index]
            entry.heard = max(entry.heard, seconds)

    def passed(self, clause: Clause) -> None:
        """The user went on to what follows: `clause` is shown, and counts as known."""
        with self._lock:
            self._entries[clause.index].passed = True

    def word_start(self, clause: Clause, seconds: float) -> float:
        """Where in the sound of `clause` the word begins that was being said after `seconds` of it; as exact as is known."""
        with self._lock:
            return max((end for _, end in self._entries[clause.index].ends if end <= seconds), default=0.0)

    def split(self) -> tuple[str, str]:
        """The reply's text so far: what was heard, and what was not."""
        heard: list[str] = []
        unheard: list[str] = []
        with self._lock:
            for entry in self._entries.values():
                text = entry.clause.text
                cut = 0 if unheard else self._heard_characters(entry)
                heard.append(text[:cut])
                if cut < len(text):
                    unheard.append(text[cut:])
        return "".join(heard), "".join(unheard)

    @staticmethod
    def _heard_characters(entry: _Entry) -> int:
        if entry.passed or (entry.seconds is not None and entry.heard >= entry.seconds - TOLERANCE):
            return len(entry.clause.text)
        return max((end for end, seconds in entry.ends if seconds <= entry.heard), default=0)
