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
from vita_tui.conversation.speaking.clauses import Clause, ends_sentence
from vita_tui.conversation.speaking.ledger import Ledger
from vita_tui.engines.tts.sound import resampled
from vita_tui.engines.tts.word_times import expected_ends
from vita_tui.events import ClauseFinished, ClauseStarted, Heard
from vita_tui.text.spoken import SpokenWord

__all__ = ["Piece", "Sounding", "Told", "Track"]

BACK_SECONDS = 1.5
"""Of a sentence: who goes back sooner wants the one before."""
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
    held: bool = False
    """It was taken back from the speaker: when it sounds again, no silence before it is a gap."""
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
        self.paused = False
        """Nothing of it goes to the speaker for now."""
        self._clauses: list[Clause] = []
        """All that will be spoken, as far as is known."""
        self._passed: set[int] = set()
        """Clauses, by their index, that the user does not want to hear."""
        self._passing = False
        """The sentence that is not wanted is not written to its end."""
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
        self._clauses.append(clause)
        self._waiting += 1
        if self._passing:
            self._pass(clause)
            self._passing = not ends_sentence(clause)

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
        piece.finished = piece.clause.index in self._passed
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

    # ---- what the user does

    def hold(self, played: int) -> None:
        """The speaker was silenced when its timeline stood at `played`: hold what was not heard, from the word that was cut."""
        self.note_heard(played)
        for piece in self._pieces:
            heard = piece.heard(played)
            if piece.finished or piece.span is None or heard == len(piece.samples):
                continue
            if heard:
                piece.skipped = self._word_start(piece, heard)
            piece.span, piece.held = None, True
            if piece.started is not None:
                piece.started = None  # it is told again what sounds, for the echo of it

    def forward(self) -> bool:
        """Leave out what follows of the present sentence; whether there was one. What was queued has been held."""
        rest = self._clauses[self._place() :]
        begun = bool(self._clauses) and not ends_sentence(self._clauses[-1]) and not self.complete
        if not rest and (self._passing or not begun):
            return False
        for clause in rest:
            self._pass(clause)
            if ends_sentence(clause):
                return True
        self._passing = begun
        return True

    def back(self) -> bool:
        """Say the present sentence again, or the one before it when this one has hardly begun; whether there is one.

        What was queued has been held.
        """
        place = self._place()
        first = self._sentence(place)
        begun = sum(
            piece.heard(0) / piece.rate for n in range(first, place + 1) for piece in self._pieces_at(n)
        )
        if begun < BACK_SECONDS and first:
            first = self._sentence(first - 1)
        again = {clause.index for clause in self._clauses[first:]}
        found = False
        for piece in self._pieces:
            if piece.clause.index in again:
                found = True
                piece.span, piece.skipped, piece.started = None, 0, None
                piece.finished, piece.held = False, True
        self._passed -= again
        return found

    def _place(self) -> int:
        """Which of the clauses sounds or comes next."""
        for place, clause in enumerate(self._clauses):
            if clause.index not in self._passed and not self._is_finished(clause):
                return place
        return len(self._clauses)

    def _sentence(self, place: int) -> int:
        """Where the sentence begins that the clause at `place` belongs to."""
        while place > 0 and not (ends_sentence(self._clauses[place - 1]) and place < len(self._clauses)):
            place -= 1
        return place

    def _pass(self, clause: Clause) -> None:
        self._passed.add(clause.index)
        self.ledger.passed(clause)
        for piece in self._of(clause):
            piece.finished, piece.span = True, None

    def _pieces_at(self, place: int) -> list[Piece]:
        return self._of(self._clauses[place]) if place < len(self._clauses) else []

    def _is_finished(self, clause: Clause) -> bool:
        pieces = self._of(clause)
        return clause.index in self._whole and all(piece.finished for piece in pieces)

    def _word_start(self, piece: Piece, heard: int) -> int:
        """The frame of `piece` at which the word begins that was cut after `heard` frames."""
        before = 0.0
        for other in self._of(piece.clause):
            if other is piece:
                break
            before += other.seconds
        start = self.ledger.word_start(piece.clause, before + heard / piece.rate) - before
        return min(heard, max(0, round(start * piece.rate)))

    # ----

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
        if piece.held or before is None or before.held:
            piece.gap = 0.0
        else:
            gap = at - (before.started or at) - before.seconds
            piece.gap = gap if gap > (JITTER if inside else 0.0) else 0.0
        clause = piece.clause
        if inside and not piece.held:
            return []
        offset = sum(one.seconds for one in self._pieces[:place] if one.clause.index == clause.index)
        sounding = self._sounding(clause, at - offset - piece.skipped / piece.rate)
        if inside:
            return [sounding]
        return [sounding, ClauseStarted(self.turn, clause.index, clause.text, piece.engine)]

    def _of(self, clause: Clause) -> list[Piece]:
        return [piece for piece in self._pieces if piece.clause.index == clause.index]

    def _note_clause(self, clause: Clause) -> None:
        """What of `clause` has sounded to its end, piece by piece."""
        self.ledger.heard(clause, sum(piece.seconds for piece in self._of(clause) if piece.finished))

    def _finish_clause(self, clause: Clause) -> list[Told]:
        """What to tell if all of `clause` has sounded."""
        pieces = self._of(clause)
        if not pieces or clause.index in self._passed or not self._is_finished(clause):
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
