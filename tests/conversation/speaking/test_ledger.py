"""What of a reply was heard: whole clauses, whole words, and nothing twice."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from vita_tui.audio.base import Samples
from vita_tui.conversation.speaking.clauses import WHOLE_SENTENCES, Clause, ClauseCutter
from vita_tui.conversation.speaking.ledger import Ledger
from vita_tui.engines.tts.word_times import word_ends

RATE = 16_000
TEXT = "Hello there, my good friend. The sea is calm today, and the sun is out. Shall we go for a walk?"


def clauses() -> list[Clause]:
    cutter = ClauseCutter()
    return [*cutter.feed(TEXT), *cutter.finish()]


def sound(clause: Clause) -> Samples:
    """A quarter of a second of noise for each word."""
    return np.random.default_rng(1).normal(0, 0.2, RATE // 4 * len(clause.words)).astype(np.float32)


def ledger(synthesised: int) -> tuple[Ledger, list[Clause]]:
    """A reply of which so many clauses have become sound."""
    made, cut = Ledger(), clauses()
    for clause in cut:
        made.add(clause)
    for clause in cut[:synthesised]:
        made.synthesised(clause, sound(clause), RATE)
    return made, cut


def test_nothing_was_heard_before_it_sounded() -> None:
    assert Ledger().split() == ("", "")
    assert ledger(0)[0].split() == ("", TEXT)
    assert ledger(9)[0].split() == ("", TEXT)


def test_clauses_that_sounded_were_heard_whole() -> None:
    made, cut = ledger(9)
    for clause in cut[:2]:
        made.heard(clause, len(sound(clause)) / RATE)
    heard, unheard = made.split()
    assert heard == cut[0].text + cut[1].text
    assert heard + unheard == TEXT


def test_of_a_clause_that_broke_off_whole_words_were_heard() -> None:
    made, cut = ledger(9)
    made.heard(cut[0], len(sound(cut[0])) / RATE * 2 / 3)
    heard, unheard = made.split()
    assert heard + unheard == TEXT
    assert 0 < len(heard) < len(cut[0].text)
    assert not (heard[-1].isalnum() and unheard[0].isalnum())


def test_after_a_word_that_was_not_heard_nothing_was() -> None:
    made, cut = ledger(9)
    made.heard(cut[1], len(sound(cut[1])) / RATE)
    assert made.split() == ("", TEXT)


def test_what_was_heard_stays_heard() -> None:
    made, cut = ledger(9)
    made.heard(cut[0], len(sound(cut[0])) / RATE)
    made.heard(cut[0], 0)
    assert made.split()[0] == cut[0].text


@settings(deadline=None)
@given(st.lists(st.integers(0, 5 * RATE), min_size=2, max_size=6))
def test_the_more_has_sounded_the_more_was_heard(frames: list[int]) -> None:
    made, cut = ledger(9)
    before = 0
    for place, played in enumerate(sorted(frames)):
        made.heard(cut[0], played / RATE)
        heard, unheard = made.split()
        assert heard + unheard == TEXT
        assert len(heard) >= before, place
        before = len(heard)


def test_what_the_user_passed_over_counts_as_known() -> None:
    made, cut = ledger(9)
    made.passed(cut[0])
    assert made.split()[0] == cut[0].text
    made.begun(cut[0])
    assert made.split()[0] == cut[0].text, "whoever speaks it"


def test_a_rounding_is_no_word() -> None:
    made, cut = ledger(9)
    made.heard(cut[0], len(sound(cut[0])) / RATE - 0.0005)
    assert made.split()[0] == cut[0].text


def test_while_the_end_of_a_clause_is_being_made_its_last_word_was_not_heard() -> None:
    made, cut = ledger(0)
    made.begun(cut[0])
    made.heard(cut[0], 60.0)
    heard = made.split()[0]
    assert 0 < len(heard) < len(cut[0].text.rstrip())
    assert len(heard.split()) == len(cut[0].text.split()) - 1


def test_of_a_voice_that_speaks_faster_more_was_heard() -> None:
    heard = []
    for speed in (1.0, 2.0):
        cutter = ClauseCutter(policies=WHOLE_SENTENCES)
        (clause,) = [*cutter.feed("The sea is calm today and the sun is out."), *cutter.finish()]
        made = Ledger()
        made.add(clause)
        made.begun(clause, speed)
        made.heard(clause, 1.0)
        heard.append(len(made.split()[0]))
    assert heard[0] < heard[1]


def test_who_goes_on_begins_with_the_word_that_was_cut() -> None:
    made, cut = ledger(9)
    clause = max(cut, key=lambda one: len(one.words))
    ends = [frame / RATE for _, frame in word_ends(clause.words, sound(clause), RATE)]
    assert len(ends) > 2
    assert made.word_start(clause, 0.0) == 0.0
    for end, following in itertools.pairwise(ends):
        assert made.word_start(clause, end) == end
        assert made.word_start(clause, (end + following) / 2) == end
