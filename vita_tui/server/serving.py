"""`vita serve` as it runs: sockets, signals, and an end that finishes what is in progress."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn

from vita_tui.errors import DeviceError, SettingsError
from vita_tui.server.application import Application
from vita_tui.server.keys import Keys
from vita_tui.server.transports import PiecedWebSocket, timed_http
from vita_tui.server.wyoming.wyoming_listener import WyomingListener

__all__ = ["Address", "Serving", "is_loopback"]

log = logging.getLogger(__name__)

PING_SECONDS = 20.0
"""Between two questions whether a WebSocket is still there, and until the answer."""


@dataclass(frozen=True, slots=True)
class Address:
    host: str = "127.0.0.1"
    port: int = 8770
    certificate: Path | None = None
    certificate_key: Path | None = None


def is_loopback(host: str) -> bool:
    """Whether only programs of this machine reach it."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _Server(uvicorn.Server):
    """Signals are not its own business."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass
class Serving:
    """One server: `async with serving.running()` while it serves."""

    app: Application
    address: Address = field(default_factory=Address)
    keys: Keys | None = None
    wyoming: WyomingListener | None = None

    def __post_init__(self) -> None:
        if not is_loopback(self.address.host) and not self.keys:
            raise SettingsError(
                f"Whoever reaches {self.address.host} could use this machine.",
                remedy="Name a file with keys: --key-file FILE",
            )
        self.port = self.address.port
        """The real one once it runs."""
        self._hurry = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve while the body runs; then finish what is in progress, close every connection, and free the engines.

        Raises:
            DeviceError: the address cannot be had.
        """
        listener = self._listener()
        self.port = listener.getsockname()[1]
        config = uvicorn.Config(
            self.app,
            log_config=None,
            access_log=False,
            lifespan="off",
            http=timed_http(self.app.limits),
            ws=PiecedWebSocket,
            ws_max_size=self.app.limits.json_bytes,
            ws_ping_interval=PING_SECONDS,
            ws_ping_timeout=PING_SECONDS,
            ws_per_message_deflate=False,
            h11_max_incomplete_event_size=64 << 10,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=5,
            ssl_certfile=self.address.certificate,
            ssl_keyfile=self.address.certificate_key,
        )
        server = _Server(config)
        loop = asyncio.get_running_loop()
        self.app.engines.start()
        serving = loop.create_task(server.serve(sockets=[listener]), name="server")
        sweeping = loop.create_task(self.app.connections.keep_swept(), name="sweep of connections")
        try:
            async with self.wyoming.running() if self.wyoming is not None else contextlib.nullcontext():
                yield
                await self._drain()
        finally:
            server.should_exit = True
            await self.app.connections.close_all()
            await asyncio.gather(serving, return_exceptions=True)
            sweeping.cancel()
            await asyncio.gather(sweeping, return_exceptions=True)
            await self.app.engines.aclose()

    async def until_told(self, on_ready: Callable[[], None] = lambda: None) -> None:
        """Serve until SIGINT or SIGTERM comes; a second one does not wait for what is in progress."""
        told = asyncio.Event()
        loop = asyncio.get_running_loop()

        def tell() -> None:
            self._hurry = told.is_set()
            told.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError):  # Windows
                loop.add_signal_handler(number, tell)
        async with self.running():
            on_ready()
            await told.wait()
            log.info("ending: nothing new is taken, and what is in progress is finished")

    async def _drain(self) -> None:
        """Take nothing new, and wait for what is in progress."""
        self.app.guarding.draining = True
        until = asyncio.get_running_loop().time() + self.app.limits.drain_seconds
        while asyncio.get_running_loop().time() < until and not self._hurry:
            if not any(one.state in ("working", "sending") for one in self.app.connections):
                return
            await asyncio.sleep(0.05)

    def _listener(self) -> socket.socket:
        try:
            family = socket.AF_INET6 if ":" in self.address.host else socket.AF_INET
            return socket.create_server((self.address.host, self.address.port), family=family, backlog=1024)
        except OSError as error:
            raise DeviceError(
                f"Nothing can listen on {self.address.host}, port {self.address.port}: {error.strerror or error}.",
                remedy="Choose another one: --port",
            ) from None
