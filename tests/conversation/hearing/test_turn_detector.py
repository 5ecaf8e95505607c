"""When a silence is the end of what the user says."""

from __future__ import annotations

import pytest

from vita_tui.conversation.hearing.turn_detector import LEAST, MOST, Completeness, Endpointer, completeness


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Yes.", "finished"),
        ("No", "finished"),
        ("stop please", "finished"),
        ("What time is it?", "finished"),
        ("What is that good for?", "finished"),
        ("Tell me a story about dogs.", "finished"),
        ("I would like to.", "unfinished"),
        ("Set a timer for", "unfinished"),
        ("I was thinking, um", "unfinished"),
        ("We went home and", "unfinished"),
        ("I need apples, pears, bread", "unfinished"),
        ("I need apples, pears and bread.", "finished"),
        ("What is the", "unfinished"),
        ("Tell me more,", "unfinished"),
        ("Green tea", "open"),
        ("What time", "open"),
        ("", "open"),
    ],
)
def test_completeness(text: str, expected: Completeness) -> None:
    assert completeness(text) == expected


def test_a_finished_sentence_waits_less_than_an_open_one_and_that_less_than_an_unfinished_one() -> None:
    endpointer = Endpointer(0.8)
    assert (
        endpointer.wait("What time is it?") < endpointer.wait("Green tea") < endpointer.wait("Green tea and")
    )


def test_pauses_that_were_not_the_end_lengthen_the_wait() -> None:
    endpointer = Endpointer(0.8)
    before = endpointer.wait("Green tea")
    for _ in range(6):
        endpointer.went_on(1.5)
    assert endpointer.wait("Green tea") > max(before, 1.5)


def test_the_habit_is_forgotten() -> None:
    endpointer = Endpointer(0.8)
    for _ in range(6):
        endpointer.went_on(1.5)
    for _ in range(40):
        endpointer.went_on(0.3)
    assert endpointer.wait("Green tea") == pytest.approx(0.8)


@pytest.mark.parametrize("setting", [0.2, 0.8, 10.0])
def test_the_wait_has_bounds(setting: float) -> None:
    endpointer = Endpointer(setting)
    for text in ("Yes.", "Green tea", "and"):
        assert LEAST <= endpointer.wait(text) <= MOST
