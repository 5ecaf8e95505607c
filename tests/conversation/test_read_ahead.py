"""While a question is spoken the model reads what is known of it; what is asked in the end is whole all the same."""

from __future__ import annotations

import asyncio

from tests.conversation.support import assistant, silence
from vita_tui.conversation.assistant import Assistant
from vita_tui.conversation.hearing.signals import WordsSoFar
from vita_tui.engines.llm.fake import FakeResponder
from vita_tui.events import TurnFinished


async def hear(vita: Assistant, *partials: str) -> None:
    """Have the recognizer report `partials` of a question, one after the other."""
    vita.talk()
    await settle()
    for text in partials:
        vita._parts.turn.take(WordsSoFar(1, "", text, 0.0, 1.0))
        await settle()


async def settle() -> None:
    """Let what was asked for be answered, which happens on this loop alone."""
    for _ in range(30):
        await asyncio.sleep(0)


def questions(responder: FakeResponder) -> list[str]:
    return [messages[-1]["content"] for messages in responder.prefills if messages[-1]["role"] == "user"]


async def test_the_model_reads_all_but_the_last_word_when_there_are_two_more() -> None:
    responder = FakeResponder(["Paris."])
    async with assistant(responder, microphone=silence()) as (vita, _):
        await hear(vita, "What", "What is", "What is the", "What is the cap", "What is the capital of")
        assert questions(responder) == ["What is", "What is the capital"]


async def test_a_new_question_is_read_from_its_first_words_again() -> None:
    responder = FakeResponder(["Paris."])
    async with assistant(responder, microphone=silence()) as (vita, _):
        await hear(vita, "What is the capital")
        vita.stop()
        await hear(vita, "How far is")
        assert questions(responder) == ["What is the", "How far"]


async def test_nothing_is_read_ahead_when_it_is_not_wanted() -> None:
    responder = FakeResponder(["Paris."])
    async with assistant(responder, microphone=silence(), llm={"read_ahead": False}) as (vita, _):
        await hear(vita, "What is the capital of")
        assert responder.prefills == []


async def test_what_is_asked_is_the_whole_question() -> None:
    responder = FakeResponder(["Paris."])
    async with assistant(responder, microphone=silence()) as (vita, events):
        await hear(vita, "What is the capital of Frank")
        await vita.ask("What is the capital of France?")
        await events.until(TurnFinished)
        assert responder.requests[-1][-1]["content"] == "What is the capital of France?"
