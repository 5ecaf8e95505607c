"""One reply's sound, without a speaker: pieces and marks in, what is told and what was heard out."""

from __future__ import annotations

import numpy as np
import pytest

from vita_tui.audio.base import PlaybackMark, Span
from vita_tui.conversation.speaking.clauses import WHOLE_SENTENCES, Clause, ClauseCutter
from vita_tui.conversation.speaking.track import Piece, Sounding, Told, Track
from vita_tui.events import ClauseFinished, ClauseStarted, Heard

RATE = 1000
FIRST, SECOND = "Here is one sentence.", "And here is another one."


def clauses() -> list[Clause]:
    cutter = ClauseCutter(policies=WHOLE_SENTENCES)
    return [*cutter.feed(f"{FIRST} {SECOND}"), *cutter.finish()]


class Desk:
    """A track whose pieces are queued on a timeline of frames."""

    def __init__(self, rate: int = RATE) -> None:
        self.track = Track(1)
        self.rate = rate
        self.clauses = clauses()
        self.end = 0
        for clause in self.clauses:
            self.track.expect(clause)

    def say(self, number: int, *frames: int, whole: bool = True) -> list[Told]:
        """Deliver pieces of the clause `number`, and all of it if it is whole."""
        clause = self.clauses[number]
        self.track.begin(clause, 1.0)
        for length in frames:
            self.track.deliver(Piece(clause, np.full(length, 0.1, np.float32), "piper", RATE), 5.0)
        self.queue()
        return self.track.end(clause) if whole else []

    def queue(self) -> list[Span]:
        spans = []
        for piece in self.track.held(self.rate):
            piece.span = Span(self.end, self.end + len(piece.rest))
            self.end = piece.span.end
            spans.append(piece.span)
        return spans

    def mark(self, kind: str, start: int, end: int, at: float = 0.0) -> list[str]:
        told = self.track.mark(PlaybackMark(kind, Span(start, end), at))  # type: ignore[arg-type]
        return [type(one).__name__ for one in told]


def test_a_clause_is_told_of_when_it_begins_and_when_all_of_it_has_sounded() -> None:
    desk = Desk()
    desk.say(0, 1000, 500)
    assert desk.mark("started", 0, 1000, 1.0) == ["Sounding", "ClauseStarted"]
    assert desk.mark("finished", 0, 1000) == []
    assert desk.mark("started", 1000, 1500, 2.0) == [], "the same clause"
    assert desk.mark("finished", 1000, 1500) == ["ClauseFinished", "Heard"]
    assert desk.track.ledger.split()[0].strip() == FIRST
    assert desk.track.first_played == 1.0


def test_a_clause_whose_sound_ends_before_all_is_synthesised_ends_with_the_last_piece() -> None:
    desk = Desk()
    desk.say(0, 1000, whole=False)
    desk.mark("started", 0, 1000, 1.0)
    assert desk.mark("finished", 0, 1000) == []
    told = desk.track.end(desk.clauses[0])
    assert [type(one) for one in told] == [Sounding, ClauseFinished, Heard]


def test_a_gap_between_clauses_is_measured() -> None:
    desk = Desk()
    desk.say(0, 1000)
    desk.say(1, 1000)
    desk.mark("started", 0, 1000, 1.0)
    desk.mark("finished", 0, 1000)
    desk.mark("started", 1000, 2000, 2.25)
    told = desk.track.mark(PlaybackMark("finished", Span(1000, 2000), 3.25))
    finished = next(one for one in told if isinstance(one, ClauseFinished))
    assert finished.gap_seconds == pytest.approx(0.25)


def test_what_another_voice_gave_of_a_clause_is_not_counted() -> None:
    desk = Desk()
    desk.say(0, 1000, whole=False)
    desk.mark("started", 0, 1000, 1.0)
    desk.say(0, 800)
    assert desk.mark("finished", 0, 1000) == [], "it is not ours any more"
    assert desk.mark("started", 1000, 1800, 2.0) == ["Sounding", "ClauseStarted"]
    assert desk.mark("finished", 1000, 1800) == ["ClauseFinished", "Heard"]


def test_what_a_lost_speaker_had_not_sounded_is_held_and_queued_again_at_the_new_rate() -> None:
    desk = Desk()
    desk.say(0, 1000)
    desk.mark("started", 0, 1000, 1.0)
    desk.track.lose(played=400)
    desk.rate, desk.end = 2 * RATE, 0
    (span,) = desk.queue()
    assert span.end == pytest.approx(1200, abs=4)
    assert desk.mark("finished", span.start, span.end) == ["ClauseFinished", "Heard"]


def test_a_full_queue_holds_the_rest_in_order() -> None:
    desk = Desk()
    clause = desk.clauses[0]
    desk.track.begin(clause, 1.0)
    for _ in range(3):
        desk.track.deliver(Piece(clause, np.zeros(10, np.float32), "piper", RATE), 5.0)
    offered = 0
    for piece in desk.track.held(RATE):
        offered += 1
        piece.span = Span(0, 10) if offered == 1 else None
    assert offered == 2, "who is refused is not asked for what comes after"
    assert len(desk.queue()) == 2


def test_it_is_over_when_all_that_was_expected_has_sounded_or_is_skipped() -> None:
    desk = Desk()
    desk.say(0, 100)
    desk.track.complete = True
    desk.mark("finished", 0, 100)
    assert not desk.track.over
    desk.track.skip()
    assert desk.track.over


def test_a_closed_track_keeps_the_account_and_lets_the_sound_go() -> None:
    desk = Desk()
    desk.say(0, 1000)
    desk.track.note_heard(1000)
    desk.track.close()
    assert desk.track.over
    assert desk.queue() == []
    assert desk.track.ledger.split()[0].strip() == FIRST
    assert desk.track.seconds == pytest.approx(1.0)
    assert not [
        one
        for one in desk.track.mark(PlaybackMark("started", Span(0, 1000), 1.0))
        if isinstance(one, ClauseStarted)
    ]
