"""A pause, and what the language model has to say about it: how long it may last, and whether an answer is worth beginning."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.conversation.support import Events, assistant, silence
from tests.conversation.test_turn_taking import understood
from vita_tui.abilities.service import standard
from vita_tui.conversation.assistant import Assistant
from vita_tui.conversation.drafting import WHOLE_REQUEST
from vita_tui.conversation.hearing.signals import DraftTranscript, EndExpected, SpeechBegan
from vita_tui.conversation.thinking import language_model
from vita_tui.engines.llm.base import Message
from vita_tui.engines.llm.fake import FakeResponder
from vita_tui.events import DraftOver, NothingHeard, State, StateChanged, TurnFinished


class Predicting(FakeResponder):
    """Says how likely a message is whole."""

    def __init__(self, probability: float | None) -> None:
        super().__init__(["It is noon."])
        self.probability = probability
        self.asked: list[str] = []
        self.has_asked = asyncio.Event()

    async def end_probability(self, messages: Sequence[Message]) -> float | None:
        self.asked.append(messages[-1]["content"])
        self.has_asked.set()
        return self.probability


async def pause(vita: Assistant, events: Events, likely: float | None, said: str = "What time is it") -> None:
    """The user has said something and pauses; the listener thinks it so likely that this was all."""
    vita.talk()
    await events.until(StateChanged, lambda event: event.state is State.LISTENING)
    vita._parts.turn.take(EndExpected(1, 3.0, likely))
    vita._parts.turn.take(DraftTranscript(1, said))


async def test_the_model_is_asked_before_it_begins_to_answer_and_the_draft_is_the_answer() -> None:
    model = Predicting(0.97)
    async with assistant(model, microphone=silence()) as (vita, events):
        await pause(vita, events, 0.05)
        async with asyncio.timeout(60):
            await model.has_asked.wait()
            await vita._parts.turn._drafting._asking  # type: ignore[misc]  # it is there once it has asked
        assert model.asked == ["What time is it"]
        assert vita._parts.replies.drafting
        understood(vita, "What time is it?", 1)
        await events.until(TurnFinished)
        assert [event.used for event in events.of(DraftOver)] == [True]
        assert len(model.requests) == 1


async def test_what_the_model_does_not_believe_to_be_all_is_not_answered_until_it_is_likely() -> None:
    model = Predicting(0.001)
    async with assistant(model, microphone=silence()) as (vita, events):
        await pause(vita, events, 0.05)
        async with asyncio.timeout(60):
            await model.has_asked.wait()
            await vita._parts.turn._drafting._asking  # type: ignore[misc]  # it is there once it has asked
        assert not vita._parts.replies.drafting
        vita._parts.turn.take(EndExpected(1, 2.0, 0.6))
        assert vita._parts.replies.drafting
        vita._parts.turn.take(SpeechBegan(1))
        assert not vita._parts.replies.drafting
        assert [event.used for event in events.of(DraftOver)] == [False]


@pytest.mark.parametrize("setting", ["ask_model", "adaptive"])
async def test_it_is_not_asked_where_the_settings_do_not_want_it(setting: str) -> None:
    model = Predicting(0.97)
    async with assistant(model, microphone=silence(), talk={setting: False}) as (vita, events):
        await pause(vita, events, None)
        async with asyncio.timeout(60):
            await vita._parts.turn._drafting._asking  # type: ignore[misc]  # as above
        assert vita._parts.replies.drafting, "nobody judges it: the answer begins"
        assert not model.asked


@pytest.mark.parametrize(
    ("said", "whole"), [("What time is it", True), ("Set a timer", False), ("What is a quark", False)]
)
async def test_the_model_is_not_asked_whether_a_whole_request_is_all(
    said: str, whole: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VITA_HOME", str(tmp_path))
    model = Predicting(0.03)
    async with assistant(model, microphone=silence(), abilities=standard()) as (vita, events):
        assert vita._parts.hearing is not None
        expected: list[tuple[str, float]] = []

        def expect(number: int, text: str, probability: float) -> None:
            expected.append((text, probability))

        vita._parts.hearing.expect_end = expect  # type: ignore[method-assign]  # the listener thread would take it
        await pause(vita, events, 0.05, said)
        async with asyncio.timeout(60):
            await vita._parts.turn._drafting._asking  # type: ignore[misc]  # as above
        assert expected == [(said, WHOLE_REQUEST if whole else 0.03)]
        assert model.asked == ([] if whole else [said])
        assert not model.requests, "it is carried out when it is certain that this was all"


async def test_who_only_asks_to_wait_has_asked_nothing() -> None:
    model = Predicting(None)
    async with assistant(model, microphone=silence()) as (vita, events):
        vita.talk()
        await events.until(StateChanged, lambda event: event.state is State.LISTENING)
        understood(vita, "Hold on.", 1)
        told = await events.until(NothingHeard)
        assert told.reason == "Nothing was asked."
        assert vita.state is State.IDLE
        assert not model.requests


async def test_what_was_asked_last_is_known_when_the_user_answers() -> None:
    model = FakeResponder(["Shall I set a timer?", "Fine."])
    async with assistant(model, microphone=silence()) as (vita, events):
        hearing = vita._parts.hearing
        assert hearing is not None
        said: list[str] = []
        hearing.asked = said.append  # type: ignore[method-assign, assignment]  # the listener thread would take it
        await vita.ask("I am cooking an egg")
        await events.until(TurnFinished)
        assert said == ["", "Shall I set a timer?"]


async def test_a_model_that_is_too_slow_is_left_alone_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(Predicting):
        async def end_probability(self, messages: Sequence[Message]) -> float | None:
            await super().end_probability(messages)
            await asyncio.Event().wait()
            return None

    monkeypatch.setattr(language_model, "END_SECONDS", 0.01)
    model = Slow(None)
    async with assistant(model, microphone=silence()) as (vita, events):
        await pause(vita, events, None)
        async with asyncio.timeout(60):
            await vita._parts.turn._drafting._asking  # type: ignore[misc]  # as above
        assert vita._parts.replies.drafting, "the answer begins without it"
        assert await vita._parts.model.end_probability("What time is it now") is None
        assert model.asked == ["What time is it"]
