"""How many clients `vita serve` carries that talk in real time: more and more of them, until it breaks."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vita_tui.bench.figures import about, spread
from vita_tui.bench.load_client import AskedQuestion, TalkingClient
from vita_tui.bench.recordings import SpokenSample, trimmed
from vita_tui.errors import EngineError

if TYPE_CHECKING:
    import psutil

__all__ = ["CLIENTS", "LoadLevel", "ServerUse", "measure", "report"]

CLIENTS = (1, 2, 4, 8, 16, 32, 64)
READY_SECONDS = 120.0
"""In which the server must have loaded its engines."""
END_SECONDS = 10.0
SPREAD_SECONDS = 6.0
"""Over which clients begin: people do not speak in chorus."""
KNEE = 2.0
"""Times the median first audio of a single client: from there on people notice the others."""
UNANSWERED = 0.02
"""Share of questions, and more than one, that may go without an answer; beyond, it is broken."""
_SERVING = re.compile(r"Serving at (http\S+)/v1")


@dataclass(frozen=True, slots=True)
class ServerUse:
    """By the server since it began, and what it has now."""

    own: float
    """Processor seconds of its own process: all but the built-in language model."""
    children: float
    """Of its children: the built-in language model."""
    memory: float
    """Bytes, resident, with children."""


@dataclass(frozen=True, slots=True)
class LoadLevel:
    """So many clients at once."""

    clients: int
    seconds: float
    asked: Sequence[AskedQuestion]
    before: ServerUse
    after: ServerUse


async def measure(
    questions: Sequence[SpokenSample],
    levels: Sequence[int] = CLIENTS,
    *,
    seconds: float = 20.0,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Serve in a child process, and let 1, 2, 4, … clients ask it for `seconds` each; the report.

    Each has a key and a WebSocket of its own, and says the same questions in real time, one after the other: it hears an answer to its end,
    and asks the next one a second later. More than one, and more than 2 of 100, that are not answered end it. One client, not counted, warms the engines before.

    Raises:
        EngineError: the server does not start.
    """
    spoken = [SpokenSample(one.name, trimmed(one.audio), one.text) for one in questions]
    found: list[LoadLevel] = []
    async with _serving(max(levels)) as (url, keys, process):
        await _talk(url, keys[:1], spoken, 0.0)
        for clients in levels:
            progress(f"{clients} at once")
            before, began = _consumed(process), asyncio.get_running_loop().time()
            asked = await _talk(url, keys[:clients], spoken, seconds)
            took = asyncio.get_running_loop().time() - began
            found.append(LoadLevel(clients, took, asked, before, _consumed(process)))
            if _broken(asked):
                break
    return report(found)


