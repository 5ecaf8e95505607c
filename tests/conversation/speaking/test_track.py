"""One reply's sound, without a speaker: pieces and marks in, what is told and what was heard out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vita_tui.audio.base import PlaybackMark, Span
from vita_tui.conversation.speaking.clauses import WHOLE_SENTENCES, Clause, ClauseCutter
from vita_tui.conversation.speaking.track import Piece, Sounding, Told, Track
from vita_tui.events import ClauseFinished, ClauseStarted, Heard

RATE = 1000
FIRST, SECOND = "Here is one sentence.", "And here is another one."


def clauses(text: str) -> list[Clause]:
    cutter = ClauseCutter(policies=WHOLE_SENTENCES)
    return [*cutter.feed(text), *cutter.finish()]


class Desk:
    """A track whose pieces are queued on a timeline of frames."""

    def __init__(self, rate: int = RATE, text: str = f"{FIRST} {SECOND}") -> None:
        self.track = Track(1)
        self.rate = rate
        self.clauses = clauses(text)
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


MOVES: dict[str, tuple[float, list[str], list[bool], list[int]]] = {
    # seconds that have sounded, of three sentences of two seconds each; what the user does; whether it was possible;
    # which sentences are said then
    "forward in the first": (1.0, ["forward"], [True], [1, 2]),
    "forward twice": (1.0, ["forward", "forward"], [True, True], [2]),
    "forward in the last": (5.0, ["forward"], [True], []),
    "forward after the last": (5.0, ["forward", "forward"], [True, False], []),
    "back in the first": (1.0, ["back"], [True], [0, 1, 2]),
    "back, late in the second": (3.8, ["back"], [True], [1, 2]),
    "back, when the second has just begun": (2.5, ["back"], [True], [0, 1, 2]),
    "back, when the last has just begun": (4.5, ["back"], [True], [1, 2]),
    "forward and back again": (1.0, ["forward", "back"], [True, True], [0, 1, 2]),
}


@pytest.mark.parametrize("name", MOVES)
def test_who_moves_goes_by_sentences(name: str) -> None:
    seconds, moves, possible, then = MOVES[name]
    desk = Desk(text=f"{FIRST} {SECOND} And here is the last.")
    played = round(seconds * RATE)
    for number in range(3):
        desk.say(number, 2000)
        start = number * 2000
        if start < played:
            desk.mark("started", start, start + 2000, start / RATE)
        if start + 2000 <= played:
            desk.mark("finished", start, start + 2000)
    moved = []
    for move in moves:
        desk.track.hold(played)
        moved.append(getattr(desk.track, move)())
    assert moved == possible
    told = []
    for span in desk.queue():
        told += desk.track.mark(PlaybackMark("started", span, 10.0))
        told += desk.track.mark(PlaybackMark("finished", span, 12.0))
    assert [one.index for one in told if isinstance(one, ClauseStarted)] == then
    assert [one.index for one in told if isinstance(one, ClauseFinished)] == then


@pytest.mark.parametrize("sounded", [False, True])
def test_who_goes_forward_in_a_sentence_that_is_still_being_written_leaves_out_its_rest(
    sounded: bool,
) -> None:
    desk = Desk()
    beginning = replace(desk.clauses[0], text="Here is one, ")
    rest = replace(desk.clauses[1], text="and its end.")
    desk.track = Track(1)
    desk.clauses = [beginning, rest]
    desk.track.expect(beginning)
    if sounded:
        desk.say(0, 100)
        desk.mark("finished", 0, 100)
    assert desk.track.forward(), "it is not known yet what is left out"
    assert not desk.track.forward(), "twice is no more"
    desk.track.expect(rest)
    desk.say(1, 100)
    assert desk.queue() == []
    assert desk.end == (100 if sounded else 0), "nothing of the rest was queued"


def test_what_is_held_goes_on_with_the_word_that_was_cut_and_is_told_again() -> None:
    desk = Desk()
    desk.say(0, 1000)
    desk.say(1, 2000)
    desk.mark("started", 0, 1000, 1.0)
    desk.mark("finished", 0, 1000)
    desk.mark("started", 1000, 3000, 2.0)
    desk.track.hold(played=2100)
    (span,) = desk.queue()
    assert 900 < span.end - span.start < 2000, "a little before where it fell silent"
    assert desk.mark("started", span.start, span.end, 9.0) == ["Sounding", "ClauseStarted"]
    told = desk.track.mark(PlaybackMark("finished", span, 10.0))
    assert [one.gap_seconds for one in told if isinstance(one, ClauseFinished)] == [0.0], "a pause is no gap"


@pytest.mark.parametrize(("late", "gap"), [(0.0, 0.0), (0.02, 0.0), (0.1, 0.1)])
def test_inside_of_a_clause_only_more_than_the_devices_jitter_is_a_gap(late: float, gap: float) -> None:
    desk = Desk()
    desk.say(0, 1000, 500)
    desk.mark("started", 0, 1000, 1.0)
    desk.mark("started", 1000, 1500, 2.0 + late)
    desk.mark("finished", 0, 1000)
    told = desk.track.mark(PlaybackMark("finished", Span(1000, 1500), 2.6))
    (finished,) = (one for one in told if isinstance(one, ClauseFinished))
    assert finished.gap_seconds == pytest.approx(gap)
