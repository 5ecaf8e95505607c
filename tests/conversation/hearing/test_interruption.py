"""Somebody speaks into a reply: what is heard in, what is done out."""

from __future__ import annotations

import numpy as np
import pytest

from vita_tui.audio.base import SAMPLE_RATE
from vita_tui.conversation.hearing.echo_text import OwnWords
from vita_tui.conversation.hearing.interruption import (
    DUCKED,
    HINT_SECONDS,
    HINTED,
    WORDS_SECONDS,
    Duck,
    GiveBack,
    Interruption,
    Outcome,
    TakeFloor,
)
from vita_tui.conversation.hearing.open_utterance import EDGE_SECONDS
from vita_tui.conversation.hearing.signals import DraftTranscript, Understood, WordsSoFar
from vita_tui.conversation.hearing.utterance import Utterance
from vita_tui.events import Interjection


def words(
    text: str, *, stable: bool = True, since: float = 0.0, until: float = 1.0, number: int = 1
) -> WordsSoFar:
    """A partial transcript of `text`, all of it stable or none."""
    return WordsSoFar(number, text if stable else "", "" if stable else text, since, until)


def understood(text: str, confidence: float = 0.9, voice: float = 1.0, until: float = 1.0) -> Understood:
    audio = np.zeros(SAMPLE_RATE, np.float32)
    utterance = Utterance(1, audio, voice, until, until, until, "silence")
    return Understood(utterance, text, "", confidence, (), until)


def names(outcomes: list[Outcome]) -> list[str]:
    """Outcomes as words: "0.2" for a loudness, "onset" for what is told."""
    return [
        str(one.gain)
        if isinstance(one, Duck)
        else one.kind
        if isinstance(one, Interjection)
        else type(one).__name__
        for one in outcomes
    ]


def begun(own: OwnWords | None = None) -> Interruption:
    interruption = Interruption(own)
    assert interruption.onset(1, 10.0) == [Duck(DUCKED), Interjection("onset", "", 0.0)]
    return interruption


@pytest.mark.parametrize(
    ("text", "stable", "taken"),
    [
        ("What about the whales", True, True),
        ("What about the whales", False, False),
        ("Stop", False, True),
        ("mhm", True, False),
        ("okay", True, False),
        ("", False, False),
        ("whales", True, False),
    ],
)
def test_partial_words_take_the_floor_only_when_they_mean_to(text: str, stable: bool, taken: bool) -> None:
    interruption = begun()
    outcomes = interruption.words(words(text, stable=stable), 10.5)
    assert names(outcomes) == (["stopped", "TakeFloor", "1.0"] if taken else [])
    assert (interruption.number, interruption.last) == ((0, 1) if taken else (1, 0))


@pytest.mark.parametrize(
    ("text", "confidence", "voice", "taken"),
    [
        ("What about whales?", 0.9, 1.0, True),
        ("And make them.", 0.4, 1.0, False),
        ("That.", 0.55, 0.35, False),
        ("What?", 0.75, 0.35, True),
        ("Those are fine", 0.9, 0.4, False),
        ("How so?", 0.9, 0.4, True),
        ("Stop it please", 0.1, 0.4, True),
        ("Those are fine", 0.9, 0.8, True),
        ("Mhm.", 0.9, 0.5, False),
        ("", 0.0, 0.5, False),
    ],
)
def test_all_that_was_said_takes_the_floor_or_is_ignored(
    text: str, confidence: float, voice: float, taken: bool
) -> None:
    interruption = begun()
    outcomes = interruption.understood(understood(text, confidence, voice), 11.0)
    assert names(outcomes) == (["stopped", "TakeFloor", "1.0"] if taken else ["1.0", "ignored"])
    assert interruption.number == 0


def test_it_knows_its_own_words() -> None:
    own = OwnWords()
    own.say(["gulls", "are", "clever", "birds"], [0.3, 0.5, 0.9, 1.3], 10.0)
    interruption = begun(own)
    assert interruption.words(words("Gulls are clever", since=10.0, until=11.0), 11.0) == []
    outcomes = interruption.words(words("What about the whales", since=10.0, until=11.0), 11.2)
    assert TakeFloor() in outcomes


