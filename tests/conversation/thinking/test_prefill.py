"""What the model reads before it is asked: words that become known, one after the other, in; what it is given, out."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from vita_tui.conversation.thinking.language_model import LanguageModel
from vita_tui.engines.chain import Chain
from vita_tui.engines.llm.base import Message
from vita_tui.engines.llm.fake import FakeResponder
from vita_tui.errors import EngineError
from vita_tui.events import EventBus
from vita_tui.settings import HealthSettings, LlmSettings


class Desk:
    """A language model, and what stands around it."""

    def __init__(self, *responders: FakeResponder, read_ahead: bool = True) -> None:
        self.responders = responders or (FakeResponder(),)
        self.tasks: list[asyncio.Task[None]] = []
        self.answering = False
        self.idle = True
        self.loaded = 0
        self.model = LanguageModel(
            Chain("llm", list(self.responders), HealthSettings(), bus=EventBus()),
            LlmSettings(read_ahead=read_ahead),
            spawn=self._spawn,
            messages=self._messages,
            answering=lambda: self.answering,
            idle=lambda: self.idle,
            on_loaded=self._on_loaded,
        )

    def _spawn(self, work: Coroutine[Any, Any, None], _: str) -> asyncio.Task[None]:
        self.tasks.append(asyncio.ensure_future(work))
        return self.tasks[-1]

    async def _messages(self, question: str) -> list[Message]:
        await asyncio.sleep(0)
        return [{"role": "user", "content": question}]

    def _on_loaded(self) -> None:
        self.loaded += 1

    @property
    def read(self) -> list[str]:
        return [messages[-1]["content"] for messages in self.responders[0].prefills]

    async def hear(self, *known: str, before: str = "") -> None:
        for words in known:
            self.model.prefill_question(words.split(), before)
            await self.model.read_up()


ROWS: dict[str, tuple[list[str], str, list[str]]] = {
    # what is known of the question, one after the other; what came before it → what is read
    "two words": (["what is"], "", ["what is"]),
    "one word is too few": (["what"], "", []),
    "two more each time": (["what is", "what is the", "what is the sea"], "", ["what is", "what is the sea"]),
    "the same again": (["what is", "what is"], "", ["what is"]),
    "fewer than before": (["what is the sea", "what is"], "", ["what is the sea"]),
    "with what was understood earlier": (["tell me"], "well", ["well tell me"]),
    "nothing": ([""], "", []),
}


@pytest.mark.parametrize("name", ROWS)
async def test_what_is_read_of_a_question(name: str) -> None:
    known, before, read = ROWS[name]
    desk = Desk()
    await desk.hear(*known, before=before)
    assert desk.read == read


async def test_what_comes_before_the_question_is_read_when_it_begins() -> None:
    desk = Desk()
    await desk.hear("what is the sea")
    desk.model.expect()
    await desk.model.read_up()
    await desk.hear("how far")
    assert desk.read == ["what is the sea", "", "how far"]


async def test_nothing_is_read_while_a_question_is_answered_nor_where_it_is_not_wanted() -> None:
    answering, unwanted = Desk(), Desk(read_ahead=False)
    answering.answering = True
    for desk in (answering, unwanted):
        desk.model.expect()
        await desk.hear("what is the sea")
        assert desk.read == []
    answering.answering = False
    await answering.hear("what is the sea")
    assert answering.read == ["what is the sea"]


async def test_one_thing_is_read_at_a_time_and_the_whole_question_ends_it() -> None:
    desk = Desk()
    desk.model.prefill_question(["what", "is"], "")
    desk.model.prefill_question(["what", "is", "the", "sea"], "")  # it still reads
    (reading,) = desk.tasks
    desk.model.stop_reading()
    await asyncio.wait({reading})
    assert reading.cancelled()
    assert desk.read == []


async def test_the_model_is_loaded_and_reads_what_every_question_begins_with() -> None:
    desk = Desk()
    await desk.model.load()
    await desk.model.read_up()
    assert (desk.loaded, desk.read) == (1, [""])


async def test_without_a_model_that_loads_it_is_told_all_the_same() -> None:
    class Missing(FakeResponder):
        async def load(self) -> None:
            raise EngineError("There is none.")

    desk = Desk(Missing())
    await desk.model.load()
    assert desk.loaded == 1


class Unloading(FakeResponder):
    unloads = 0

    async def unload(self) -> None:
        await asyncio.sleep(0)
        self.unloads += 1


@pytest.mark.parametrize(
    ("idle", "answering", "unloads"), [(True, False, 1), (False, False, 0), (True, True, 0)]
)
async def test_while_memory_is_short_a_model_that_is_not_at_work_is_unloaded(
    *, idle: bool, answering: bool, unloads: int
) -> None:
    model = Unloading()
    desk = Desk(model)
    desk.idle, desk.answering = idle, answering
    await desk.model.free()
    await desk.hear("what is the sea")
    assert (model.unloads, desk.read) == (unloads, [])


async def test_while_memory_is_short_a_question_that_begins_loads_it() -> None:
    desk = Desk(Unloading())
    await desk.model.free()
    desk.model.expect()
    await asyncio.wait(desk.tasks)
    assert desk.loaded == 1
    await desk.model.keep()
    await desk.model.read_up()
    await desk.hear("what is the sea")
    assert desk.read[-1] == "what is the sea"
