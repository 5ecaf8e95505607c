"""One reply as sound: its clauses in order, and what of them was heard.

Clauses go in from the asyncio side, sound is held until `release`, and `cancel` silences it at once. A clause is synthesised whole
(Piper gives a clause in one piece) and handed to the speaker as one span, so the speaker's device clock tells which words have been
heard.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vita_tui.audio.base import PlaybackMark, Samples, Span
from vita_tui.conversation.clauses import Clause
from vita_tui.conversation.ledger import Ledger
from vita_tui.engines.tts.sound import resampled
from vita_tui.errors import VitaError
from vita_tui.events import ClauseFinished, ClauseStarted, Heard

if TYPE_CHECKING:
    from vita_tui.conversation.speech_output import SpeechOutput

__all__ = ["Speech"]


@dataclass(slots=True)
class _Piece:
    """One clause as sound."""

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
    finished: bool = False

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
        """Monotonic seconds at which the first clause was ready to play."""
        self.first_played: float | None = None
        """Monotonic seconds at which the first sample was handed to the device."""
        self.gaps: list[float] = []
        """Seconds of silence between clauses, in order."""
        self.engines: list[str] = []
        """Voices that spoke, in order of first use."""
        self.error: VitaError | None = None
        """Why a clause could not be spoken by any voice."""
        self.seconds = 0.0
        """Length of the speech synthesised so far."""
        self.ledger = Ledger()
        self._lock = threading.Lock()
        self._pieces: list[_Piece] = []
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

    def deliver(self, clause: Clause, samples: Samples, engine: str, rate: int, now: float) -> None:
        with self._lock:
            self._waiting -= 1
            if self.cancelled.is_set() or self._given_up:
                return
            if self.first_synthesised is None:
                self.first_synthesised = now
            if engine not in self.engines:
                self.engines.append(engine)
            self.seconds += len(samples) / rate
            self._pieces.append(_Piece(clause, samples, engine, rate, finished=not len(samples)))
            self.ledger.synthesised(clause, samples, rate)
            if self._released:
                self._play_held()

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

    def mark(self, mark: PlaybackMark, rate: int) -> None:
        """The speaker reports on one of this speech's spans."""
        events: list[ClauseStarted | ClauseFinished | Heard] = []
        with self._lock:
            place = next((n for n, piece in enumerate(self._pieces) if piece.span == mark.span), None)
            if place is None:
                return
            piece = self._pieces[place]
            if mark.kind == "started" and piece.started is None:
                piece.started = mark.at
                self._output.own_words.say_clause(piece.clause.words, mark.at, len(piece.samples) / rate)
                if self.first_played is None:
                    self.first_played = mark.at
                if place > 0:
                    before = self._pieces[place - 1]
                    ready = (before.started or mark.at) + len(before.samples) / rate
                    self.gaps.append(max(0.0, mark.at - ready))
                events.append(ClauseStarted(self.turn, piece.clause.index, piece.clause.text, piece.engine))
            elif mark.kind == "finished" and not piece.finished:
                piece.finished = True
                self.ledger.heard(piece.clause, len(piece.samples))
                heard, unheard = self.ledger.split()
                gap = self.gaps[place - 1] if 0 < place <= len(self.gaps) else 0.0
                events += [
                    ClauseFinished(self.turn, piece.clause.index, gap),
                    Heard(self.turn, heard, unheard, final=False),
                ]
        for event in events:
            self._output.publish(event)
        self._check_finished()

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

    # ---- with the lock held

    def _play_held(self) -> None:
        for piece in self._pieces:
            if piece.span is None and not piece.finished:
                if piece.rate != (rate := self._output.rate):
                    self._convert(piece, rate)
                piece.span = self._output.enqueue(self, piece.samples[piece.skipped :])
                if piece.span is None:
                    return

    def _convert(self, piece: _Piece, rate: int) -> None:
        """Another speaker has come, at `rate` Hz."""
        self.ledger.scale(piece.clause, rate / piece.rate)
        piece.skipped = round(piece.skipped * rate / piece.rate)
        piece.samples, piece.rate = resampled(piece.samples, piece.rate, rate), rate

    def _note_heard(self, played: int) -> None:
        for piece in self._pieces:
            self.ledger.heard(piece.clause, piece.heard(played))

    # ----

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
