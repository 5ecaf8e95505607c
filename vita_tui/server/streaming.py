"""Answers that are sent while they are made, and work that ends when whoever waits for it has gone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine
from contextlib import aclosing
from typing import Any, TypeVar, cast

from starlette.requests import Request
from starlette.responses import StreamingResponse

from vita_tui.errors import VitaError
from vita_tui.server.guarding import connection_of
from vita_tui.server.problems import described

__all__ = ["GoneError", "event", "sent_events", "streamed", "unless_gone"]

T = TypeVar("T")


class GoneError(OSError):
    """Whoever asked has gone."""


def event(data: Any, name: str = "") -> bytes:
    """One event of a stream of server-sent events."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which is cancelled when the client goes away.

    Raises:
        GoneError: it has gone.
    """
    connection = connection_of(request.scope)
    working = connection.spawn(work, "work of a request")
    leaving = connection.spawn(_left(request), "watch over a client")
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return cast("T", working.result())
        raise GoneError
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.wait({working, leaving})


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def streamed(
    request: Request, pieces: AsyncIterator[bytes], media_type: str, headers: dict[str, str] | None = None
) -> StreamingResponse:
    """The pieces as they come. The first is waited for, so that what fails before it is an answer of its own."""
    try:
        first = await unless_gone(request, _first(pieces))
    except BaseException:
        await _closed(pieces)
        raise

    async def all_of_them() -> AsyncIterator[bytes]:
        try:
            yield first
            async for piece in pieces:
                yield piece
        finally:
            await _closed(pieces)

    return StreamingResponse(all_of_them(), media_type=media_type, headers=headers)


async def _first(pieces: AsyncIterator[bytes]) -> bytes:
    return await anext(pieces, b"")


async def _closed(pieces: AsyncIterator[bytes]) -> None:
    if hasattr(pieces, "aclose"):
        await pieces.aclose()


async def sent_events(events: AsyncIterator[bytes], *, done: bytes = b"") -> AsyncIterator[bytes]:
    """The events, then `done`. What fails after the first of them is the last event."""
    begun = False
    async with aclosing(cast("Any", events)) as found:
        try:
            async for one in found:
                begun = True
                yield one
        except VitaError as error:
            if not begun:
                raise
            yield event({"error": described(error), "type": "error"})
            return
    if done:
        yield done
