"""One reply as sound: its clauses in order, and what of them was heard.

Clauses go in from the asyncio side, sound is held until `release`, and `cancel` silences it at once. The sound of a clause comes in
pieces, each of which is a span on the speaker's timeline, so the speaker's device clock tells which words have been heard.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vita_tui.audio.base import PlaybackMark, Samples, Span
from vita_tui.conversation.speaking.clauses import Clause
from vita_tui.conversation.speaking.ledger import Ledger
from vita_tui.engines.tts.sound import resampled
from vita_tui.engines.tts.word_times import expected_ends
from vita_tui.errors import VitaError
from vita_tui.events import ClauseFinished, ClauseStarted, Heard

if TYPE_CHECKING:
    from vita_tui.conversation.speaking.speech_output import SpeechOutput

__all__ = ["Speech"]

JITTER = 0.03
"""Seconds by which the device's times of two pieces may differ from what their samples say."""


@dataclass(slots=True)
class _Piece:
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

    def heard(self, played: int) -> int:
        """Frames of `samples` that were heard when the speaker's timeline stands at `played`."""
        if self.finished:
            return len(self.samples)
        if self.span is None:
            return self.skipped
        return self.skipped + min(max(0, played - self.span.start), len(self.samples) - self.skipped)


class Speech:
    """One reply as sound. Made by `SpeechOutput.begin`; its methods may be called from any thread."""

    def __init__(self, output: SpeechOutput, turn: int) -> None:
        self._output = output
        self.turn = turn
        self.cancelled = threading.Event()
        self.finished: Future[None] = Future()
        """Done when all was heard, given up, or cancelled."""
        self.first_synthesised: float | None = None
        """Monotonic seconds at which the first sound was ready to play."""
        self.first_played: float | None = None
        """Monotonic seconds at which the first sample was handed to the device."""
        self.engines: list[str] = []
        """Voices that spoke, in order of first use."""
        self.error: VitaError | None = None
        """Why a clause could not be spoken by any voice."""
        self.seconds = 0.0
        """Length of the speech synthesised so far."""
        self.ledger = Ledger()
        self._lock = threading.Lock()
        self._pieces: list[_Piece] = []
        self._speed = 1.0
        """Of the voice that has begun the clause that is not whole yet."""
        self._whole: set[int] = set()
        """Clauses, by their index, of which all pieces are there."""
        self._waiting = 0
        self._complete = False
        self._released = False
        self._given_up = False

    def add(self, clause: Clause) -> None:
        """Have `clause` spoken after all before it."""
        self.ledger.add(clause)
        with self._lock:
            self._waiting += 1
        self._output.submit(self, clause)

    def complete(self) -> None:
        """No more clauses will come."""
        with self._lock:
            self._complete = True
        self._check_finished()

    def release(self) -> None:
        """What is synthesised may be played from now on."""
        with self._lock:
            self._released = True
            self._play_held()
        self._check_finished()

    def cancel(self) -> None:
        """Fall silent now and say no more. The ledger then tells what was heard."""
        if self.cancelled.is_set() or self.finished.done():
            return
        self.cancelled.set()
        with self._lock:  # so that a clause that is being delivered cannot follow the silence
            self._note_heard(self._output.silence(self))
        self._finish()

    def heard(self) -> tuple[str, str]:
        """The reply's text so far, split into what was heard and what was not."""
        with self._lock:
            # After a flush the speaker's timeline goes on behind what was dropped.
            if not self.finished.done():
                self._note_heard(self._output.played())
        return self.ledger.split()

    # ---- called by SpeechOutput, in its thread or the speaker's

    def begin(self, clause: Clause, speed: float) -> None:
        """A voice has the first sound of `clause`, at `speed`; what another voice gave of it, before it failed, is not counted."""
        with self._lock:
            if self.cancelled.is_set() or self._given_up:
                return
            self._pieces = [piece for piece in self._pieces if piece.clause.index != clause.index]
            self._speed = speed
            self.ledger.begun(clause, speed)

    def deliver(self, clause: Clause, samples: Samples, engine: str, rate: int, now: float) -> None:
        """The next sound of `clause`."""
        with self._lock:
            if self.cancelled.is_set() or self._given_up:
                return
            if self.first_synthesised is None:
                self.first_synthesised = now
            if engine not in self.engines:
                self.engines.append(engine)
            self.seconds += len(samples) / rate
            self._pieces.append(_Piece(clause, samples, engine, rate))
            if self._released:
                self._play_held()

    def end(self, clause: Clause) -> None:
        """All sound of `clause` was delivered."""
        with self._lock:
            if self.cancelled.is_set() or self._given_up:
                return
            self._whole.add(clause.index)
            pieces = self._of(clause)
            rate = pieces[0].rate if pieces else 1
            sound = [resampled(piece.samples, piece.rate, rate) for piece in pieces]
            self.ledger.synthesised(clause, np.concatenate([*sound, np.zeros(0, np.float32)]), rate)
            self._note_clause(clause)
            if pieces and (started := pieces[0].started) is not None:
                self._say_own(clause, started)
            events = self._finish_clause(clause)
            self._waiting -= 1  # not before: should any of that fail, another voice says the clause
        self._publish(events)

    def skip(self) -> None:
        """A clause could not be spoken."""
        with self._lock:
            self._waiting -= 1
        self._check_finished()

    def give_up(self) -> None:
        """There is no way to be heard: end now with what was heard."""
        with self._lock:
            self._given_up = True
        self._check_finished()

    def mark(self, mark: PlaybackMark) -> None:
        """The speaker reports on one of this speech's spans."""
        events: list[ClauseStarted | ClauseFinished | Heard] = []
        with self._lock:
            place = next((n for n, piece in enumerate(self._pieces) if piece.span == mark.span), None)
            if place is None:
                return
            piece = self._pieces[place]
            clause = piece.clause
            if mark.kind == "started" and piece.started is None:
                piece.started = mark.at
                if self.first_played is None:
                    self.first_played = mark.at
                before = self._pieces[place - 1] if place else None
                inside = before is not None and before.clause.index == clause.index
                if before is not None:
                    gap = mark.at - (before.started or mark.at) - before.seconds
                    piece.gap = gap if gap > (JITTER if inside else 0.0) else 0.0
                if not inside:
                    self._say_own(clause, mark.at)
                    events.append(ClauseStarted(self.turn, clause.index, clause.text, piece.engine))
            elif mark.kind == "finished" and not piece.finished:
                piece.finished = True
                self._note_clause(clause)
                events = self._finish_clause(clause)
        self._publish(events)

    def lost(self, played: int) -> None:
        """The speaker went away when its timeline stood at `played`: hold what was not heard."""
        with self._lock:
            for piece in self._pieces:
                if not piece.finished and piece.span is not None:
                    piece.skipped = piece.heard(played)
                    piece.span = None
            self._note_heard(played)

    def resume(self) -> None:
        """The speaker is back: go on with what was not heard."""
        with self._lock:
            if self._released and not self.cancelled.is_set():
                self._play_held()
        self._check_finished()

    # ---- with the lock held

    def _play_held(self) -> None:
        for piece in self._pieces:
            if piece.span is None and not piece.finished:
                if piece.rate != (rate := self._output.rate):
                    self._convert(piece, rate)
                if piece.skipped >= len(piece.samples):
                    piece.finished = True
                    self._note_clause(piece.clause)
                    continue
                piece.span = self._output.enqueue(self, piece.samples[piece.skipped :])
                if piece.span is None:
                    return

    def _convert(self, piece: _Piece, rate: int) -> None:
        """Another speaker has come, at `rate` Hz."""
        piece.skipped = round(piece.skipped * rate / piece.rate)
        piece.samples, piece.rate = resampled(piece.samples, piece.rate, rate), rate

    def _of(self, clause: Clause) -> list[_Piece]:
        return [piece for piece in self._pieces if piece.clause.index == clause.index]

    def _note_heard(self, played: int) -> None:
        heard: dict[int, float] = {}
        for piece in self._pieces:
            index = piece.clause.index
            heard[index] = heard.get(index, 0.0) + piece.heard(played) / piece.rate
            self.ledger.heard(piece.clause, heard[index])

    def _note_clause(self, clause: Clause) -> None:
        """What of `clause` has sounded to its end, piece by piece."""
        self.ledger.heard(clause, sum(piece.seconds for piece in self._of(clause) if piece.finished))

    def _finish_clause(self, clause: Clause) -> list[ClauseStarted | ClauseFinished | Heard]:
        """What to tell if all of `clause` has sounded."""
        pieces = self._of(clause)
        if not pieces or clause.index not in self._whole or not all(piece.finished for piece in pieces):
            return []
        heard, unheard = self.ledger.split()
        gap = sum(piece.gap for piece in pieces)
        return [ClauseFinished(self.turn, clause.index, gap), Heard(self.turn, heard, unheard, final=False)]

    def _say_own(self, clause: Clause, started: float) -> None:
        """Note which words sound from `started` on, for as long as is known now."""
        if clause.index in self._whole:
            seconds = sum(piece.seconds for piece in self._of(clause))
        else:
            seconds = max((end for _, end in expected_ends(clause.words, self._speed)), default=0.0)
        self._output.own_words.say_clause(clause.words, started, seconds)

    # ----

    def _publish(self, events: Iterable[ClauseStarted | ClauseFinished | Heard]) -> None:
        """What `mark` or `end` has to tell."""
        for event in events:
            self._output.publish(event)
        self._check_finished()

    def _check_finished(self) -> None:
        with self._lock:
            over = self._given_up or (
                self._complete and self._waiting == 0 and all(piece.finished for piece in self._pieces)
            )
        if over:
            self._finish()

    def _finish(self) -> None:
        with self._lock:
            if self.finished.done():
                return
            self.finished.set_result(None)
            self._pieces.clear()  # the ledger has the account; a long reply's sound is tens of megabytes
        self._output.forget(self)