def report(levels: Sequence[LoadLevel]) -> dict[str, Any]:
    """The figures of each level; where the knee is, and where it broke: a number of clients, or None."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    rows = [_row(level, cores) for level in levels]
    alone = rows[0]["audio_ms"]
    knee = next(
        (
            row["clients"]
            for row in rows
            if alone is not None and (row["audio_ms"] is None or row["audio_ms"]["p50"] > KNEE * alone["p50"])
        ),
        None,
    )
    return {
        "about": about("serve"),
        "cores": cores,
        "levels": rows,
        "knee": knee,
        "broke": next((level.clients for level in levels if _broken(level.asked)), None),
        "unanswered": [
            {"clients": level.clients, "outcome": one.outcome, "question": one.question, "after": one.last}
            for level in levels
            for one in level.asked
            if one.outcome != "answered"
        ],
        "raw": {
            f"audio_ms_{level.clients}": [one.audio_ms for one in level.asked if one.audio_ms is not None]
            for level in levels
        },
    }


def _row(level: LoadLevel, cores: int) -> dict[str, Any]:
    answered = [one for one in level.asked if one.outcome == "answered"]
    own, children = level.after.own - level.before.own, level.after.children - level.before.children
    there = level.seconds * cores

    def figures(values: list[float]) -> dict[str, float] | None:
        return spread(values) if values else None

    return {
        "clients": level.clients,
        "asked": len(level.asked),
        **{
            kind: sum(one.outcome == kind for one in level.asked)
            for kind in ("answered", "refused", "late", "lost", "failed")
        },
        "transcript_ms": figures([one.transcript_ms for one in answered if one.transcript_ms is not None]),
        "audio_ms": figures([one.audio_ms for one in answered if one.audio_ms is not None]),
        "processor": round((own + children) / there, 3),
        "processor_model": round(children / there, 3),
        "processor_per_answer": round((own + children) / max(1, len(answered)), 2),
        "memory_mb": round(level.after.memory / 1e6),
        "memory_per_client_mb": round((level.after.memory - level.before.memory) / 1e6 / level.clients, 2),
    }


def _broken(asked: Sequence[AskedQuestion]) -> bool:
    return sum(one.outcome != "answered" for one in asked) > max(1, UNANSWERED * len(asked))


async def _talk(
    url: str, keys: Sequence[str], questions: Sequence[SpokenSample], seconds: float
) -> list[AskedQuestion]:
    """Have one client with each key talk; they begin spread over the length of a question and an answer."""
    until = asyncio.get_running_loop().time() + seconds
    clients = [TalkingClient(url, key, questions, first) for first, key in enumerate(keys)]

    async def one(number: int, client: TalkingClient) -> None:
        await asyncio.sleep(min(seconds, SPREAD_SECONDS) * number / len(clients))
        await client.talk(until)

    await asyncio.gather(*(one(number, client) for number, client in enumerate(clients)))
    return [asked for client in clients for asked in client.asked]


def _consumed(process: psutil.Process) -> ServerUse:
    """What `process` and its children have taken; children that are gone are not counted."""
    import psutil

    own, memory = process.cpu_times(), float(process.memory_info().rss)
    children = 0.0
    for child in process.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = child.cpu_times()
            children += times.user + times.system
            memory += child.memory_info().rss
    return ServerUse(own.user + own.system, children, memory)


@contextlib.asynccontextmanager
async def _serving(clients: int) -> AsyncIterator[tuple[str, list[str], psutil.Process]]:
    """`vita serve` with so many keys; the address of its WebSocket, the keys, its process."""
    import psutil

    keys = [secrets.token_hex(16) for _ in range(clients)]
    with tempfile.TemporaryDirectory(prefix="vita-bench-") as folder:
        file = Path(folder) / "keys"
        file.touch(0o600)
        file.write_text("".join(f"client{number} {key}\n" for number, key in enumerate(keys)), "utf-8")
        server = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "vita_tui", "serve", "--port", "0", "--key-file", str(file)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        assert server.stderr is not None
        try:
            url = await _address(server.stderr)
            reading = asyncio.create_task(_drain(server.stderr), name="what the server says")
            try:
                await _ready(url, keys[0])
                yield f"ws{url.removeprefix('http')}/v1/realtime?model=vita", keys, psutil.Process(server.pid)
            finally:
                reading.cancel()
        finally:
            if server.returncode is None:
                server.terminate()
                try:
                    await asyncio.wait_for(server.wait(), END_SECONDS)
                except TimeoutError:
                    server.kill()
                    await server.wait()


async def _address(lines: asyncio.StreamReader) -> str:
    """What the server says where it is.

    Raises:
        EngineError: it has ended.
    """
    said = ""
    while line := (await lines.readline()).decode("utf-8", "replace").strip():
        if found := _SERVING.search(line):
            return found[1]
        said = line
    raise EngineError(f"vita serve did not start: {said or 'no reason given'}", remedy="See: vita serve")


async def _drain(lines: asyncio.StreamReader) -> None:
    while await lines.readline():
        pass


async def _ready(url: str, key: str) -> None:
    import httpx2

    async with httpx2.AsyncClient(trust_env=False) as http:
        try:
            async with asyncio.timeout(READY_SECONDS):
                while True:
                    answer = await http.get(f"{url}/readyz", headers={"Authorization": f"Bearer {key}"})
                    if answer.status_code == 200:
                        return
                    await asyncio.sleep(0.2)
        except TimeoutError:
            raise EngineError(
                f"vita serve had not loaded its engines within {READY_SECONDS:.0f} s.",
                remedy="See: vita doctor",
            ) from None
