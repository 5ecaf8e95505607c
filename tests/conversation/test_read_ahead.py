"""What the model reads before it is asked: what was said before, as soon as that is known, and a question while it is spoken.

What is asked in the end is whole all the same.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from tests.conversation.support import Events, assistant, silence
from vita_tui.abilities.service import standard
from vita_tui.conversation.assistant import Assistant
from vita_tui.conversation.hearing.signals import WordsSoFar
from vita_tui.engines.llm.base import Message, StreamPiece
from vita_tui.engines.llm.fake import FakeResponder
from vita_tui.events import ReplyDelta, TurnFinished


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


# ---- what comes before a typed question

ENDLESS = "Tell me of the sea."
Step = Callable[[Assistant, Events], Awaitable[None]]


class Halting(FakeResponder):
    """Begins to tell of the sea, and does not end until it is stopped."""

    async def stream(
        self, messages: Sequence[Message], *, max_tokens: int
    ) -> AsyncGenerator[StreamPiece, None]:
        async with contextlib.aclosing(super().stream(messages, max_tokens=max_tokens)) as pieces:
            async for piece in pieces:
                yield piece
        if messages[-1]["content"] == ENDLESS:
            await asyncio.Event().wait()


async def cut_off(vita: Assistant, events: Events, end: Callable[[Assistant], None]) -> None:
    """Ask, and end the reply when some of it was written."""
    asking = asyncio.create_task(vita.ask(ENDLESS))
    await events.until(ReplyDelta)
    end(vita)
    await asking


async def heard_out(vita: Assistant, _: Events) -> None:
    await vita.ask("What is a gull?")


async def stopped(vita: Assistant, events: Events) -> None:
    await cut_off(vita, events, Assistant.stop)


async def interrupted_by_voice(vita: Assistant, events: Events) -> None:
    await cut_off(vita, events, Assistant.talk)


async def interrupted_by_a_question(vita: Assistant, events: Events) -> None:
    asking = asyncio.create_task(vita.ask(ENDLESS))
    await events.until(ReplyDelta)
    await vita.ask("What is a gull?")
    await asking


async def answered_without_it(vita: Assistant, _: Events) -> None:
    await vita.ask("What is 17 times 23?")


async def resumed(vita: Assistant, _: Events) -> None:
    for number in range(8):
        await vita.ask(f"What is gull number {number}?")
    assert vita.session is not None
    kept = vita.session.id
    await vita.new_session()
    await vita.resume(kept)


async def begun_anew(vita: Assistant, _: Events) -> None:
    await vita.ask("What is a gull?")
    await vita.new_session()


async def branched(vita: Assistant, _: Events) -> None:
    await vita.ask("What is a gull?")
    await vita.ask("And a tern?")
    assert vita.session is not None
    await vita.branch(vita.session.turns[2].id)


async def given_a_prompt(vita: Assistant, _: Events) -> None:
    await vita.set_system_prompt("You are a gull.")


async def given_a_profile(vita: Assistant, _: Events) -> None:
    await vita.use_profile("tern")


async def set_otherwise(vita: Assistant, _: Events) -> None:
    await vita.change("llm.system_prompt", "You are a puffin.")


async def shown_only(vita: Assistant, _: Events) -> None:
    vita.speaking_aloud = False
    await settle()


STEPS: list[Step] = [
    heard_out, stopped, interrupted_by_voice, interrupted_by_a_question, answered_without_it,
    resumed, begun_anew, branched, given_a_prompt, given_a_profile, set_otherwise, shown_only,
]  # fmt: skip


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
async def test_all_that_comes_before_a_typed_question_was_read_before_it(
    step: Step, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VITA_HOME", str(tmp_path))
    responder = Halting()
    async with assistant(
        responder,
        microphone=silence(),
        abilities=standard(),
        profiles={"named": {"tern": {"system_prompt": "You are a tern."}}},
    ) as (vita, events):
        await last_read(vita, responder)  # that of the start
        await step(vita, events)
        read = await last_read(vita, responder)
        vita.stop()
        await vita.ask("Is it deep?")
        assert read == responder.requests[-1][:-1]


async def test_nothing_is_read_between_a_reply_and_the_question_that_interrupts_it() -> None:
    responder = Halting()
    async with assistant(responder) as (vita, events):
        await last_read(vita, responder)
        before = len(responder.prefills)
        await interrupted_by_a_question(vita, events)
        await last_read(vita, responder)
        assert len(responder.prefills) == before + 1


async def last_read(vita: Assistant, responder: FakeResponder) -> list[Message]:
    """What the model read last, when it reads no more."""
    await settle()
    await vita._parts.model.read_up()
    return responder.prefills[-1]
