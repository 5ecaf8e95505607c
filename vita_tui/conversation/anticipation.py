"""When an answer is worth beginning before it is certain that the question is whole: as soon as that is likely.

It has no thread and no engine. An answer that begins too early is thrown away, and has taken time from recognition meanwhile.
"""

from __future__ import annotations

from vita_tui.conversation.hearing.signals import DraftTranscript, EndExpected

__all__ = ["LIKELY", "Anticipation"]

LIKELY = 0.2
"""Probability of the end from which on an answer is begun."""
NEAR = 0.5
"""Seconds before the end from which on it is begun in any case."""


class Anticipation:
    """Of one utterance at a time."""

    def __init__(self) -> None:
        self._draft: DraftTranscript | None = None
        self._expected: EndExpected | None = None

    def forget(self) -> None:
        """The user goes on, or has finished."""
        self._draft = self._expected = None

    def understood(self, draft: DraftTranscript) -> DraftTranscript | None:
        """`draft` is what was said, if that is all; returned where its answer is to begin now."""
        self._draft = draft
        return self._due()

    def expect(self, expected: EndExpected) -> DraftTranscript | None:
        """How likely that is now; a draft that was waited with, where its answer is to begin now."""
        self._expected = expected
        return self._due()

    def _due(self) -> DraftTranscript | None:
        expected, draft = self._expected, self._draft
        if draft is None or (expected is not None and expected.number != draft.number):
            return None
        likely = expected is None or expected.probability is None or expected.probability >= LIKELY
        near = expected is not None and expected.seconds is not None and expected.seconds <= NEAR
        if not (likely or near):
            return None
        self._draft = None
        return draft
