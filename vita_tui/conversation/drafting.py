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
            expect_end: takes how likely the language model thinks that a transcript is all that is said, 0 to 1.
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
        """What the language model thinks of `draft` tells how long to wait, and whether its answer is worth beginning."""
        asks = self._settings.adaptive and self._settings.ask_model
        likely = await self._model.end_probability(draft.text) if asks else None
        if likely is not None:
            self._expect_end(draft, likely)
        due = self._anticipation.understood(draft)
        if due is None and likely is not None and likely >= LIKELY:
            due = draft  # before the listener has said so
        self._begin(due)

    def _begin(self, draft: DraftTranscript | None) -> None:
        if draft is not None and self._listening():
            self._replies.draft(draft.text)

    def _stop_asking(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None
