"""Servers as people install them from the registries. Each is tried where it is installed, and skipped by its name where it is not."""

from __future__ import annotations

import http.server
import shutil
import subprocess
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp", reason="the package mcp is not installed")

from vita_tui.clock import FakeClock
from vita_tui.settings import HealthSettings, McpServer
from vita_tui.tools.mcp import server as running_server
from vita_tui.tools.mcp.server import RunningServer

pytestmark = pytest.mark.slow
LONG = 120.0
"""Seconds, for a machine that has much to do."""
Call = Callable[..., Awaitable[str]]


@pytest.fixture
async def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Callable[..., Call]]:
    """Start the server that a command of this name is, and get what calls its tools."""
    monkeypatch.setenv("VITA_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(running_server, "START_SECONDS", LONG)
    monkeypatch.setattr(running_server, "LIST_SECONDS", LONG)
    started: list[RunningServer] = []

    def starting(command: str, *args: str, env: dict[str, str] | None = None) -> Call:
        if (program := shutil.which(command)) is None:
            pytest.skip(f"needs {command}")
        asked = McpServer(command=program, args=args, env=env or {})
        server = RunningServer(command, asked, HealthSettings(), FakeClock())
        started.append(server)

        async def call(tool: str, **arguments: Any) -> str:
            return (await server.call(tool, arguments, lambda _: None, LONG)).text

        return call

    yield starting
    for server in started:
        await server.close()


@pytest.fixture
def page() -> Iterator[str]:
    """The address of a page on loopback."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"<html><body><p>The kettle is on the left.</p></body></html>"
            self.send_response(404 if self.path == "/robots.txt" else 200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


async def test_time(start: Callable[..., Call]) -> None:
    call = start("mcp-server-time", "--local-timezone", "Europe/Berlin")
    said = await call(
        "convert_time", source_timezone="Europe/Berlin", time="12:00", target_timezone="Asia/Tokyo"
    )
    assert "Asia/Tokyo" in said


async def test_git(start: Callable[..., Call], tmp_path: Path) -> None:
    if shutil.which("git") is None:
        pytest.skip("needs git")
    place = tmp_path / "work"
    subprocess.run(["git", "init", "-q", str(place)], check=True, timeout=LONG)
    (place / "kettle.txt").write_text("on the left\n", encoding="utf-8")
    call = start("mcp-server-git", "--repository", str(place))
    assert "kettle.txt" in await call("git_status", repo_path=str(place))


async def test_fetch(start: Callable[..., Call], page: str) -> None:
    call = start("mcp-server-fetch", "--ignore-robots-txt", "--allow-private-ips")
    assert "The kettle is on the left." in await call("fetch", url=page)


async def test_filesystem(start: Callable[..., Call], tmp_path: Path) -> None:
    place = tmp_path / "files"
    place.mkdir()
    (place / "kettle.txt").write_text("on the left", encoding="utf-8")
    call = start("mcp-server-filesystem", str(place))
    assert "kettle.txt" in await call("list_directory", path=str(place))
    assert "on the left" in await call("read_text_file", path=str(place / "kettle.txt"))


async def test_memory(start: Callable[..., Call], tmp_path: Path) -> None:
    file = tmp_path / "memory.jsonl"
    call = start("mcp-server-memory", env={"MEMORY_FILE_PATH": str(file)})
    kettle = {"name": "kettle", "entityType": "thing", "observations": ["stands on the left"]}
    await call("create_entities", entities=[kettle])
    assert "stands on the left" in await call("read_graph")
    assert "kettle" in file.read_text(encoding="utf-8")


async def test_everything(start: Callable[..., Call]) -> None:
    call = start("mcp-server-everything")
    assert "kettle" in await call("echo", message="kettle")
