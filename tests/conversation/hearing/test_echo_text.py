"""Which of the words that were heard are the assistant's own."""

from __future__ import annotations

import pytest

from vita_tui.conversation.hearing.echo_text import OwnWords, foreign_words
from vita_tui.text.spoken import say

REPLY = "The library opens at 9 in the morning. You can borrow up to twelve books at a time."


@pytest.fixture
def own() -> OwnWords:
    made = OwnWords()
    made.say_clause(say(REPLY), started=100.0, seconds=6.0)
    return made


@pytest.mark.parametrize(
    "heard",
    [
        "The library opens at nine in the morning.",
        "library opens at 9",
        "the liberry open at nine",
        "You can borrow up to 12 books",
        "",
    ],
)
def test_an_echo_is_its_own(own: OwnWords, heard: str) -> None:
    assert own.is_own(heard, 100.0, 106.0)


@pytest.mark.parametrize(
    "heard",
    [
        "stop",
        "wait, what about Sundays?",
        "No, I meant the museum.",
        "the library stop",
        "opens at nine, but is it also open on the weekend for students",
    ],
)
def test_a_person_is_not(own: OwnWords, heard: str) -> None:
    assert not own.is_own(heard, 100.0, 106.0)


def test_words_of_another_time_are_a_persons(own: OwnWords) -> None:
    assert own.is_own("twelve books at a time", 104.0, 106.0)
    assert not own.is_own("twelve books at a time", 100.0, 101.0)
    assert not own.is_own("The library opens at nine", 120.0, 122.0)


def test_what_was_silenced_was_not_said(own: OwnWords) -> None:
    own.stop(at=102.0)
    assert own.between(102.5, 110.0) == ""
    assert not own.is_own("borrow up to twelve books", 104.0, 106.0)


def test_the_persons_words_are_left_of_a_mixture(own: OwnWords) -> None:
    assert own.foreign("the library opens how much does it cost in the morning", 100.0, 103.0) == (
        "how much does it cost"
    )


@pytest.mark.parametrize("heard", ["It's funny.", "It's sunny", "it is sunny", "It's sunny. I can't"])
def test_what_was_shortened_is_the_same(heard: str) -> None:
    own = OwnWords()
    own.say_clause(say("It is sunny. I cannot."), started=10.0, seconds=1.5)
    assert own.is_own(heard, 10.0, 11.5)


def test_a_command_that_the_assistant_says_itself_is_its_own() -> None:
    own = OwnWords()
    own.say(["You", "can", "stop", "there"], [0.2, 0.4, 0.8, 1.0], 10.0)
    assert own.is_own("can stop there", 10.0, 11.0)


def test_words_are_counted_once() -> None:
    assert foreign_words("no no no", "no") == ["no", "no"]
