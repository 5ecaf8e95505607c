"""Turn-taking with scripted engines: onsets, words, and what becomes of the reply."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import numpy as np
import pytest

from tests.conversation.support import Events, assistant, silence
from vita_tui.audio.base import SAMPLE_RATE
from vita_tui.audio.files import FileSpeaker
from vita_tui.clock import SystemClock
from vita_tui.conversation.assistant import Assistant
from vita_tui.conversation.hearing import interruption
from vita_tui.conversation.hearing.signals import (
    Understood,
    UtteranceEnded,
    VoiceOnset,
    WordsSoFar,
)
from vita_tui.conversation.hearing.utterance import Utterance
from vita_tui.engines.llm.fake import FakeResponder
from vita_tui.events import (
    ClauseStarted,
    Interjection,
    NothingHeard,
    ReplyFinished,
    State,
    TurnFinished,
    UserSaid,
)

LONG = "Here is the first of many sentences. " + "And then there is one more that follows it. " * 12


@pytest.fixture
async def talking() -> AsyncIterator[tuple[Assistant, Events]]:
    """An assistant in the middle of a long reply, which sounds."""
    responder = FakeResponder([LONG, "Second answer."])
    async with assistant(responder, microphone=silence(), speaker=FileSpeaker()) as (vita, events):
        vita.set_hands_free(True)
        asking = asyncio.create_task(vita.ask("A question"))
        await events.until(ClauseStarted, lambda event: event.index == 2)
        yield vita, events
        vita.stop()
        await asking


def state_of(vita: Assistant) -> State:
    return vita.state


def onset(vita: Assistant, number: int = 7) -> None:
    """Voice begins the utterance `number`, as the listener would report it."""
    hearing = vita._parts.hearing
    assert hearing is not None
    hearing._numbers._last = number
    vita._parts.turn.take(VoiceOnset(number))


def understood(
    vita: Assistant, text: str, number: int = 7, confidence: float = 0.9, voice: float = 1.0
) -> None:
    now = SystemClock().monotonic()
    utterance = Utterance(number, np.zeros(SAMPLE_RATE, np.float32), voice, now, now, now, "silence")
    vita._parts.turn.take(UtteranceEnded(utterance))
    vita._parts.turn.take(Understood(utterance, text, "" if text else "Nothing.", confidence, (), now))


def kinds(events: Events) -> Sequence[str]:
    return [event.kind for event in events.of(Interjection)]


async def test_words_end_the_reply_and_are_answered(talking: tuple[Assistant, Events]) -> None:
    vita, events = talking
    onset(vita)
    assert state_of(vita) is State.SPEAKING, "a sound alone is not enough"
    vita._parts.turn.take(WordsSoFar(7, "", "what about", 0.0, 0.5))
    assert state_of(vita) is State.SPEAKING, "a first guess is not enough"
    vita._parts.turn.take(WordsSoFar(7, "What", "about whales", 0.0, 1.0))
    assert state_of(vita) is State.LISTENING
    understood(vita, "What about whales?")
    await events.until(TurnFinished, lambda event: event.turn == 2)
    assert [event.text for event in events.of(UserSaid)] == ["A question", "What about whales?"]
    assert kinds(events) == ["onset", "stopped"]
    first = vita.session.turns[1] if vita.session is not None else None
    assert first is not None
    assert first.interrupted
    assert first.heard


async def test_a_sound_without_words_lets_the_reply_go_on(talking: tuple[Assistant, Events]) -> None:
    vita, events = talking
    for number, text in ((7, ""), (8, "Mhm."), (9, "you")):
        onset(vita, number)
        understood(vita, text, number)
        assert state_of(vita) is State.SPEAKING
    assert kinds(events) == ["onset", "ignored"] * 3
    assert len(events.of(UserSaid)) == 1


async def test_words_that_are_guessed_at_a_cough_do_not_end_the_reply(
    talking: tuple[Assistant, Events],
) -> None:
    vita, events = talking
    onset(vita)
    understood(vita, "And make them.", confidence=0.4)
    assert state_of(vita) is State.SPEAKING
    assert kinds(events) == ["onset", "ignored"]


async def test_stop_is_obeyed_and_not_asked(talking: tuple[Assistant, Events]) -> None:
    vita, events = talking
    onset(vita)
    vita._parts.turn.take(WordsSoFar(7, "", "Stop", 0.0, 0.4))
    assert state_of(vita) is State.LISTENING
    understood(vita, "Stop!")
    await events.until(TurnFinished)
    assert state_of(vita) is State.IDLE
    assert events.of(NothingHeard)[-1].reason == "Stopped."
    assert len(events.of(UserSaid)) == 1


async def test_voice_that_never_becomes_words_is_given_up(
    talking: tuple[Assistant, Events], monkeypatch: pytest.MonkeyPatch
) -> None:
    vita, events = talking
    monkeypatch.setattr(interruption, "WORDS_SECONDS", 0.05)
    onset(vita)
    await events.until(Interjection, lambda event: event.kind == "ignored")
    assert state_of(vita) is State.SPEAKING
    understood(vita, "What about whales?")
    assert state_of(vita) is State.SPEAKING, "it was given up: what comes late does not count"


async def test_who_goes_on_before_being_understood_asks_one_question() -> None:
    responder = FakeResponder(["An answer."])
    async with assistant(responder, microphone=silence()) as (vita, events):
        vita.set_hands_free(True)
        onset(vita, 1)
        assert state_of(vita) is State.LISTENING
        now = SystemClock().monotonic()
        first = Utterance(1, np.zeros(SAMPLE_RATE, np.float32), 1.0, now, now, now, "silence")
        vita._parts.turn.take(UtteranceEnded(first))
        assert state_of(vita) is State.THINKING
        onset(vita, 2)
        vita._parts.turn.take(WordsSoFar(2, "the capital", "of", 0.0, 1.0))
        vita._parts.turn.take(Understood(first, "I would like to know", "", 0.9, (), now))
        understood(vita, "the capital of France.", 2)
        await events.until(TurnFinished)
        assert [event.text for event in events.of(UserSaid)] == [
            "I would like to know the capital of France."
        ]


async def test_go_on_says_what_was_not_heard_and_asks_nobody() -> None:
    responder = FakeResponder([LONG, "Never said."])
    async with assistant(responder, speaker=FileSpeaker()) as (vita, events):
        asking = asyncio.create_task(vita.ask("A question"))
        await events.until(ClauseStarted, lambda event: event.index == 2)
        vita.stop()
        await asking
        assert vita.last is not None
        heard, unheard = vita.last.heard()
        going_on = asyncio.create_task(vita.ask("Go on."))
        finished = await events.until(ReplyFinished, lambda event: event.turn == 2)
        assert [*heard.split(), *finished.text.split()] == LONG.split()
        assert unheard.split() == finished.text.split()
        assert len(responder.requests) == 1
        vita.stop()
        await going_on


async def test_go_on_after_a_whole_reply_is_a_question_like_another() -> None:
    responder = FakeResponder(["All of it.", "There is more."])
    async with assistant(responder) as (vita, events):
        await vita.ask("A question")
        await vita.ask("Go on.")
        assert [event.text for event in events.of(ReplyFinished)] == ["All of it.", "There is more."]


async def test_a_short_word_that_is_guessed_at_does_not_stop_a_reply(
    talking: tuple[Assistant, Events],
) -> None:
    vita, events = talking
    onset(vita)
    understood(vita, "That.", confidence=0.55, voice=0.35)
    assert state_of(vita) is State.SPEAKING
    assert kinds(events)[-1] == "ignored"
    onset(vita, 8)
    understood(vita, "What?", 8, confidence=0.75, voice=0.35)
    assert kinds(events)[-1] == "stopped"
