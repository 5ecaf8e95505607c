"""Answers that are begun before it is certain that the question is whole: when that is likely enough, and thrown away when it was not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from vita_tui.conversation.anticipation import LIKELY, Anticipation
from vita_tui.conversation.hearing.signals import DraftTranscript, EndExpected
from vita_tui.conversation.replies import Replies
from vita_tui.conversation.thinking.language_model import LanguageModel
from vita_tui.health.tasks import Tasks
from vita_tui.settings import TalkSettings

__all__ = ["Drafting"]

WHOLE_REQUEST = 0.8
"""How likely a request that is carried out without the language model is all that is said, 0 to 1: it may yet be in another city, or for
another timer."""


class Drafting:
    """On the assistant's loop."""

    def __init__(
        self,
        settings: TalkSettings,
        model: LanguageModel,
        replies: Replies,
        tasks: Tasks,
        *,
        listening: Callable[[], bool],
        expect_end: Callable[[DraftTranscript, float], None],
    ) -> None:
        """
        Args:
            listening: whether the user speaks.
            expect_end: takes how likely a transcript is all that is said, 0 to 1: as a request that needs no model, or else by the language
                model.
        """
        self._settings = settings
        self._model = model
        self._replies = replies
        self._tasks = tasks
        self._listening = listening
        self._expect_end = expect_end
        self._anticipation = Anticipation()
        self._asking: asyncio.Task[None] | None = None
        """The language model is asked whether what was said is all."""

    def take(self, draft: DraftTranscript) -> None:
        """What was understood of what may be all."""
        self._stop_asking()
        self._asking = self._tasks.spawn(self._ask(draft), "end of turn")

    def expect(self, expected: EndExpected) -> None:
        """How likely it is, and how soon it will be certain."""
        self._begin(self._anticipation.expect(expected))

    def forget(self) -> None:
        """The user has finished: the draft, if there is one, is what it is."""
        self._stop_asking()
        self._anticipation.forget()

    def drop(self) -> None:
        """The user goes on, or was nobody."""
        self.forget()
        self._replies.drop_draft()

    async def _ask(self, draft: DraftTranscript) -> None:
        """What is thought of `draft` tells how long to wait, and whether its answer is worth beginning."""
        likely = await self._likely(draft.text) if self._settings.adaptive else None
        if likely is not None:
            self._expect_end(draft, likely)
        due = self._anticipation.understood(draft)
        if due is None and likely is not None and likely >= LIKELY:
            due = draft  # before the listener has said so
        self._begin(due)

    async def _likely(self, text: str) -> float | None:
        """How likely `text` is all that is said, 0 to 1; None where nobody can tell."""
        if await self._replies.needs_no_more(text):
            return WHOLE_REQUEST
        return await self._model.end_probability(text) if self._settings.ask_model else None

    def _begin(self, draft: DraftTranscript | None) -> None:
        if draft is not None and self._listening():
            self._replies.draft(draft.text)

    def _stop_asking(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None
