"""One language model for all clients: the conversation's chain, with turns."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing

from vita_tui.engines.chain import Chain
from vita_tui.engines.llm.base import CallsTools, Message, Responder, StreamPiece, ToolOffer, Unloadable
from vita_tui.errors import NoEngineError, VitaError
from vita_tui.server.fairness import FairTurns
from vita_tui.server.limits import Limits
from vita_tui.settings import LlmSettings

__all__ = ["SharedModel"]

REMOTE_REPLIES = 32
"""That a server elsewhere is asked for at once; the built-in model writes one at a time."""


class SharedModel:
    """On one asyncio loop."""

    def __init__(self, responders: Chain[Responder], settings: LlmSettings, limits: Limits) -> None:
        self.chain = responders
        self._settings = settings
        self.turns = FairTurns(
            "The language model",
            1 if responders.engines and _in_memory(responders.engines[0]) else REMOTE_REPLIES,
            per_client=limits.waiting_per_client,
            waiting=limits.waiting,
        )
        self.ready = asyncio.Event()
        self._prefilling: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Load. When that fails, each request says why."""
        try:
            for attempt in self.chain.attempts():
                with attempt as responder:
                    await responder.load()
        except NoEngineError:
            return
        self.ready.set()

    async def aclose(self) -> None:
        if self._prefilling is not None:
            self._prefilling.cancel()
        for responder in self.chain.engines:
            await responder.cleanup()

    def prefill(self, messages: Sequence[Message]) -> None:
        """Let the model read `messages` while a question is being spoken, if nobody waits for it; a question ends that."""
        if self.turns.idle and (self._prefilling is None or self._prefilling.done()):
            work = self.chain.active.prefill(messages)
            self._prefilling = asyncio.create_task(work, name="prefill for a client")

    async def room(self) -> int:
        """Tokens that a question and what came before may take together."""
        window = await self.chain.active.window()
        return window - self._settings.reply_room(window)

    async def reply(
        self,
        client: str,
        messages: Sequence[Message],
        *,
        max_tokens: int | None = None,
        tools: Sequence[ToolOffer] = (),
    ) -> AsyncIterator[StreamPiece]:
        """A reply as it is written; closing the iterator ends it.

        A client that takes it slowly keeps nobody waiting: it is written in one turn, and no longer than the longest reply.

        Raises:
            TooBusyError: too much waits.
            EngineError: no model could do it, or it broke off.
        """
        if self._prefilling is not None:
            self._prefilling.cancel()
        pieces: asyncio.Queue[StreamPiece | VitaError | None] = asyncio.Queue()

        async def write() -> None:
            try:
                async with (
                    self.turns.turn(client),
                    aclosing(self._written(messages, max_tokens, tools)) as found,
                ):
                    async for piece in found:
                        pieces.put_nowait(piece)
            except VitaError as error:
                pieces.put_nowait(error)
            finally:
                pieces.put_nowait(None)

        writing = asyncio.create_task(write(), name="reply to a client")
        try:
            while (piece := await pieces.get()) is not None:
                if isinstance(piece, VitaError):
                    raise piece
                yield piece
        finally:
            writing.cancel()
            await asyncio.wait({writing})

    async def _written(
        self, messages: Sequence[Message], max_tokens: int | None, tools: Sequence[ToolOffer]
    ) -> AsyncGenerator[StreamPiece, None]:
        for attempt in self.chain.attempts():
            begun = False
            with attempt as responder:
                await responder.load()
                asked = responder
                if isinstance(responder, CallsTools):
                    if tools and not _in_memory(responder):
                        # What is offered is its attribute: a copy has its own, and shares the connection.
                        responder = copy.copy(responder)
                    responder.tools = tools
                    asked = responder
                room = self._settings.reply_room(await asked.window())
                longest = min(max_tokens or room, room)
                async with aclosing(asked.stream(messages, max_tokens=longest)) as pieces:
                    async for piece in pieces:
                        attempt.answered()
                        begun = True
                        yield piece
            if attempt.failed is not None and begun:
                raise attempt.failed  # another model would begin again


def _in_memory(responder: Responder) -> bool:
    """Whether its model is in this machine's memory: it writes one reply at a time."""
    return isinstance(responder, Unloadable)
