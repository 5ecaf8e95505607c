"""What is meant by what is said into a reply."""

from __future__ import annotations

import pytest

from vita_tui.conversation.hearing.backchannel import Meaning, asks_to_go_on, asks_to_stop, meaning


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", "nothing"),
        ("...", "nothing"),
        ("Mhm.", "listening"),
        ("Mm-hmm.", "listening"),
        ("Uh-huh, yeah.", "listening"),
        ("Okay.", "listening"),
        ("I see.", "listening"),
        ("M-H-M", "listening"),
        ("Thank you.", "listening"),
        ("Thank you, what about Italy?", "speech"),
        ("Yeah, right, okay, sure.", "listening"),
        ("you", "nothing"),
        ("So", "nothing"),
        ("Stop", "stop"),
        ("Wait, I meant Italy.", "stop"),
        ("Hold on a second.", "stop"),
        ("Shut up!", "stop"),
        ("What about Italy?", "speech"),
        ("No, I meant Italy.", "speech"),
        ("Okay, but what about Italy?", "speech"),
        ("Italy?", "speech"),
        ("Ha", "nothing"),
        ("yes yes yes yes yes", "speech"),
    ],
)
def test_what_all_of_it_means(text: str, wanted: Meaning) -> None:
    assert meaning(text, final=True) == wanted


def test_one_word_is_not_enough_while_it_is_spoken_unless_it_is_stop() -> None:
    assert meaning("Italy", final=False) == "unsure"
    assert meaning("What about", final=False) == "speech"
    assert meaning("stop", final=False) == "stop"
    assert meaning("Mhm", final=False) == "listening"


@pytest.mark.parametrize("text", ["Stop.", "Stop, please.", "Wait, wait!", "Be quiet now."])
def test_asking_for_silence_is_no_question(text: str) -> None:
    assert asks_to_stop(text)


@pytest.mark.parametrize(
    "text", ["Stop the timer.", "Wait, what is the capital of Italy?", "No.", "", "Go on."]
)
def test_asking_for_more_than_silence_is_one(text: str) -> None:
    assert not asks_to_stop(text)


@pytest.mark.parametrize(
    "text", ["Go on.", "Please continue.", "Okay, go on.", "Continue, please!", "Yes, carry on.", "and then?"]
)
def test_asking_for_the_rest(text: str) -> None:
    assert asks_to_go_on(text)


@pytest.mark.parametrize("text", ["Continue the song.", "What goes on there?", "", "Go on strike."])
def test_asking_for_something_else(text: str) -> None:
    assert not asks_to_go_on(text)
