"""Whether words sound finished."""

from __future__ import annotations

import pytest

from vita_tui.conversation.hearing.completeness import Completeness, completeness


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
