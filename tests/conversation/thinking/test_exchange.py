"""One reply, from the pieces that a model sends to what is published and said of it: pieces in, events and clauses out. No thread."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tests.conversation.speaking.test_playback import ByHand
from vita_tui.clock import SystemClock
from vita_tui.conversation.speaking.clauses import Clause
from vita_tui.conversation.speaking.playback import Playback
from vita_tui.conversation.speaking.speech import Speech
from vita_tui.conversation.thinking import exchange as module
from vita_tui.conversation.thinking.exchange import Exchange
from vita_tui.conversation.thinking.opening import Opening
from vita_tui.conversation.thinking.prompt_builder import LeftOut
from vita_tui.conversation.timings import Stopwatch
from vita_tui.engines.chain import Chain
from vita_tui.engines.llm.base import Cut, Message, Reasoning, Retracted, StreamPiece
from vita_tui.engines.llm.fake import FakeResponder
from vita_tui.errors import EngineError
from vita_tui.events import (
    Event,
    EventBus,
    Heard,
    QuestionShortened,
    ReasoningDelta,
    ReplyDelta,
    ReplyFinished,
    ReplyRetracted,
    ReplyStarted,
    UserSaid,
)
from vita_tui.settings import HealthSettings

ASKED: list[Message] = [{"role": "user", "content": "What are gulls?"}]


class Continuing(FakeResponder):
    """One that can go on where a reply stopped, as the built-in model can."""

    continues = True


def made(
    *responders: FakeResponder, longest: int = 50, speech: Speech | None = None, **more: Any
) -> tuple[Exchange, list[Event]]:
    """An exchange that is certain to be wanted, and what it publishes."""
    bus, events = EventBus(), list[Event]()
    bus.subscribe(events.append)
    exchange = Exchange(
        1,
        "What are gulls?",
        spoken=False,
        responders=Chain("llm", list(responders), HealthSettings(), bus=bus),
        speech=speech,
        bus=bus,
        clock=SystemClock(),
        watch=Stopwatch(),
        longest=lambda window: min(window, longest),
        **more,
    )
    return exchange, events


def of(events: Sequence[Event], *kinds: type[Event]) -> list[Event]:
    return [event for event in events if isinstance(event, kinds)]


def finished(events: Sequence[Event]) -> ReplyFinished:
    (last,) = [event for event in events if isinstance(event, ReplyFinished)]
    return last


ENDINGS: dict[str, tuple[list[Any], str, str, str, str]] = {
    # pieces → the text that is kept, how it ended, what cut it, what is said of the failure
    "all is said": (["Gulls ", "are birds."], "Gulls are birds.", "complete", "", ""),
    "cut at the longest": (["Gulls are", Cut("length")], "Gulls are", "length", "50 tokens", ""),
    "a filter, after some words": (["Gulls", Cut("filter")], "Gulls", "filtered", "content filter", ""),
    "a filter, before any": ([Cut("filter")], "", "failed", "", "filter withheld"),
    "nothing": ([], "", "failed", "", "said nothing"),
    "blanks alone": (["  \n "], "  \n ", "failed", "", "said nothing"),
    "nothing within its tokens": ([Cut("length")], "", "failed", "", "nothing within 50 tokens"),
    "reasoning alone": ([Reasoning("Birds?")], "", "failed", "", "then gave no answer"),
    "reasoning until its tokens are used up": (
        [Reasoning("Birds?"), Cut("length")],
        "",
        "failed",
        "",
        "still reasoning when its 50 tokens",
    ),
    "reasoning, then an answer": ([Reasoning("Birds?"), "Birds."], "Birds.", "complete", "", ""),
    "a refusal": ([Cut("refusal", "I may not.")], "", "failed", "", "refused to answer: I may not."),
    "a refusal, after some words": (["Gulls", Cut("refusal", "No.")], "Gulls", "complete", "", ""),
    "what is no text": ([7], "", "failed", "", "sent what is not text"),
    "a tool instead of an answer": ([Cut("tools")], "", "failed", "", "wanted to call a tool"),
    "what was said turns out to be reasoning": (
        ["Let me think", Retracted(), "Birds."],
        "Birds.",
        "complete",
        "",
        "",
    ),
}


@pytest.mark.parametrize("name", ENDINGS)
async def test_how_a_reply_ends(name: str) -> None:
    pieces, text, reason, cut, error = ENDINGS[name]
    exchange, events = made(FakeResponder([pieces]))
    exchange.commit()
    await exchange.run(ASKED)
    last = finished(events)
    assert (exchange.text, last.text, exchange.reason, last.reason) == (text, text, reason, reason)
    assert cut in last.note if cut else not last.note
    assert error in last.error if error else not last.error
    assert exchange.closed.is_set()


async def test_what_is_shown_comes_in_the_order_of_the_pieces() -> None:
    pieces: list[StreamPiece] = [Reasoning("Hm."), "Let me", Retracted(), "Birds", "."]
    exchange, events = made(FakeResponder([pieces]))
    exchange.commit()
    await exchange.run(ASKED, LeftOut(fit=3, tokens=9, turns=1))
    kinds = (UserSaid, QuestionShortened, ReplyStarted, ReasoningDelta, ReplyDelta, ReplyRetracted)
    assert of(events, *kinds) == [
        UserSaid(1, "What are gulls?", False),
        QuestionShortened(1, 3, 9, 1),
        ReplyStarted(1, "fake model"),
        ReasoningDelta(1, "Hm."),
        ReplyDelta(1, "Let me"),
        ReplyRetracted(1, ""),
        ReasoningDelta(1, "Let me"),
        ReplyDelta(1, "Birds"),
        ReplyDelta(1, "."),
    ]


async def test_a_draft_says_nothing_before_it_is_certain_and_then_all_of_it() -> None:
    exchange, events = made(FakeResponder(["Gulls are birds."]))
    await exchange.run(ASKED)
    kinds = (UserSaid, ReplyStarted, ReplyDelta, ReplyFinished)
    assert of(events, *kinds) == []
    exchange.commit()
    exchange.commit()
    shown = of(events, *kinds)
    assert [type(event) for event in shown] == [UserSaid, ReplyStarted, *[ReplyDelta] * 3, ReplyFinished]


async def test_one_that_broke_off_goes_on_where_it_stopped() -> None:
    breaking = Continuing(["Gulls are white birds."], name="breaking", breaks_after=2)
    going_on = Continuing([[" white", " birds."]], name="going on")
    exchange, events = made(breaking, going_on)
    exchange.commit()
    await exchange.run(ASKED)
    assert exchange.text == "Gulls are white birds."
    assert going_on.requests == [[*ASKED, {"role": "assistant", "content": "Gulls are"}]]
    assert of(events, ReplyStarted) == [ReplyStarted(1, "breaking")]


async def test_what_was_said_is_not_said_again_by_one_that_cannot_go_on() -> None:
    breaking = FakeResponder(["Gulls are white birds."], name="breaking", breaks_after=2)
    other = FakeResponder(["Gulls are birds."], name="other")
    exchange, events = made(breaking, other)
    exchange.commit()
    await exchange.run(ASKED)
    assert (exchange.text, exchange.reason, other.requests) == ("Gulls are", "failed", [])
    assert "breaking" in finished(events).error


async def test_who_answers_instead_and_why_is_told() -> None:
    first = FakeResponder([EngineError("The server is away.")], name="server")
    exchange, events = made(first, FakeResponder(["Birds."], name="built-in"))
    exchange.commit()
    await exchange.run(ASKED)
    *_, started = of(events, ReplyStarted)
    assert isinstance(started, ReplyStarted)
    assert (started.engine, started.instead_of) == ("built-in", "server")
    assert "The server is away" in started.because


async def test_a_fallback_gets_messages_of_its_own() -> None:
    async def prompt(responder: Any) -> list[Message]:
        await asyncio.sleep(0)
        return [{"role": "user", "content": f"for {responder.name}"}]

    first, second = FakeResponder([EngineError("Away.")], name="a"), FakeResponder(["Birds."], name="b")
    exchange, _ = made(first, second, prompt=prompt)
    exchange.commit()
    await exchange.run(ASKED)
    assert (first.requests, second.requests) == ([ASKED], [[{"role": "user", "content": "for b"}]])


@pytest.mark.parametrize(("whole", "text"), [(True, " and white."), (False, "and white. They fly.")])
async def test_the_rest_of_an_interrupted_reply_comes_first(*, whole: bool, text: str) -> None:
    model = Continuing([[" They fly."]])
    opening = Opening("What are gulls?", "Gulls are grey", " and white.", whole)
    exchange, _ = made(model, opening=opening)
    exchange.commit()
    await exchange.run(ASKED)
    assert exchange.text == text.strip()
    asked = [] if whole else [[*ASKED, {"role": "assistant", "content": "Gulls are grey and white."}]]
    assert model.requests == asked


async def test_what_is_given_needs_no_model() -> None:
    model = FakeResponder()
    exchange, events = made(model)
    exchange.give("It is noon.", "abilities")
    exchange.commit()
    await exchange.run(ASKED)
    assert (exchange.text, exchange.written, exchange.given, model.requests) == (
        "It is noon.",
        True,
        True,
        [],
    )
    assert of(events, ReplyStarted) == [ReplyStarted(1, "abilities")]


async def test_a_stop_ends_the_stream_and_keeps_what_came() -> None:
    gate = asyncio.Event()
    model = FakeResponder(["Gulls are birds."], gate=gate)
    exchange, events = made(model)
    exchange.commit()
    running = asyncio.ensure_future(exchange.run(ASKED))
    gate.set()
    while not exchange.text:
        await asyncio.sleep(0)
    gate.clear()
    exchange.stop("interrupted")
    exchange.stop("stopped")  # the first word counts
    await running
    assert (exchange.reason, exchange.stopped, exchange.written) == ("interrupted", True, False)
    assert finished(events).text == exchange.text


async def test_one_that_was_stopped_before_it_began_asks_nobody() -> None:
    model = FakeResponder()
    exchange, _ = made(model)
    exchange.stop("stopped")
    await exchange.run(ASKED)
    assert (exchange.reason, model.requests) == ("stopped", [])


@pytest.mark.parametrize(
    ("limit", "pieces", "reason", "told"),
    [
        ("MAX_BLANKS", ["Gulls", " " * 11, "birds"], "failed", "only whitespace"),
        ("MAX_CHARACTERS", ["0123456789", "0123456789"], "length", "it did not end"),
    ],
)
async def test_a_model_that_does_not_end_is_ended(
    monkeypatch: pytest.MonkeyPatch, limit: str, pieces: list[str], reason: str, told: str
) -> None:
    monkeypatch.setattr(module, limit, 10)
    exchange, events = made(FakeResponder([pieces]))
    exchange.commit()
    await exchange.run(ASKED)
    assert exchange.reason == reason
    assert told in finished(events).error + finished(events).note
    assert len(exchange.text) <= 16


async def test_the_reply_is_as_long_as_the_window_of_its_engine_allows() -> None:
    exchange, _ = made(FakeResponder(["one two three four five"], context_window=3))
    exchange.commit()
    await exchange.run(ASKED)
    assert exchange.text == "one two three"


class Aloud:
    """A voice that makes ten frames of every clause at once, before a speaker that sounds when it is told to."""

    def __init__(self, *, speaks: bool = True) -> None:
        self.speaker = ByHand()
        self.playback = Playback(self.speaker, EventBus(), SystemClock())
        self.playback.open()
        self.clauses: list[Clause] = []
        self.speaks = speaks

    def begin(self) -> Speech:
        return Speech(1, self.playback, self._submit)

    def _submit(self, speech: Speech, clause: Clause) -> None:
        self.clauses.append(clause)
        if not self.speaks:
            self.playback.skip(speech.track)
            return
        self.playback.first_sound(speech.track, clause, 1.0)
        self.playback.deliver(speech.track, clause, np.full(10, 0.1, np.float32), "piper", 1000)
        self.playback.end(speech.track, clause)

    def said(self) -> list[str]:
        return [clause.text.strip() for clause in self.clauses]


async def until(exchange: Exchange) -> asyncio.Future[None]:
    """Its task, once the reply is written."""
    running = asyncio.ensure_future(exchange.run(ASKED))
    await exchange.closed.wait()
    return running


async def test_what_is_spoken_was_heard_when_it_has_sounded() -> None:
    aloud = Aloud()
    exchange, events = made(FakeResponder([["Gulls are birds. ", "🙂"]]), speech=aloud.begin())
    assert aloud.speaker.spans == []
    exchange.commit()
    running = await until(exchange)
    assert exchange.heard() == ("", exchange.text)
    aloud.speaker.sound(0)
    await running
    assert of(events, Heard)[-1] == Heard(1, exchange.text, "", final=True), "an emoji has no sound"


async def test_a_draft_is_silent_until_it_is_certain() -> None:
    aloud = Aloud()
    exchange, _ = made(FakeResponder(["Gulls are birds."]), speech=aloud.begin())
    running = await until(exchange)
    assert (aloud.said(), aloud.speaker.spans) == (["Gulls are birds."], [])
    exchange.commit()
    assert len(aloud.speaker.spans) == 1
    aloud.speaker.sound(0)
    await running


async def test_who_interrupts_what_is_spoken_has_heard_no_more_of_it() -> None:
    aloud = Aloud()
    speech = aloud.begin()
    exchange, events = made(FakeResponder(["Gulls are birds."]), speech=speech)
    exchange.commit()
    running = await until(exchange)
    exchange.stop("interrupted")
    await running
    assert (exchange.reason, speech.cancelled.is_set()) == ("interrupted", True)
    assert of(events, Heard)[-1] == Heard(1, "", "Gulls are birds.", final=True)


@pytest.mark.parametrize("stopped", [False, True])
async def test_what_no_voice_can_say_was_read_unless_it_was_stopped(stopped: bool) -> None:
    aloud = Aloud(speaks=False)
    exchange, _ = made(FakeResponder(["Gulls are birds."]), speech=aloud.begin())
    exchange.commit()
    if stopped:
        exchange._output.text = "Gulls are birds."
        exchange.stop("stopped")
    await exchange.run(ASKED)
    assert exchange.heard() == (("", "Gulls are birds.") if stopped else ("Gulls are birds.", ""))


async def test_a_sentence_that_a_stop_cut_is_not_said_after_it() -> None:
    aloud = Aloud()
    gate = asyncio.Event()
    exchange, _ = made(FakeResponder(["Gulls are birds."], gate=gate), speech=aloud.begin())
    exchange.commit()
    running = asyncio.ensure_future(exchange.run(ASKED))
    gate.set()
    while not exchange.text:
        await asyncio.sleep(0)
    gate.clear()
    exchange.stop("interrupted")
    before = aloud.said()
    await running
    assert aloud.said() == before


@pytest.mark.parametrize("certain", [True, False])
async def test_reasoning_that_was_being_spoken_falls_silent_and_the_answer_is_said_anew(
    certain: bool,
) -> None:
    aloud = Aloud()
    first, second = aloud.begin(), aloud.begin()
    pieces: list[StreamPiece] = ["Let me think. ", "And more. ", Retracted(), "Birds fly."]
    exchange, _ = made(FakeResponder([pieces]), speech=first, speak_anew=lambda: second)
    if certain:
        exchange.commit()
    running = await until(exchange)
    assert (first.cancelled.is_set(), exchange.speech is second) == (True, True)
    assert aloud.said()[-1] == "Birds fly."
    assert second.track.released is certain
    exchange.stop("stopped")
    await running


@pytest.mark.parametrize(
    ("reasoned", "said"),
    [
        (["Let me", " think"], ["Gulls are white birds."]),
        (["Let me think. ", "And more"], ["Gulls areLet me think.", "white birds."]),
    ],
)
async def test_reasoning_behind_words_that_stay_is_taken_back_and_they_go_on(
    reasoned: list[str], said: list[str]
) -> None:
    aloud = Aloud()
    speech = aloud.begin()
    breaking = Continuing(["Gulls are white birds."], name="breaking", breaks_after=2)
    pieces: list[StreamPiece] = [*reasoned, Retracted(), " white", " birds."]
    exchange, events = made(
        breaking,
        Continuing([pieces], name="going on"),
        speech=speech,
        early=False,
        speak_anew=lambda: pytest.fail("what was said before stays"),
    )
    exchange.commit()
    running = await until(exchange)
    assert exchange.text == "Gulls are white birds."
    assert of(events, ReplyRetracted) == [ReplyRetracted(1, "Gulls are")]
    assert of(events, ReasoningDelta) == [ReasoningDelta(1, "".join(reasoned))]
    assert not speech.cancelled.is_set()
    assert exchange.speech is speech
    assert aloud.said() == said, "what is in no sentence yet is not said; what was begun is not undone"
    exchange.stop("stopped")
    await running


async def test_what_is_given_is_said_in_the_language_of_the_conversation_or_in_its_own() -> None:
    for language, said in (("", "drei Kilometer"), ("en", "three kilometers")):
        aloud = Aloud()
        exchange, _ = made(FakeResponder(), speech=aloud.begin(), language="de")
        exchange.give("3 km", "abilities", language=language)
        running = await until(exchange)
        assert [clause.spoken for clause in aloud.clauses] == [said]
        exchange.stop("stopped")
        await running
