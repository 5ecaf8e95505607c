"""A model that hangs wherever it is asked something: who stops, turns away or leaves does not wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

import pytest

from tests.conversation.support import DEADLINE, assistant
from vita_tui.engines.llm.base import Message, StreamPiece
from vita_tui.engines.llm.fake import FakeResponder
from vita_tui.events import State, StateChanged

PLACES = ("the window", "counting", "the first word", "the second word", "counting the answer")


class Hanging(FakeResponder):
    """Answers until it is asked for what it hangs at."""

    def __init__(self, place: str) -> None:
        super().__init__(["One two three four."])
        self.place = ""
        self._later = place
        self.hangs = asyncio.Event()
        """It hangs now."""

    def begin(self) -> None:
        self.place = self._later

    async def _maybe(self, place: str) -> None:
        if self.place == place:
            self.hangs.set()
            await asyncio.Event().wait()

    async def window(self) -> int:
        await self._maybe("the window")
        return await super().window()

    async def count_tokens(self, text: str) -> int:
        await self._maybe("counting")
        if text.startswith("One"):
            await self._maybe("counting the answer")
        return await super().count_tokens(text)

    async def stream(
        self, messages: Sequence[Message], *, max_tokens: int
    ) -> AsyncGenerator[StreamPiece, None]:
        await self._maybe("the first word")
        yield "One "
        await self._maybe("the second word")
        if self.place == "counting the answer":
            self.hangs.set()
            await asyncio.Event().wait()


@pytest.mark.parametrize("place", PLACES)
async def test_a_stopped_question_makes_room_for_the_next(place: str) -> None:
    model = Hanging(place)
    async with assistant(model, llm={"read_ahead": False}) as (vita, events):
        model.begin()
        asking = asyncio.create_task(vita.ask("Hello?"))
        async with asyncio.timeout(DEADLINE):
            await model.hangs.wait()
            vita.stop()
            await asking
        await events.until(StateChanged, lambda event: event.state is State.IDLE)
        async with asyncio.timeout(DEADLINE):
            await vita.new_session()


@pytest.mark.parametrize("place", PLACES)
async def test_closing_waits_for_no_answer(place: str) -> None:
    model = Hanging(place)
    async with assistant(model, llm={"read_ahead": False}) as (vita, _):
        model.begin()
        asking = asyncio.create_task(vita.ask("Hello?"))
        async with asyncio.timeout(DEADLINE):
            await model.hangs.wait()
            await vita.aclose()
            await asyncio.wait({asking})
