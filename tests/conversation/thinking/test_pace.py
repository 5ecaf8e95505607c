"""How fast a reply was written: the words behind its first piece, by the clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence

import pytest

from tests.conversation.support import assistant
from vita_tui.clock import FakeClock
from vita_tui.conversation.thinking.reply_output import ReplyOutput
from vita_tui.conversation.timings import Stopwatch
from vita_tui.engines.llm.base import Message, StreamPiece
from vita_tui.engines.llm.fake import FakeResponder
from vita_tui.events import ContextUsed, EventBus


def output(clock: FakeClock) -> ReplyOutput:
    return ReplyOutput(
        1,
        speech=None,
        speak_anew=None,
        bus=EventBus(),
        clock=clock,
        watch=Stopwatch(),
        language="en",
        early=True,
    )


@pytest.mark.parametrize(
    ("pieces", "tokens", "pace"),
    [
        ([(0.0, "four"), (1.0, "four"), (1.0, "four")], 12, 4.0),
        ([(9.0, "four"), (0.5, "four")], 8, 8.0),
        ([(0.0, "all at once, and no more")], 8, None),
        ([(0.0, "four"), (0.0, "four")], 8, None),
        ([(0.0, "Yes"), (1.0, ".")], 2, None),
        ([], 0, None),
        ([(0.0, ""), (1.0, "eight")], 8, 8.0),
        ([(0.0, "")], 8, None),
    ],
)
def test_tokens_per_second(pieces: list[tuple[float, str]], tokens: int, pace: float | None) -> None:
    clock = FakeClock()
    reply = output(clock)
    for seconds, text in pieces:
        clock.advance(seconds)
        reply.take(text)
    assert reply.pace(tokens) == (None if pace is None else pytest.approx(pace))


def test_what_was_reasoning_is_no_part_of_it() -> None:
    clock = FakeClock()
    reply = output(clock)
    reply.take("I have to think about that for very long.")
    clock.advance(60.0)
    reply.retract(0)
    assert reply.pace(20) is None
    reply.take("four")
    clock.advance(1.0)
    reply.take("four")
    assert reply.pace(8) == pytest.approx(4.0)


class Slow(FakeResponder):
    """The clock goes on between two words."""

    async def stream(
        self, messages: Sequence[Message], *, max_tokens: int
    ) -> AsyncGenerator[StreamPiece, None]:
        async for piece in super().stream(messages, max_tokens=max_tokens):
            begun = time.monotonic()
            while time.monotonic() == begun:
                await asyncio.sleep(0)
            yield piece


async def test_it_is_told_with_the_context() -> None:
    model = Slow(("Gulls are clever birds that eat nearly all that they find.", "They do."))
    async with assistant(model) as (vita, events):
        await vita.ask("What are gulls?")
        told = events.of(ContextUsed)[-1].pace
        assert told is not None
        assert told > 0.0
        await vita.ask("Do they?")
        assert events.of(ContextUsed)[-1].pace is None, "too few words to tell"
