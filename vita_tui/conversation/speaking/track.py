"""One reply on its way through the speaker: which sound is waiting, sounds, or has been heard. It has no lock, no thread and no speaker.

The sound of a clause comes in pieces, each of which is a span on the speaker's timeline, so the speaker's device clock tells which
words have been heard. `Playback` owns every track and is the only one that changes it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np

from vita_tui.audio.base import PlaybackMark, Samples, Span
from vita_tui.conversation.speaking.clauses import Clause
from vita_tui.conversation.speaking.ledger import Ledger
from vita_tui.engines.tts.sound import resampled
from vita_tui.engines.tts.word_times import expected_ends
from vita_tui.events import ClauseFinished, ClauseStarted, Heard
from vita_tui.text.spoken import SpokenWord

__all__ = ["Piece", "Sounding", "Told", "Track"]

JITTER = 0.03
"""Seconds by which the device's times of two pieces may differ from what their samples say."""


@dataclass(frozen=True, slots=True)
class Sounding:
    """These words sound from now on, for as long as is known."""

    words: Sequence[SpokenWord]
    started: float
    """Monotonic seconds."""
    seconds: float


Told = ClauseStarted | ClauseFinished | Heard | Sounding


@dataclass(slots=True)
class Piece:
    """Some sound of a clause."""

    clause: Clause
    samples: Samples
    """At `rate`."""
    engine: str
    rate: int
    """Hertz: the speaker's, when it was made."""
    span: Span | None = None
    """Where it lies on the speaker's timeline; None while it is held."""
    skipped: int = 0
    """Frames that had been heard when the device went away and the rest was queued again."""
    started: float | None = None
    """Monotonic seconds at which its first sample was handed to the device."""
    finished: bool = False
    gap: float = 0.0
    """Seconds of silence between it and the piece before; inside of a clause only what is more than `JITTER`."""

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate

    @property
    def rest(self) -> Samples:
        """What has not been heard."""
        return self.samples[self.skipped :]

    def heard(self, played: int) -> int:
        """Frames of `samples` that were heard when the speaker's timeline stands at `played`."""
        if self.finished:
            return len(self.samples)
        if self.span is None:
            return self.skipped
        return self.skipped + min(max(0, played - self.span.start), len(self.samples) - self.skipped)

    def convert(self, rate: int) -> None:
        """Another speaker has come, at `rate` Hz."""
        self.skipped = round(self.skipped * rate / self.rate)
        self.samples, self.rate = resampled(self.samples, self.rate, rate), rate


