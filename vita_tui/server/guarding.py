"""What every request passes: who it is from, how large it is, whether there is room; and its place in the table of connections."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vita_tui.errors import VitaError
from vita_tui.server.connections import Connection, Connections
from vita_tui.server.keys import ADMIN, Keys
from vita_tui.server.limits import RequestError
from vita_tui.server.problems import answered
from vita_tui.text.clean import clean_line

__all__ = ["KEY_PROTOCOL", "Guarding", "connection_of"]

log = logging.getLogger("vita_tui.server.requests")

KEY_PROTOCOL = "openai-insecure-api-key."
"""How browsers, which cannot set headers of a WebSocket, send a key: as a protocol that they would speak."""
LOOPBACK_NAMES = {"localhost", "127.0.0.1", "::1"}
"""As which a server without keys may be asked for: a page whose name was pointed at this machine has another one."""


def connection_of(scope: Scope) -> Connection:
    """The connection of a request."""
    found: Connection = scope["vita.connection"]
    return found


class Guarding:
    """Wraps an application of ASGI."""

    def __init__(
        self,
        app: ASGIApp,
        connections: Connections,
        keys: Keys,
        *,
        origins: Iterable[str] = (),
        local: bool = False,
    ) -> None:
        """
        Args:
            keys: none where whoever reaches the server may use it.
            origins: web pages that may use it, such as "https://home.example".
            local: it listens on a socket of this user alone, who may do everything.
        """
        self._app = app
        self._connections = connections
        self._keys = keys
        self._origins = frozenset(origins)
        self._local = local
        self.draining = False
        """The server ends: nothing new is begun."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        began = time.monotonic()
        headers = Headers(scope=scope)
        status = [0]
        connection: Connection | None = None
        try:
            client = self._admitted(scope, headers)
            kind: Any = "http" if scope["type"] == "http" else "realtime"
            abort = scope.get("state", {}).get("abort")
            with self._connections.opening(client, kind, scope["path"][:80], abort) as connection:
                await self._serve(scope, receive, send, connection, status)
        except VitaError as error:
            status[0] = await _refuse(scope, receive, send, error)
        self._note(scope, connection, status[0], time.monotonic() - began)

    async def _serve(
        self, scope: Scope, receive: Receive, send: Send, connection: Connection, status: list[int]
    ) -> None:
        scope["vita.connection"] = connection
        counted = _Counted(connection, self._connections, receive, send, status, http=scope["type"] == "http")
        working = connection.busy() if scope["type"] == "http" else contextlib.nullcontext()
        try:
            with working:
                await self._app(scope, counted.receive, counted.send)
        except asyncio.CancelledError:
            if connection.state != "closing":
                raise
            if (task := asyncio.current_task()) is not None:
                task.uncancel()
            status[0] = status[0] or 499
            if scope["type"] == "websocket":
                with contextlib.suppress(TimeoutError, OSError, RuntimeError):
                    async with asyncio.timeout(0.5):
                        await send(
                            {"type": "websocket.close", "code": 1001, "reason": "closed by the server"}
                        )
            elif not counted.started:
                with contextlib.suppress(OSError):
                    await JSONResponse({"error": {"message": "Closed by the server."}}, 503)(
                        scope, receive, send
                    )
            else:
                connection.cut()
        except OSError:
            log.debug("%s has gone", connection.id)
        finally:
            await connection.settle()

    # ----

    def _admitted(self, scope: Scope, headers: Headers) -> str:
        """The name of who asks.

        Raises:
            RequestError: it may not.
        """
        path = scope["path"]
        if self.draining and path not in ("/healthz", "/readyz", "/metrics"):
            raise RequestError("The server is ending.", status=503, code="server_ending")
        peer = scope.get("client")
        where = "local" if self._local or not peer else str(peer[0])
        self._check_origin(scope, headers)
        if self._local:
            return where
        if not self._keys:
            if path.startswith("/admin"):
                raise RequestError(
                    "The server was started without keys, and so without /admin.",
                    status=403,
                    code="no_admin_key",
                )
            return where
        given = _key(scope, headers)
        client = self._keys.client(given) if given else None
        if client is None:
            raise RequestError(
                "The key is wrong." if given else "A key is needed.", status=401, code="invalid_api_key"
            )
        if path.startswith("/admin") and client != ADMIN:
            raise RequestError("That is for the key of the name admin.", status=403, code="not_admin")
        return client

    def _check_origin(self, scope: Scope, headers: Headers) -> None:
        host = headers.get("host", "")
        if not self._keys and not self._local and _name(host) not in LOOPBACK_NAMES:
            raise RequestError(
                "A server without keys is asked for by a loopback name.", status=403, code="wrong_host"
            )
        origin = headers.get("origin")
        if origin is None or origin in self._origins:
            return
        if origin == "null" or urlsplit(origin).netloc != host:
            raise RequestError("That web page may not use this server.", status=403, code="wrong_origin")

    def _note(self, scope: Scope, connection: Connection | None, status: int, seconds: float) -> None:
        log.info(
            "%s",
            json.dumps(
                {
                    "id": connection.id if connection else None,
                    "client": connection.client if connection else None,
                    "method": scope.get("method", "WEBSOCKET"),
                    "path": clean_line(scope["path"])[:200],
                    "status": status,
                    "ms": round(seconds * 1000, 1),
                    "bytes_in": connection.bytes_in if connection else 0,
                    "bytes_out": connection.bytes_out if connection else 0,
                }
            ),
        )