@pytest.mark.parametrize(
    ("text", "ours", "taken"),
    [
        ("Gulls are clever birds", True, False),
        ("Gulls are clever birds my dear", True, False),  # two words of ours, heard badly
        ("Gulls are clever birds my dear", False, True),  # with headphones nothing of it is ours
        ("Gulls are what about the whales", True, True),
        ("What about birds", True, True),
        ("Gulls are clever okay", True, False),  # what is left of it wants nothing
        ("Whales clever", True, False),  # one word is left of it
        ("Gulls are clever, stop", True, True),
        ("", True, False),
    ],
)
def test_what_is_left_when_our_own_words_are_taken_away_decides(text: str, ours: bool, taken: bool) -> None:
    own = OwnWords()
    own.say(["gulls", "are", "clever", "birds"], [0.3, 0.5, 0.9, 1.3], 10.0)
    interruption = begun(own if ours else None)
    outcomes = interruption.words(words(text, since=10.0, until=11.3), 11.4)
    assert (TakeFloor() in outcomes) is taken


@pytest.mark.parametrize(
    ("text", "since", "until", "own"),
    [
        ("Gulls are clever", 10.0, 11.0, True),
        ("Gulls are clever", 20.0, 21.0, False),  # not at that time
        ("What about whales", 10.0, 11.0, False),
        ("", 10.0, 11.0, False),
    ],
)
def test_our_own_words_are_known_by_what_sounded_and_when(
    text: str, since: float, until: float, own: bool
) -> None:
    said = OwnWords()
    said.say(["gulls", "are", "clever"], [0.3, 0.5, 0.9], 10.0)
    assert Interruption(said).is_own(text, since, until) is own
    assert not Interruption(None).is_own(text, since, until)


def test_all_that_was_said_is_compared_with_what_sounded_since_it_began() -> None:
    own = OwnWords()
    own.say(["gulls", "are", "clever"], [0.3, 0.5, 0.9], 7.0)
    interruption = begun(own)
    late = np.zeros(4 * SAMPLE_RATE, np.float32)
    utterance = Utterance(1, late, 1.0, 11.0, 11.0, 11.0, "silence")
    outcomes = interruption.understood(Understood(utterance, "Gulls are clever", "", 0.9, (), 11.0), 11.2)
    assert names(outcomes) == ["1.0", "ignored"]


@pytest.mark.parametrize(("text", "kind"), [("mhm", "ignored"), ("What about the whales", "stopped")])
def test_how_it_ended_is_told_with_its_words_and_its_seconds(text: str, kind: str) -> None:
    interruption = begun()
    outcomes = interruption.words(words(text), 10.5) or interruption.end(10.5, ignored=True)
    (told,) = (one for one in outcomes if isinstance(one, Interjection))
    assert (told.kind, told.text, told.seconds) == (kind, text, 0.5)


def test_a_new_voice_takes_the_place_of_the_one_before() -> None:
    interruption = begun()
    assert names(interruption.onset(2, 11.0)) == ["1.0", str(DUCKED), "onset"]
    assert interruption.number == 2


def test_a_hint_whose_time_is_over_leaves_nothing_and_is_no_interruption() -> None:
    interruption = Interruption(None)
    interruption.hint(1.0)
    assert interruption.end(1.1, ignored=True) == [Duck(1.0)], "nobody has spoken"
    assert interruption.deadline is None


def test_a_hint_makes_room_and_is_taken_back() -> None:
    interruption = Interruption(None)
    assert interruption.hint(1.0) == [Duck(HINTED)]
    assert interruption.hint(1.1) == [], "one is enough"
    assert interruption.deadline == pytest.approx(1.0 + HINT_SECONDS)
    assert interruption.tick(1.1) == []
    assert interruption.tick(1.0 + HINT_SECONDS) == [Duck(1.0)]
    assert interruption.deadline is None


