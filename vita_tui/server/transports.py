"""What uvicorn leaves open: a request whose head drips in for ever, and a message in a million empty pieces."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from vita_tui.server.limits import Limits

__all__ = ["PiecedWebSocket", "TimedHttp", "timed_http"]

MOST_PIECES = 4096
"""Of one message of a WebSocket."""
UNUSED = 256
"""Transports that may be open beside those of connections: their first request has not arrived, or their next."""


class PiecedWebSocket(WebSocketsSansIOProtocol):
    """A message is made of a bounded number of pieces."""

    def handle_cont(self, event: Any) -> None:
        if len(self.frames) >= MOST_PIECES:
            self.transport.abort()
            return
        super().handle_cont(event)


class TimedHttp(H11Protocol):
    """The head of a request arrives in time, or the transport is cut. Hands `abort` on to the application."""

    limits = Limits()

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        if len(self.connections) >= self.limits.connections + UNUSED:
            transport.abort()
        self.app_state = {**self.app_state, "abort": transport.abort}
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        if self.conn.their_state is h11.IDLE:
            self._expect()
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._arrived()

    def connection_lost(self, exc: Exception | None) -> None:
        self._arrived()
        super().connection_lost(exc)

    def _expect(self) -> None:
        if self._head is None:
            self._head = self.loop.call_later(self.limits.header_seconds, self.transport.abort)

    def _arrived(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None


def timed_http(limits: Limits) -> type[TimedHttp]:
    """The protocol with those limits; uvicorn makes it by itself."""
    return type("LimitedHttp", (TimedHttp,), {"limits": limits})