class Track:
    """One reply's sound."""

    def __init__(self, turn: int) -> None:
        self.turn = turn
        self.finished: Future[None] = Future()
        """Done when all was heard, failed, or cancelled."""
        self.cancelled = threading.Event()
        """It is to fall silent: its synthesis ends."""
        self.first_synthesised: float | None = None
        """Monotonic seconds at which the first sound was ready to play."""
        self.first_played: float | None = None
        """Monotonic seconds at which the first sample was handed to the device."""
        self.engines: list[str] = []
        """Voices that spoke, in order of first use."""
        self.seconds = 0.0
        """Length of the speech synthesised so far."""
        self.ledger = Ledger()
        self.complete = False
        """No more clauses will come."""
        self.released = False
        """What is synthesised may be played."""
        self.closed = False
        """Cancelled or failed: nothing more is taken."""
        self._pieces: list[Piece] = []
        self._speed = 1.0
        """Of the voice that has begun the clause that is not whole yet."""
        self._whole: set[int] = set()
        """Clauses, by their index, of which all pieces are there."""
        self._waiting = 0

    @property
    def over(self) -> bool:
        """Nothing more will sound."""
        return self.closed or (
            self.complete and self._waiting == 0 and all(piece.finished for piece in self._pieces)
        )

    # ---- what is synthesised

    def expect(self, clause: Clause) -> None:
        """`clause` will be spoken after all before it."""
        self.ledger.add(clause)
        self._waiting += 1

    def begin(self, clause: Clause, speed: float) -> None:
        """A voice has the first sound of `clause`, at `speed`; what another voice gave of it, before it failed, is not counted."""
        self._pieces = [piece for piece in self._pieces if piece.clause.index != clause.index]
        self._speed = speed
        self.ledger.begun(clause, speed)

    def deliver(self, piece: Piece, now: float) -> None:
        """The next sound of its clause."""
        if self.first_synthesised is None:
            self.first_synthesised = now
        if piece.engine not in self.engines:
            self.engines.append(piece.engine)
        self.seconds += piece.seconds
        self._pieces.append(piece)

    def end(self, clause: Clause) -> list[Told]:
        """All sound of `clause` was delivered."""
        self._whole.add(clause.index)
        pieces = self._of(clause)
        rate = pieces[0].rate if pieces else 1
        sound = [resampled(piece.samples, piece.rate, rate) for piece in pieces]
        self.ledger.synthesised(clause, np.concatenate([*sound, np.zeros(0, np.float32)]), rate)
        self._note_clause(clause)
        told: list[Told] = []
        if pieces and (started := pieces[0].started) is not None:
            told.append(self._sounding(clause, started))
        told += self._finish_clause(clause)
        self._waiting -= 1  # not before: should any of that fail, another voice says the clause
        return told

    def skip(self) -> None:
        """A clause could not be spoken."""
        self._waiting -= 1

    # ---- what sounds

    def held(self, rate: int) -> Iterator[Piece]:
        """What is there and not queued at the speaker, at its `rate` in Hz, as long as the caller sets `span`."""
        for piece in self._pieces:
            if piece.span is not None or piece.finished:
                continue
            if piece.rate != rate:
                piece.convert(rate)
            if len(piece.rest):
                yield piece
                if piece.span is None:
                    return
            else:
                piece.finished = True
                self._note_clause(piece.clause)

    def mark(self, mark: PlaybackMark) -> list[Told]:
        """The speaker reports on one of its spans."""
        place = next((n for n, piece in enumerate(self._pieces) if piece.span == mark.span), None)
        if place is None:
            return []
        piece = self._pieces[place]
        if mark.kind == "started" and piece.started is None:
            return self._started(place, mark.at)
        if mark.kind == "finished" and not piece.finished:
            piece.finished = True
            self._note_clause(piece.clause)
            return self._finish_clause(piece.clause)
        return []

    def lose(self, played: int) -> None:
        """The speaker went away when its timeline stood at `played`: hold what was not heard."""
        for piece in self._pieces:
            if not piece.finished and piece.span is not None:
                piece.skipped = piece.heard(played)
                piece.span = None
        self.note_heard(played)

    def note_heard(self, played: int) -> None:
        """The speaker's timeline stands at `played`."""
        heard: dict[int, float] = {}
        for piece in self._pieces:
            index = piece.clause.index
            heard[index] = heard.get(index, 0.0) + piece.heard(played) / piece.rate
            self.ledger.heard(piece.clause, heard[index])

    def close(self) -> None:
        """Take nothing more. The ledger has the account; a long reply's sound is tens of megabytes."""
        self.closed = True
        self._pieces.clear()

    # ----

    def _started(self, place: int, at: float) -> list[Told]:
        piece = self._pieces[place]
        piece.started = at
        if self.first_played is None:
            self.first_played = at
        before = self._pieces[place - 1] if place else None
        inside = before is not None and before.clause.index == piece.clause.index
        if before is not None:
            gap = at - (before.started or at) - before.seconds
            piece.gap = gap if gap > (JITTER if inside else 0.0) else 0.0
        if inside:
            return []
        clause = piece.clause
        return [
            self._sounding(clause, at),
            ClauseStarted(self.turn, clause.index, clause.text, piece.engine),
        ]

    def _of(self, clause: Clause) -> list[Piece]:
        return [piece for piece in self._pieces if piece.clause.index == clause.index]

    def _note_clause(self, clause: Clause) -> None:
        """What of `clause` has sounded to its end, piece by piece."""
        self.ledger.heard(clause, sum(piece.seconds for piece in self._of(clause) if piece.finished))

    def _finish_clause(self, clause: Clause) -> list[Told]:
        """What to tell if all of `clause` has sounded."""
        pieces = self._of(clause)
        if not pieces or clause.index not in self._whole or not all(piece.finished for piece in pieces):
            return []
        heard, unheard = self.ledger.split()
        gap = sum(piece.gap for piece in pieces)
        return [ClauseFinished(self.turn, clause.index, gap), Heard(self.turn, heard, unheard, final=False)]

    def _sounding(self, clause: Clause, started: float) -> Sounding:
        if clause.index in self._whole:
            seconds = sum(piece.seconds for piece in self._of(clause))
        else:
            seconds = max((end for _, end in expected_ends(clause.words, self._speed)), default=0.0)
        return Sounding(clause.words, started, seconds)
