"""MCP servers: a small one of the SDK, in a process of its own, with tools that hang, die, flood and change their names."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest

pytest.importorskip("mcp", reason="the package mcp is not installed")

from vita_tui.clock import FakeClock
from vita_tui.errors import ToolError
from vita_tui.health.registry import registry
from vita_tui.settings import HealthSettings, McpServer, McpSettings, Settings, ToolSettings
from vita_tui.tools.mcp import server as running_server
from vita_tui.tools.mcp.offered import McpTool, model_name
from vita_tui.tools.mcp.server import RunningServer
from vita_tui.tools.toolbox import Toolbox

ROOT = Path(__file__).parents[2]
SMALL = McpServer(
    command=sys.executable,
    args=("-m", "tests.tools.mcp_server"),
    env={"PYTHONPATH": str(ROOT)},
    cwd=str(ROOT),
)
pytestmark = pytest.mark.slow
LONG = 120.0
"""Seconds, for a machine that has much to do."""


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITA_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(running_server, "START_SECONDS", LONG)
    monkeypatch.setattr(running_server, "LIST_SECONDS", LONG)


@pytest.fixture
async def small() -> AsyncIterator[RunningServer]:
    clock = FakeClock()
    server = RunningServer("small", SMALL, HealthSettings(), clock)
    yield server
    await server.close()


async def _call(server: RunningServer, tool: str, seconds: float = LONG, **arguments: Any) -> str:
    return (await server.call(tool, arguments, lambda _: None, seconds)).text


def _children() -> list[psutil.Process]:
    return [
        one
        for one in psutil.Process().children(recursive=True)
        if "tests.tools.mcp_server" in " ".join(one.cmdline())
    ]


async def test_a_server_is_started_once_used_and_gone_at_the_end(small: RunningServer) -> None:
    assert not small.running
    offers = {offer.name: offer for offer in await small.offers()}
    assert offers["add"].read_only
    assert not offers["keep"].read_only
    assert offers["add"].schema["required"] == ["a", "b"]
    assert await _call(small, "add", a=2, b=3) == "5"
    assert await _call(small, "add", a=2, b=4) == "6"
    assert small.starts == 1
    [child] = _children()
    assert any("MCP server small" in one.name for one in registry.open())
    if sys.platform != "win32":
        assert os.getpgid(child.pid) == child.pid, "it leads a group of its own"
    await small.close()
    child.wait(timeout=LONG)
    assert not _children()
    assert not any("MCP server small" in one.name for one in registry.open())


async def test_what_it_offers_is_known_without_starting_it_again(small: RunningServer) -> None:
    await small.offers()
    await small.close()
    again = RunningServer("small", SMALL, HealthSettings())
    assert {offer.name for offer in await again.offers()} >= {"add", "keep"}
    assert again.starts == 0
    other = SMALL.model_copy(update={"args": ("-c", "pass")})
    with pytest.raises(ToolError):
        await RunningServer("small", other, HealthSettings()).offers()


async def test_a_server_that_dies_is_started_again_and_says_why(small: RunningServer) -> None:
    with pytest.raises(ToolError, match="the small server gives up"):
        await _call(small, "die")
    assert await _call(small, "add", a=1, b=1) == "2"
    assert small.starts == 2


async def test_a_server_that_keeps_dying_is_left_alone_for_a_while() -> None:
    clock = FakeClock()
    dead = McpServer(command=sys.executable, args=("-c", "import sys; sys.exit('no licence')"))
    server = RunningServer("dead", dead, HealthSettings(breaker_failures=2, breaker_seconds=30), clock)
    for _ in range(2):
        with pytest.raises(ToolError, match="no licence"):
            await server.offers()
    with pytest.raises(ToolError, match="disabled, retried in 30 s"):
        await server.offers()
    assert server.starts == 2
    clock.advance(31)
    with pytest.raises(ToolError, match="no licence"):
        await server.offers()
    assert server.starts == 3


async def test_a_call_that_hangs_is_given_up_and_the_server_ended(small: RunningServer) -> None:
    await small.offers()
    [child] = _children()
    with pytest.raises(ToolError, match=r"took longer than 0\.1 s"):
        await _call(small, "hang", 0.1)
    await asyncio.to_thread(child.wait, LONG)
    assert await _call(small, "add", a=1, b=1) == "2"


async def test_a_call_that_is_cancelled_is_cancelled_there(small: RunningServer, tmp_path: Path) -> None:
    file = tmp_path / "hang"
    call = asyncio.create_task(_call(small, "hang", file=str(file)))
    await _until_text(file, "began")
    call.cancel()
    await asyncio.wait({call})
    await _until_text(file, "cancelled")
    assert await _call(small, "add", a=1, b=1) == "2"
    assert small.starts == 1


async def test_results_progress_pictures_resources_and_prompts(small: RunningServer) -> None:
    assert (await small.call("fail", {}, lambda _: None, LONG)).failed
    seen: list[str] = []
    await small.call("steps", {}, seen.append, LONG)
    assert seen == ["50% step 1", "100% step 2"]
    picture = await small.call("picture", {}, lambda _: None, LONG)
    assert [image.mime for image in picture.images] == ["image/png"]
    assert "a picture: image/png" in picture.text
    assert len(await _call(small, "flood", size=3_000_000)) == 3_000_003
    assert [str(one.uri) for one in await small.resources()] == ["note://today"]
    assert await small.read("note://today") == "Water the plants."
    assert [one.name for one in await small.prompts()] == ["review"]
    assert await small.prompt("review", {"what": "this"}) == "Please review this."
    with pytest.raises(ToolError, match="refuses"):
        await small.read("note://none")


async def test_tools_that_are_renamed_are_noticed_and_the_old_ones_not_called() -> None:
    settings = Settings(mcp=McpSettings(servers={"small": SMALL}))
    box = Toolbox(settings, None, None)  # type: ignore[arg-type]
    try:
        before = await box.tools()
        await before["small__rename"].run({}, lambda _: None)
        async with asyncio.timeout(LONG):
            while "small__sum" not in await box.tools():
                await asyncio.sleep(0.01)
        with pytest.raises(ToolError, match="has changed its tools"):
            await before["small__add"].run({"a": 1, "b": 2}, lambda _: None)
        assert (await (await box.tools())["small__sum"].run({"a": 1, "b": 2}, lambda _: None)).text == "3"
    finally:
        await box.close()


async def test_a_server_at_an_address() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.tools.mcp_server", str(port), cwd=ROOT, stderr=asyncio.subprocess.DEVNULL
    )
    server = RunningServer(
        "http", McpServer(url=f"http://127.0.0.1:{port}/mcp"), HealthSettings(breaker_failures=10_000)
    )
    try:
        async with asyncio.timeout(LONG):
            while True:
                try:
                    await server.offers()
                except ToolError:
                    await asyncio.sleep(0.05)
                else:
                    break
        assert await _call(server, "add", a=20, b=22) == "42"
        process.kill()
        await process.wait()
        with pytest.raises(ToolError):
            await _call(server, "add", a=1, b=1)
    finally:
        await server.close()
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_server_that_is_away_costs_only_its_tools() -> None:
    nobody = McpServer(command=str(ROOT / "no-such-program"))
    box = Toolbox(Settings(mcp=McpSettings(servers={"nobody": nobody})), None, None)  # type: ignore[arg-type]
    assert "read_file" in await box.tools()
    assert "could not be started" in box.problems["nobody"]


def test_names_are_such_as_every_model_takes() -> None:
    assert model_name("time", "get_current_time", {}) == "time__get_current_time"
    assert model_name("a", "weird name/ß", {}) == "a__weird_name_"
    taken = {"a__" + "x" * 61: 1}
    other = model_name("a", "x" * 100, taken)
    assert len(other) == 64
    assert other not in taken


def test_a_tool_says_whether_it_only_looks() -> None:
    from vita_tui.tools.mcp.known import Offer

    server = RunningServer("small", SMALL, HealthSettings())
    assert McpTool("a", server, Offer("a", "", {}, True), ToolSettings()).effect == "look"
    assert McpTool("a", server, Offer("a", "", {}, False), ToolSettings()).effect == "act"


async def _until_text(file: Path, text: str) -> None:
    async with asyncio.timeout(LONG):
        while not file.exists() or file.read_text(encoding="utf-8") != text:
            await asyncio.sleep(0.01)
