"""When an answer is worth beginning before the question is known to be whole."""

from __future__ import annotations

import pytest

from vita_tui.conversation.anticipation import LIKELY, NEAR, Anticipation
from vita_tui.conversation.hearing.signals import DraftTranscript, EndExpected

DRAFT = DraftTranscript(1, "What time is it?")


@pytest.mark.parametrize(
    ("expected", "begins"),
    [
        (None, True),
        (EndExpected(1, 0.8), True),
        (EndExpected(1, 0.6, 0.9), True),
        (EndExpected(1, 3.0, 0.05), False),
        (EndExpected(1, 0.3, 0.05), True),
        (EndExpected(1, None, 0.05), False),
        (EndExpected(1, 3.0, LIKELY), True),
        (EndExpected(1, NEAR, 0.05), True),
        (EndExpected(2, 3.0, 0.9), False),  # of another utterance
    ],
)
def test_an_answer_begins_where_the_end_is_likely_or_near_or_nobody_judges_it(
    expected: EndExpected | None, begins: bool
) -> None:
    anticipation = Anticipation()
    if expected is not None:
        assert anticipation.expect(expected) is None, "nothing has been understood"
    assert anticipation.understood(DRAFT) == (DRAFT if begins else None)


def test_a_draft_waits_until_the_end_is_likely_and_is_begun_once() -> None:
    anticipation = Anticipation()
    anticipation.expect(EndExpected(1, 3.0, 0.05))
    assert anticipation.understood(DRAFT) is None
    assert anticipation.expect(EndExpected(1, 0.6, 0.7)) == DRAFT
    assert anticipation.expect(EndExpected(1, 0.4, 0.8)) is None


def test_what_was_forgotten_is_not_begun() -> None:
    anticipation = Anticipation()
    anticipation.expect(EndExpected(1, 3.0, 0.05))
    anticipation.understood(DRAFT)
    anticipation.forget()
    assert anticipation.expect(EndExpected(1, 0.4, 0.8)) is None
    anticipation.expect(EndExpected(1, 3.0, 0.05))
    anticipation.forget()
    assert anticipation.understood(DRAFT) == DRAFT, "nobody has judged this one"
