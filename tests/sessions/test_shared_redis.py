"""Two terminals on one conversation of a Redis server that is restarted, replaced by its replica, slow or full: nothing lost or doubled."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.sessions.servers import RedisServer
from vita_tui.sessions.manager import SessionManager
from vita_tui.sessions.redis import RedisStore
from vita_tui.sessions.session import Turn

pytestmark = pytest.mark.redis

TURNS = 30
"""Of each terminal."""
FAULT_AT = 20
"""Turns of both, after which it happens."""


class Address:
    """A port that leads to whichever server is the primary one, as a name or a virtual address does."""

    def __init__(self, port: int) -> None:
        self.leads_to = port
        self.port = 0

    @contextlib.asynccontextmanager
    async def there(self) -> AsyncIterator[str]:
        """The URL of the store behind it."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield f"redis://127.0.0.1:{self.port}/0"
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there = await asyncio.open_connection("127.0.0.1", self.leads_to)
        except OSError:
            writer.close()
            return
        with contextlib.suppress(asyncio.CancelledError):  # the loop ends
            await asyncio.gather(_pass(reader, there[1]), _pass(there[0], writer))


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()


class Pair:
    """A primary server and its replica."""

    def __init__(self, folder: Path) -> None:
        self.primary = RedisServer(folder / "primary")
        self.replica = RedisServer(folder / "replica")
        self.address = Address(self.primary.port)

    async def ask(self, server: RedisServer, *command: str) -> str:
        from redis.asyncio import Redis

        async with Redis.from_url(server.url, decode_responses=True) as client:
            answer: object = await client.execute_command(*command)  # type: ignore[no-untyped-call]
            return str(answer)

    async def follow(self) -> None:
        """The replica has all of the primary, and will have what comes."""
        await self.ask(self.replica, "REPLICAOF", "127.0.0.1", str(self.primary.port))
        await self.ask(self.primary, "SET", "probe", "1")
        async with asyncio.timeout(120):
            while await self.ask(self.replica, "GET", "probe") != "1":
                await asyncio.sleep(0.01)

    async def restarted(self) -> Callable[[], Awaitable[None]]:
        await asyncio.to_thread(self.primary.kill)

        async def heal() -> None:
            await asyncio.to_thread(self.primary.start)

        return heal

    async def replaced(self) -> Callable[[], Awaitable[None]]:
        """The primary is gone; its replica takes its place, without what had not come over."""
        await asyncio.to_thread(self.primary.kill)
        await self.ask(self.replica, "REPLICAOF", "NO", "ONE")

        async def heal() -> None:
            self.address.leads_to = self.replica.port

        return heal

    async def demoted(self) -> Callable[[], Awaitable[None]]:
        """The replica takes its place, and the former primary, to which everybody is connected, becomes a replica."""
        await self.ask(self.replica, "REPLICAOF", "NO", "ONE")
        await self.ask(self.primary, "REPLICAOF", "127.0.0.1", str(self.replica.port))
        self.address.leads_to = self.replica.port

        async def heal() -> None:
            pass

        return heal

    async def slow(self) -> Callable[[], Awaitable[None]]:
        """It answers nobody for longer than is waited for, and does everything afterwards."""
        self.primary.suspend()

        async def heal() -> None:
            self.primary.resume()

        return heal

    async def full(self) -> Callable[[], Awaitable[None]]:
        await self.ask(self.primary, "CONFIG", "SET", "maxmemory", "1")

        async def heal() -> None:
            await self.ask(self.primary, "CONFIG", "SET", "maxmemory", "0")

        return heal


@pytest.mark.parametrize("fault", ["restarted", "replaced", "demoted", "slow", "full"])
async def test_two_terminals_lose_and_double_nothing(tmp_path: Path, fault: str) -> None:
    pytest.importorskip("redis", reason="needs the extra redis")
    pair = Pair(tmp_path)
    pair.primary.start()
    pair.replica.start()
    written = 0
    happened = asyncio.Event()
    heal: list[Callable[[], Awaitable[None]]] = []

    async def talk(manager: SessionManager, session_id: str, name: str) -> None:
        nonlocal written
        for number in range(TURNS):
            if written >= FAULT_AT and not heal and not happened.is_set():
                happened.set()
                heal.append(await getattr(pair, fault)())
            await manager.append(session_id, Turn("user", f"{name}{number}"))
            written += 1

    try:
        await pair.follow()
        async with pair.address.there() as url, contextlib.AsyncExitStack() as stack:
            first, second = (
                SessionManager(RedisStore(url, timeout=0.3), retry_seconds=3600) for _ in range(2)
            )
            for manager in (first, second):
                await manager.open()
                stack.push_async_callback(manager.cleanup)
            session = await first.create({})
            await second.get(session.id)
            await asyncio.gather(talk(first, session.id, "a"), talk(second, session.id, "b"))
            await heal[0]()
            async with asyncio.timeout(120):
                for manager in (first, second, first):
                    await manager.flush()
                    while manager.stats().away:
                        await asyncio.sleep(0.05)
                        await manager.flush()
            reader = RedisStore(url)
            await reader.open()
            kept = await reader.read(session.id)
            await reader.cleanup()
            assert kept is not None
            said = [turn.text for turn in kept.turns]
            assert sorted(said) == sorted(f"{name}{number}" for name in "ab" for number in range(TURNS))
            for name in "ab":
                own = [text for text in said if text[0] == name]
                assert own == sorted(own, key=lambda text: int(text[1:]))
            for manager in (first, second):
                assert [turn.text for turn in (await manager.get(session.id)).turns] == said
    finally:
        pair.primary.kill()
        pair.replica.kill()
