"""Another model, voice or recognizer from the next piece of work on, while the conversation goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from tests.conversation.support import Events, assistant, silence
from vita_tui.conversation.assistant import Assistant
from vita_tui.engines.llm.fake import FakeResponder
from vita_tui.engines.stt.fake import FakeRecognizer
from vita_tui.engines.tts.fake import FakeSynthesizer
from vita_tui.errors import ModelError
from vita_tui.events import EnginesReplaced, Notice, ReplyStarted, TurnFinished
from vita_tui.settings import Settings


class Counted(FakeResponder):
    """Counts how often it was freed."""

    freed = 0
    lacks = ""
    """Why it does not load."""

    async def load(self) -> None:
        await super().load()
        if self.lacks:
            raise ModelError(self.lacks, remedy="vita models pull")

    async def cleanup(self) -> None:
        await super().cleanup()
        self.freed += 1


def named(settings: Settings) -> list[Counted]:
    return [Counted((f"I am {settings.llm.model}.",), name=settings.llm.model)]


def told(events: Events, title: str) -> list[Notice]:
    return [notice for notice in events.of(Notice) if notice.title == title]


async def answer(vita: Assistant, question: str = "Who are you?") -> str:
    await vita.ask(question)
    assert vita.last is not None
    return vita.last.text


async def test_another_model_answers_the_next_question() -> None:
    old = Counted(("I am the old one.",), name="old")
    async with assistant(old, makers={"llm": named}) as (vita, events):
        assert await answer(vita) == "I am the old one."
        await vita.change("llm.model", "new")
        await events.until(EnginesReplaced, lambda event: event.engines == ("new",))
        assert await answer(vita) == "I am new."
        assert [event.engine for event in events.of(ReplyStarted)] == ["old", "new"]
        await until(lambda: old.freed == 1)


async def test_the_old_one_ends_when_its_reply_is_over() -> None:
    gate = asyncio.Event()
    old = Counted(("I am still at work.",), name="old", gate=gate)
    async with assistant(old, makers={"llm": named}) as (vita, events):
        asking = asyncio.create_task(vita.ask("Who are you?"))
        await events.until(ReplyStarted)
        await vita.change("llm.model", "new")
        await events.until(EnginesReplaced)
        assert old.freed == 0
        gate.set()
        await asking
        assert vita.last is not None
        assert vita.last.text == "I am still at work."
        await until(lambda: old.freed == 1)
        assert await answer(vita) == "I am new."


async def test_what_does_not_load_changes_nothing_until_it_is_there() -> None:
    made: list[Counted] = []

    def make(settings: Settings) -> Sequence[Any]:
        made.extend(named(settings))
        made[-1].lacks = "The language model new is not there." if len(made) == 1 else ""
        return made[-1:]

    async with assistant(FakeResponder(("I am the old one.",), name="old"), makers={"llm": make}) as (
        vita,
        events,
    ):
        await vita.change("llm.model", "new")
        notice = await events.until(Notice, lambda notice: notice.key == "model")
        assert notice.title == "Not answering with new"
        assert "old still answers" in notice.message
        assert await answer(vita) == "I am the old one."
        assert made[0].freed == 1
        vita.wake("llm")
        await events.until(EnginesReplaced)
        assert await answer(vita) == "I am new."


async def test_settings_that_change_together_make_one_model() -> None:
    made: list[str] = []

    def make(settings: Settings) -> Sequence[Any]:
        made.append(f"{settings.llm.model} at {settings.llm.base_url}")
        return named(settings)

    async with assistant(makers={"llm": make}) as (vita, events):
        await vita.change_all({"llm.base_url": "http://127.0.0.1:9/v1", "llm.model": "large"})
        await events.until(EnginesReplaced)
        assert made == ["large at http://127.0.0.1:9/v1"]


async def test_only_the_last_of_two_choices_counts() -> None:
    async with assistant(makers={"llm": named}) as (vita, events):
        await vita.change("llm.model", "first")
        await vita.change("llm.model", "second")
        await events.until(EnginesReplaced)
        assert await answer(vita) == "I am second."
        assert told(events, "Answering with first") == []


async def test_the_temperature_needs_no_other_model() -> None:
    model = FakeResponder()
    async with assistant(model, makers={"llm": named}) as (vita, events):
        await vita.change("llm.temperature", 0.9)
        assert vars(model)["temperature"] == 0.9
        assert await answer(vita)
        assert events.of(EnginesReplaced) == []


async def test_another_voice_speaks_the_next_reply() -> None:
    old, new = FakeSynthesizer(name="joe"), FakeSynthesizer(name="amy")
    async with assistant(voices=[old], makers={"tts": lambda _: [new]}) as (vita, events):
        await answer(vita)
        await vita.change("tts.voice", "en_US-amy-medium")
        await events.until(EnginesReplaced)
        await answer(vita)
        await events.until(TurnFinished, lambda event: event.engines.get("tts") == "amy")
        assert old.clauses
        assert new.clauses


async def test_another_recognizer_understands_what_is_said_next() -> None:
    new = FakeRecognizer(name="whisper small")
    async with assistant(microphone=silence(), makers={"stt": lambda _: [new]}) as (vita, events):
        await vita.change("stt.model", "small")
        await events.until(EnginesReplaced, lambda event: event.job == "stt")
        assert vita.chains["stt"].engines == [new]


@pytest.mark.parametrize(
    "key", ["llm.base_url", "llm.context_window", "tts.system_voice", "stt.compute_type"]
)
async def test_each_job_is_made_anew_for_its_own_settings(key: str) -> None:
    value: Any = 4096 if key == "llm.context_window" else "int8"
    makers: dict[Any, Any] = {
        "llm": named,
        "tts": lambda _: [FakeSynthesizer(name="new")],
        "stt": lambda _: [FakeRecognizer()],
    }
    async with assistant(makers=makers) as (vita, events):
        await vita.change(key, value)
        replaced = await events.until(EnginesReplaced)
        assert replaced.job == key.partition(".")[0]


async def until(condition: Any) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0)