def test_a_hint_that_becomes_a_voice_turns_it_down_further_and_never_up_between() -> None:
    interruption = Interruption(None)
    interruption.hint(1.0)
    assert names(interruption.onset(1, 1.1)) == [str(DUCKED), "onset"]
    assert interruption.hint(1.2) == []
    assert names(interruption.end(1.5, ignored=True)) == ["1.0", "ignored"]
    assert interruption.end(1.6) == []


@pytest.mark.parametrize(
    ("text", "waits"), [(None, 2), ("What about", 2), ("Whales", 2), ("mhm", 1), ("", 1)]
)
def test_words_that_are_not_certain_yet_are_waited_for_once_more(text: str | None, waits: int) -> None:
    interruption = begun()
    if text is not None:
        assert interruption.words(words(text, stable=False), 10.1) == []
    assert waited(interruption, 10.0) == waits


def waited(interruption: Interruption, now: float) -> int:
    """How often its deadline passes before it is given back; twice at most."""
    for ticks in (1, 2):
        assert interruption.deadline == pytest.approx(now + WORDS_SECONDS)
        now += WORDS_SECONDS
        outcomes = interruption.tick(now)
        if outcomes:
            assert names(outcomes) == ["1.0", "ignored", "GiveBack"]
            assert outcomes[-1] == GiveBack()
            return ticks
    raise AssertionError("nobody waits for words a third time")


@pytest.mark.parametrize("before", [None, "What about", "mhm"])
def test_each_interruption_is_waited_for_anew(before: str | None) -> None:
    interruption = begun()
    if before is not None:
        interruption.words(words(before, stable=False), 10.1)
    waited(interruption, 10.0)
    interruption.onset(2, 30.0)
    assert waited(interruption, 30.0) == 2, "nothing has been decoded of this one"


def test_who_still_speaks_when_the_reply_is_over_has_the_floor() -> None:
    interruption = begun()
    assert interruption.outlasted(11.0) == [Duck(1.0)]
    assert (interruption.number, interruption.last) == (0, 1)


def test_the_edge_around_a_voice_is_no_voice() -> None:
    """Half a second of sound with its edges has room for two words at most."""
    interruption = begun()
    short = words("those are fine", since=0.0, until=0.4 + EDGE_SECONDS)
    assert interruption.words(short, 10.5) == []
    assert interruption.words(words("those are fine", since=0.0, until=1.0 + EDGE_SECONDS), 10.6)


@pytest.mark.parametrize(
    ("text", "confidence", "taken"),
    [
        ("How do you know that?", 0.85, True),
        ("How do you know that?", 0.6, False),
        ("I have.", 0.9, False),
        ("yeah okay right sure", 0.95, False),
        ("Gulls are clever birds", 0.9, False),
    ],
)
def test_several_words_that_are_sure_need_no_second_decode(text: str, confidence: float, taken: bool) -> None:
    own = OwnWords()
    own.say(["gulls", "are", "clever", "birds"], [0.3, 0.5, 0.9, 1.3], 10.0)
    interruption = begun(own)
    outcomes = interruption.words(WordsSoFar(1, "", text, 10.0, 11.3, "en", confidence), 11.4)
    assert any(isinstance(one, TakeFloor) for one in outcomes) is taken


@pytest.mark.parametrize(
    ("text", "confidence", "voice", "taken"),
    [
        ("How do you know?", 0.6, 0.8, True),
        ("How do you know?", 0.4, 0.8, False),
        ("Tell me", 0.55, 0.4, False),
        ("Tell me", 0.65, 0.4, True),
        ("Mm-hmm.", 0.9, 0.4, False),
        ("Whales", 0.9, 0.8, False),
        ("Stop", 0.3, 0.3, True),
    ],
)
def test_what_is_understood_in_a_pause_stops_a_reply_before_it_is_certain_to_be_all(
    text: str, confidence: float, voice: float, taken: bool
) -> None:
    interruption = begun()
    draft = DraftTranscript(1, text, "en", confidence, voice, 10.0, 10.0 + voice)
    outcomes = interruption.drafted(draft, 11.0)
    assert any(isinstance(one, TakeFloor) for one in outcomes) is taken
    if not taken:
        assert interruption.number == 1, "what follows may still interrupt"
