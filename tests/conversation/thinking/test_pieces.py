"""What a conversation makes of a reply that is more, or less, than its words: reasoning, cuts, and who says it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.conversation.support import assistant
from vita_tui.clock import FakeClock
from vita_tui.engines.chain import Chain
from vita_tui.engines.llm.base import Cut, Reasoning, Retracted, StreamPiece
from vita_tui.engines.llm.fake import FakeResponder
from vita_tui.errors import EngineError
from vita_tui.events import (
    ClauseStarted,
    EventBus,
    QuestionShortened,
    ReasoningDelta,
    ReplyFinished,
    ReplyRetracted,
    ReplyStarted,
)
from vita_tui.settings import HealthSettings, LlmSettings


async def test_reasoning_is_told_apart_and_neither_spoken_nor_kept() -> None:
    pieces: Sequence[StreamPiece] = [Reasoning("Where? "), Reasoning("France."), "It is ", "Paris."]
    async with assistant(FakeResponder([pieces])) as (vita, events):
        await vita.ask("What is the capital?")
        assert vita.session is not None
        assert vita.session.turns[-1].text == "It is Paris."
    assert "".join(event.text for event in events.of(ReasoningDelta)) == "Where? France."
    assert [event.text for event in events.of(ClauseStarted)] == ["It is Paris."]


async def test_what_turns_out_to_be_reasoning_is_taken_back() -> None:
    pieces: Sequence[StreamPiece] = [
        "They ask for a capital. ",
        "I know it. ",
        Retracted(),
        "It is ",
        "Paris.",
    ]
    async with assistant(FakeResponder([pieces])) as (vita, events):
        await vita.ask("What is the capital?")
        assert vita.session is not None
        assert vita.session.turns[-1].text == "It is Paris."
    assert [event.text for event in events.of(ReplyRetracted)] == [""]
    assert [event.text for event in events.of(ReasoningDelta)] == ["They ask for a capital. I know it. "]
    assert events.of(ReplyFinished)[0].text == "It is Paris."
    assert events.of(ClauseStarted)[-1].text == "It is Paris."


@pytest.mark.parametrize(
    ("pieces", "says", "remedy"),
    [
        (
            [Reasoning("Hm."), Cut("length")],
            "was still reasoning when its 220 tokens were used up",
            "llm.max_tokens",
        ),
        ([Cut("length")], "said nothing within 220 tokens", "llm.max_tokens"),
        ([Cut("filter")], "content filter", "llm.model"),
        (
            [Cut("refusal", "I cannot help with that")],
            "refused to answer: I cannot help with that.",
            "llm.model",
        ),
        ([Cut("tools")], "wanted to call a tool", "llm.model"),
        ([Reasoning("Hm.")], "reasoned, and then gave no answer", "llm.max_tokens"),
        (["Hm.", Retracted()], "reasoned, and then gave no answer", "llm.max_tokens"),
        (["  "], "said nothing", "Ask again"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_reply_without_words_says_why(pieces: list[StreamPiece], says: str, remedy: str) -> None:
    second = FakeResponder(name="second")
    async with assistant(FakeResponder([pieces], name="first"), second) as (vita, events):
        await vita.ask("What is the capital?")
        assert vita.last is not None
        assert vita.last.error is not None
        assert says in vita.last.error.message
        assert remedy in vita.last.error.remedy
    assert says in events.of(ReplyFinished)[0].error
    assert second.requests == []  # it was an answer: nobody else is asked


@pytest.mark.parametrize(
    ("cut", "reason", "note"),
    [
        (Cut("length"), "length", "cut at 220 tokens (llm.max_tokens)"),
        (Cut("filter"), "filtered", "cut by the server’s content filter"),
    ],
)
async def test_a_reply_that_is_cut_after_some_words_says_so(cut: Cut, reason: str, note: str) -> None:
    async with assistant(FakeResponder([["It is ", "Pa", cut]])) as (vita, events):
        await vita.ask("What is the capital?")
    (finished,) = events.of(ReplyFinished)
    assert (finished.text, finished.reason, finished.note) == ("It is Pa", reason, note)


async def test_who_answers_in_whose_place_is_told() -> None:
    first = FakeResponder([EngineError("Server answered with HTTP status 500.")], name="first")
    async with assistant(first, FakeResponder(name="second")) as (vita, events):
        await vita.ask("What is the capital?")
        assert vita.session is not None
        assert vita.session.turns[-1].engines["llm"] == "second"
    started = events.of(ReplyStarted)[-1]
    assert (started.engine, started.instead_of) == ("second", "first")
    assert started.because == "Server answered with HTTP status 500"


async def test_another_engine_is_asked_what_fits_into_its_own_window() -> None:
    first = FakeResponder([EngineError("It is away.")], name="first", context_window=100_000)
    second = FakeResponder(name="second", context_window=600)
    async with assistant(first, second) as (vita, _):
        await vita.ask("word " * 1000)
    assert len(first.requests[0][-1]["content"]) > 4000
    assert len(second.requests[0][-1]["content"]) < 2400


async def test_what_does_not_fit_is_told_before_it_is_sent() -> None:
    async with assistant(FakeResponder(context_window=600)) as (vita, events):
        question = "word " * 1000
        left_out = await vita.fits(question)
        assert left_out is not None
        assert await vita.fits("A short one.") is None
        await vita.ask(question)
    (told,) = events.of(QuestionShortened)
    assert (told.fit, told.tokens) == (left_out.fit, left_out.tokens)
    assert told.fit < 600 < told.tokens
    kinds = [type(event) for event in events.all]
    assert kinds.index(QuestionShortened) < kinds.index(ReplyStarted)


async def test_earlier_turns_that_do_not_fit_are_told() -> None:
    async with assistant(FakeResponder(["One two three four. " * 20], context_window=600)) as (vita, events):
        for number in range(8):
            await vita.ask(f"Question {number}?")
    told = [event.turns for event in events.of(QuestionShortened)]
    assert told
    assert told == sorted(told)
    assert all(event.fit == event.tokens for event in events.of(QuestionShortened))


def test_a_slow_engine_stays_the_chosen_one_where_slowness_does_not_count() -> None:
    clock = FakeClock()

    def answers(*, slow_counts: bool) -> str:
        engines = [FakeResponder(name="first"), FakeResponder(name="second")]
        chain: Chain[FakeResponder] = Chain(
            "llm", engines, HealthSettings(), bus=EventBus(), clock=clock, slow_counts=slow_counts
        )
        for _ in range(4):
            for attempt in chain.attempts():
                with attempt as engine:
                    if engine.name == "first":
                        clock.advance(12.0)
        return chain.active_name

    assert answers(slow_counts=True) == "second"
    assert answers(slow_counts=False) == "first"


def test_the_room_for_a_reply() -> None:
    assert LlmSettings().reply_room(2048) == 220
    assert LlmSettings(base_url="http://h/v1").reply_room(8192) == 2048
    assert LlmSettings(base_url="http://h/v1").reply_room(2048) == 512
    assert LlmSettings(base_url="http://h/v1", max_tokens=1000).reply_room(8192) == 1000
    assert LlmSettings(max_tokens=5000).reply_room(2048) == 1024