class _Counted:
    """What goes in and out of a connection, counted and bounded."""

    def __init__(
        self,
        connection: Connection,
        connections: Connections,
        receive: Receive,
        send: Send,
        status: list[int],
        *,
        http: bool,
    ) -> None:
        self._connection = connection
        self._limits = connections.limits
        self._receive = receive
        self._send = send
        self._status = status
        self._http = http
        self._until = asyncio.get_running_loop().time() + self._limits.upload_seconds
        self._whole = False
        self.started = False

    async def receive(self) -> Message:
        connection = self._connection
        if not self._http or self._whole:
            message = await self._receive()
        else:
            try:
                async with asyncio.timeout_at(self._until):
                    message = await self._receive()
            except TimeoutError:
                raise RequestError(
                    "The request did not arrive in time.", status=408, code="timeout"
                ) from None
        connection.received(_size(message))
        if self._http and connection.bytes_in > self._limits.upload_bytes:
            raise RequestError("The request is too large.", status=413, code="too_large")
        if message["type"] != "http.request" or not message.get("more_body"):
            self._whole = True
            connection.receiving = False
        return message

    async def send(self, message: Message) -> None:
        connection = self._connection
        if message["type"] == "http.response.start":
            self.started = True
            self._status[0] = message["status"]
        elif message["type"] == "websocket.accept":
            self._status[0] = 101
        size = (
            len(message.get("body") or b"")
            + len(message.get("text") or "")
            + len(message.get("bytes") or b"")
        )
        with connection.sending(size):
            await self._send(message)


def _size(message: Message) -> int:
    """Bytes of what it carries; of text the characters."""
    return sum(len(message.get(part) or b"") for part in ("body", "text", "bytes"))


def _key(scope: Scope, headers: Headers) -> str:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and key.strip():
        return key.strip()
    if key := headers.get("api-key", ""):
        return key
    for protocol in scope.get("subprotocols", ()):
        if protocol.startswith(KEY_PROTOCOL):
            return str(protocol[len(KEY_PROTOCOL) :])
    return ""


def _name(host: str) -> str:
    """Of a host with or without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


async def _refuse(scope: Scope, receive: Receive, send: Send, error: VitaError) -> int:
    """Answer with `error`; returns its status."""
    response = answered(error)
    with contextlib.suppress(OSError, RuntimeError):
        await response(scope, receive, send)
    return response.status_code
