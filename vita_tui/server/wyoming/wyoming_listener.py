"""The port on which Wyoming's clients come. The protocol knows no keys: who may come is said by their addresses."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from wyoming.event import Event, async_write_event

from vita_tui.errors import DeviceError, SettingsError, VitaError
from vita_tui.server.connections import Connection, Connections
from vita_tui.server.limits import Limits
from vita_tui.server.shared_engines import SharedEngines
from vita_tui.server.wyoming.event_stream import LONGEST_LINE, next_event
from vita_tui.server.wyoming.wyoming_session import WyomingSession, as_event

__all__ = ["Networks", "WyomingListener"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Networks:
    """From where clients may come; programs of this machine always may."""

    allowed: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()

    @classmethod
    def of(cls, names: Iterable[str]) -> Networks:
        """
        Raises:
            SettingsError: one of them is no network.
        """
        try:
            return cls(tuple(ipaddress.ip_network(name, strict=False) for name in names))
        except ValueError as error:
            raise SettingsError(f"{error}.", remedy="Name a network, such as 192.168.1.0/24") from None

    def let_in(self, address: str) -> bool:
        try:
            found = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        return found.is_loopback or any(found in network for network in self.allowed)


class WyomingListener:
    """`async with listener.running()` while it listens."""

    def __init__(
        self,
        engines: SharedEngines,
        connections: Connections,
        *,
        host: str = "127.0.0.1",
        port: int = 10_300,
        networks: Networks | None = None,
    ) -> None:
        """
        Args:
            networks: from where clients may come.
        """
        self._engines = engines
        self._connections = connections
        self._host = host
        self.port = port
        """The real one once it runs."""
        self._networks = networks or Networks()

    @property
    def _limits(self) -> Limits:
        return self._connections.limits

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listen while the body runs.

        Raises:
            DeviceError: the address cannot be had.
        """
        try:
            server = await asyncio.start_server(self._serve, self._host, self.port, limit=LONGEST_LINE)
        except OSError as error:
            raise DeviceError(
                f"Nothing can listen on {self._host}, port {self.port}: {error.strerror or error}.",
                remedy="Choose another one: --wyoming-port",
            ) from None
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        address = str(peer[0]) if peer else ""
        try:
            if not self._networks.let_in(address):
                log.info("a client of Wyoming from elsewhere was refused")
                return
            with self._connections.opening(
                address, "wyoming", "wyoming", writer.transport.abort
            ) as connection:
                try:
                    await self._session(reader, writer, connection)
                finally:
                    await connection.settle()
        except VitaError as error:
            with contextlib.suppress(OSError):
                await async_write_event(as_event(error), writer)
        except OSError:
            log.debug("a client of Wyoming has gone")
        except asyncio.CancelledError:
            log.debug("a client of Wyoming was closed")
        finally:
            writer.close()

    async def _session(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: Connection
    ) -> None:
        async def send(event: Event) -> None:
            with connection.sending(len(event.payload or b"")):
                await async_write_event(event, writer)

        session = WyomingSession(self._engines, self._limits, connection, send)
        try:
            while True:
                event, size = await next_event(reader, self._limits)
                if event is None:
                    return
                connection.received(size)
                await session.take(event)
        finally:
            session.close()
