"""Connections are resources: many that are idle cost little, and of those that vanish, stall or send garbage nothing is left."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest

from tests.server.realtime_client import realtime_client
from tests.server.stage import Scripted, serving
from vita_tui.health.registry import registry

SECONDS = 60
LONG = json.dumps({"input": "Nobody takes any of this. " * 500, "response_format": "pcm"}).encode()


def stalled(stage: Scripted) -> socket.socket:
    """A client that asks for minutes of sound and takes none of it."""
    connection = socket.create_connection(("127.0.0.1", stage.server.port))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    head = f"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(LONG)}\r\n\r\n"
    connection.sendall(head.encode() + LONG)
    return connection


def entries() -> int:
    return sum(one.owner == "server.connections" for one in registry.open())


async def settled(stage: Scripted, count: int) -> None:
    async with asyncio.timeout(SECONDS):
        while len(stage.app.connections) != count:
            await asyncio.sleep(0.01)


async def test_idle_sessions_hold_two_tasks_each_and_nothing_afterwards() -> None:
    """No detector of voice, no resampler, no thread before there is sound."""
    before, tasks = entries(), len(asyncio.all_tasks())
    async with serving() as stage:
        sessions = [realtime_client(stage.ws) for _ in range(20)]
        for session in sessions:
            client = await session.__aenter__()
            await client.until("session.created")
        assert len(stage.app.connections) == 20
        assert entries() == before + 20
        assert {one.state for one in stage.app.connections} == {"idle"}
        assert {one.tasks for one in stage.app.connections} == {1}
        for session in sessions:
            await session.__aexit__(None, None, None)
        await settled(stage, 0)
    assert entries() == before
    assert len(asyncio.all_tasks()) == tasks


async def test_sessions_that_nobody_uses_end() -> None:
    async with serving(idle_seconds=0.2) as stage, realtime_client(stage.ws) as client:
        await client.until("session.created")
        await settled(stage, 0)
        assert stage.app.connections.cut == 1


@pytest.mark.proof
@pytest.mark.slow
async def test_clients_that_come_go_stall_and_send_garbage_leave_nothing() -> None:
    before = entries()
    async with serving(stalled_seconds=0.3) as stage:
        for _ in range(4):
            kept = [stalled(stage) for _ in range(3)]
            async with realtime_client(stage.ws) as client:
                await client.until("session.created")
                await client.socket.send("garbage")
                client.socket.transport.abort()
            _, writer = await asyncio.open_connection("127.0.0.1", stage.wyoming)
            writer.write(b"garbage\n" * 100)
            await settled(stage, 0)
            for one in kept:
                one.close()
        assert stage.app.connections.cut == 12
        assert stage.app.engines.voice.turns.idle
    assert entries() == before


@pytest.mark.proof
async def test_without_the_sweep_those_that_stall_stay() -> None:
    async with serving(stalled_seconds=0.3, enforced=False) as stage:
        kept = [stalled(stage) for _ in range(3)]
        async with asyncio.timeout(SECONDS):
            while sum(one.state == "sending" for one in stage.app.connections) != 3:
                await asyncio.sleep(0.01)
        looked = asyncio.get_running_loop().time()
        while asyncio.get_running_loop().time() < looked + 1.0:
            await asyncio.sleep(0.05)
            assert stage.app.connections.sweep() == []
        assert len(stage.app.connections) == 3
        for one in kept:
            one.close()


@pytest.mark.proof
async def test_a_thousand_idle_sessions_do_not_grow() -> None:
    """Count what each holds; that memory stays flat while they are idle follows from it."""
    import resource

    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if most < 2200:
        pytest.skip("needs 2,200 open files: ulimit -n 4096")
    async with serving() as stage:
        clients = [realtime_client(stage.ws, ping_interval=None) for _ in range(1000)]
        for client in clients:
            await (await client.__aenter__()).until("session.created")
        assert len(stage.app.connections) == 1000
        assert {one.tasks for one in stage.app.connections} == {1}
        before = _resident()
        for _ in range(20):
            await asyncio.sleep(0.05)
        assert len(stage.app.connections) == 1000
        assert _resident() - before < 8 << 20
        for client in clients:
            await client.__aexit__(None, None, None)
        await settled(stage, 0)


def _resident() -> int:
    """Bytes."""
    import psutil

    return int(psutil.Process().memory_info().rss)
