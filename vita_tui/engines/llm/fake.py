"""A scripted language model, for tests and for trying out the screen."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Iterable, Sequence

from vita_tui.engines.llm.base import Message, StreamPiece, ToolOffer

__all__ = ["FakeResponder"]


class FakeResponder:
    """Answers from a script, word by word, or by its pieces; the last entry repeats. An exception in the script is raised."""

    continues = False

    def __init__(
        self,
        script: Iterable[str | Sequence[StreamPiece] | Exception] = (
            "I am a scripted model, and I say this to every question.",
        ),
        *,
        name: str = "fake model",
        gate: asyncio.Event | None = None,
        breaks_after: int | None = None,
        context_window: int = 2048,
    ) -> None:
        """
        Args:
            gate: waited for before each word when given: a test lets words come by setting it.
            breaks_after: words after which the connection drops, with `ConnectionError` as the cause.
        """
        self.name = name
        self.context_window = context_window
        self.notes = ""
        self.tools: Sequence[ToolOffer] = ()
        self.offered: list[Sequence[ToolOffer]] = []
        """What tools came with each request."""
        self.requests: list[list[Message]] = []
        """The messages of every request, in order."""
        self.prefills: list[list[Message]] = []
        self.words = 0
        """Words that were ever sent."""
        self.closed = 0
        """Streams that were ended before their end."""
        self._script = list(script)
        self._gate = gate
        self._breaks_after = breaks_after

    async def load(self) -> None:
        await asyncio.sleep(0)

    async def window(self) -> int:
        await asyncio.sleep(0)
        return self.context_window

    async def takes_tools(self) -> bool:
        await asyncio.sleep(0)
        return bool(self.tools)

    async def tool_room(self) -> int:
        await asyncio.sleep(0)
        return 100_000

    async def stream(
        self, messages: Sequence[Message], *, max_tokens: int
    ) -> AsyncGenerator[StreamPiece, None]:
        self.requests.append(list(messages))
        self.offered.append(self.tools)
        reply = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        if isinstance(reply, Exception):
            raise reply
        try:
            pieces: Sequence[StreamPiece] = (
                re.findall(r"\s*\S+|\s+$", reply)[:max_tokens] if isinstance(reply, str) else reply
            )
            for number, word in enumerate(pieces):
                if self._breaks_after is not None and number >= self._breaks_after:
                    raise ConnectionError("the scripted connection broke")
                if self._gate is not None:
                    await self._gate.wait()
                await asyncio.sleep(0)
                self.words += 1
                yield word
        except GeneratorExit:
            self.closed += 1
            raise

    async def prefill(self, messages: Sequence[Message]) -> None:
        self.prefills.append(list(messages))
        await asyncio.sleep(0)

    async def count_tokens(self, text: str) -> int:
        await asyncio.sleep(0)
        return len(text) // 4 + 1

    async def cleanup(self) -> None:
        await asyncio.sleep(0)
