"""A scripted HTTP server: what a language model's server may answer, byte by byte."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Handler", "Request", "Scripted", "chunk", "event_stream", "serving", "whole"]


@dataclass(frozen=True, slots=True)
class Request:
    """What a client sent."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


Handler = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


@dataclass(slots=True)
class Scripted:
    """A server that runs."""

    base_url: str
    requests: list[Request] = field(default_factory=list)
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a client has closed its connection."""
    silent: asyncio.Event = field(default_factory=asyncio.Event)
    """Never set but at the end: a handler that waits for it says nothing."""


def chunk(content: str | None = None, finish: str | None = None) -> bytes:
    """One event of a streamed chat completion."""
    delta = {} if content is None else {"content": content}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    data = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return b"data: " + json.dumps(data).encode() + b"\n\n"


def event_stream(*events: bytes) -> bytes:
    """A whole answer of events, whose end is the connection's."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
    return head + b"".join(events)


def whole(status: str, body: bytes, kind: str = "application/json") -> bytes:
    """An answer with a length."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


@contextlib.asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[Scripted]:
    """A server on loopback that answers every request with `handler` and then hangs up."""
    scripted = Scripted("")

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        watching = None
        try:
            request = await _request(reader)
            scripted.requests.append(request)
            watching = asyncio.create_task(_until_end(reader, scripted.hung_up))
            await handler(request, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            scripted.hung_up.set()
        writer.close()
        if watching is not None:
            watching.cancel()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    scripted.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield scripted
    finally:
        scripted.silent.set()
        server.close()
        await server.wait_closed()


async def _request(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(head[0].split()[1], headers, json.loads(body or b"{}"))


async def _until_end(reader: asyncio.StreamReader, ended: asyncio.Event) -> None:
    with contextlib.suppress(ConnectionError):
        while await reader.read(4096):
            pass
    ended.set()
