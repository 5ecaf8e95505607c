"""What is on the screen is in the store soon, while it still grows: a killed program loses no more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

import pytest

from tests.conversation.support import assistant
from vita_tui.conversation import history
from vita_tui.engines.llm.base import Message, StreamPiece
from vita_tui.engines.llm.fake import FakeResponder
from vita_tui.errors import EngineError
from vita_tui.events import SessionChanged


class Halting(FakeResponder):
    """Says some words, and the rest when the gate opens."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = asyncio.Event()

    async def stream(
        self, messages: Sequence[Message], *, max_tokens: int
    ) -> AsyncGenerator[StreamPiece, None]:
        self.requests.append(list(messages))
        yield "Words that are on the screen"
        await self.go_on.wait()
        yield " and more."


async def test_a_reply_is_kept_while_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "KEEP_SECONDS", 0.01)
    model = Halting()
    async with assistant(model) as (vita, events):
        asking = asyncio.create_task(vita.ask("What is seen?"))
        await events.until(SessionChanged, lambda event: event.turns == 2)
        assert vita.session is not None
        kept = await vita.sessions.store.read(vita.session.id)
        assert kept is not None
        assert [turn.text for turn in kept.turns] == ["What is seen?", "Words that are on the screen"]
        assert kept.turns[1].unfinished
        version = kept.version
        for _ in range(20):  # nothing new is written while nothing comes
            await asyncio.sleep(0)
        assert (await vita.sessions.store.version(vita.session.id)) == version
        model.go_on.set()
        await asking
        kept = await vita.sessions.store.read(vita.session.id)
        assert kept is not None
        assert [turn.text for turn in kept.turns] == [
            "What is seen?",
            "Words that are on the screen and more.",
        ]
        assert not kept.turns[1].unfinished
        # What was kept of the answer is no part of the question.
        await vita.ask("And now?")
        assert [message["content"] for message in model.requests[1]][1:] == [
            "What is seen?",
            "Words that are on the screen and more.",
            "And now?",
        ]


async def test_a_question_is_kept_before_the_model_is_there() -> None:
    class Slow(FakeResponder):
        def __init__(self) -> None:
            super().__init__(["An answer."])
            self.there = asyncio.Event()

        async def window(self) -> int:
            await self.there.wait()
            return self.context_window

    model = Slow()
    async with assistant(model) as (vita, events):
        asking = asyncio.create_task(vita.ask("Am I lost?"))
        await events.until(SessionChanged, lambda event: event.turns == 1)
        model.there.set()
        await asking
        assert [message["content"] for message in model.requests[-1]][1:] == ["Am I lost?"]


async def test_why_there_was_no_answer_is_kept() -> None:
    async with assistant(FakeResponder([EngineError("It is on fire.")])) as (vita, _):
        await vita.ask("Well?")
        assert vita.session is not None
        kept = await vita.sessions.store.read(vita.session.id)
        assert kept is not None
        (question,) = kept.turns
        assert "fire" in question.error


async def test_the_figures_of_the_running_program_are_seen() -> None:
    async with assistant(FakeResponder(["An answer."]), upkeep=True) as (vita, _):
        await vita.ask("Well?")
        assert vita.upkeep is not None
        vita.upkeep._watch.round()
        found = {one.name: one.value for one in vita.upkeep.metrics.summaries()}
        assert (found["sessions_live"], found["sessions_created"]) == (1, 1)
        vita.upkeep._watch.round()  # what was counted is not counted again
        found = {one.name: one.value for one in vita.upkeep.metrics.summaries()}
        assert found["sessions_created"] == 1
        vita.sessions.store.counters.failed()
        vita.upkeep._watch.round()
        assert {"sessions_store_errors"} <= {one.name for one in vita.upkeep.metrics.summaries()}
        answers = vita.upkeep._control._answers
        assert answers["sessions"]()["live"] == 1
