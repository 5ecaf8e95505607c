"""What of a reply was really heard, word by word.

The speaker's device clock tells how many frames of each clause have sounded. A clause that sounded whole was heard whole; of
one that broke off, the words are counted whose end had passed: see `engines.tts.words` for where in the sound a word ends.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from vita_tui.audio.base import Samples
from vita_tui.conversation.clauses import Clause
from vita_tui.engines.tts.words import word_ends

__all__ = ["Ledger"]


@dataclass(slots=True)
class _Entry:
    clause: Clause
    frames: int | None = None
    """Length of its sound; None until it is synthesised."""
    ends: tuple[tuple[int, int], ...] = ()
    """(end in the clause's text, frame at which that word has been said), in order."""
    heard: int = 0
    """Frames that have sounded."""


class Ledger:
    """One reply's account; every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[int, _Entry] = {}

    def add(self, clause: Clause) -> None:
        """`clause` will be spoken."""
        with self._lock:
            self._entries[clause.index] = _Entry(clause)

    def synthesised(self, clause: Clause, samples: Samples, rate: int) -> None:
        """`samples` are the sound of `clause`, at `rate` Hz."""
        ends = tuple(word_ends(clause.words, samples, rate))
        with self._lock:
            entry = self._entries[clause.index]
            entry.frames, entry.ends = len(samples), ends

    def scale(self, clause: Clause, factor: float) -> None:
        """Frames of `clause` are counted at another rate from now on: `factor` times as many."""
        with self._lock:
            entry = self._entries[clause.index]
            if entry.frames is not None:
                entry.frames = round(entry.frames * factor)
            entry.ends = tuple((end, round(frame * factor)) for end, frame in entry.ends)
            entry.heard = round(entry.heard * factor)

    def heard(self, clause: Clause, frames: int) -> None:
        """So many frames of `clause` have sounded; fewer than before changes nothing."""
        with self._lock:
            entry = self._entries[clause.index]
            entry.heard = max(entry.heard, frames)

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
        if entry.frames is None:
            return 0
        if entry.heard >= entry.frames:
            return len(entry.clause.text)
        return max((end for end, frame in entry.ends if frame <= entry.heard), default=0)
