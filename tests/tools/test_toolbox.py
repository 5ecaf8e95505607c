"""Files, commands and pages as tools, and which of them the settings offer."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.engines.llm.servers import Request, serving, whole
from vita_tui.errors import ToolError
from vita_tui.settings import Settings, assign
from vita_tui.tools.base import Tool
from vita_tui.tools.commands import CommandTool
from vita_tui.tools.files import reading, writing
from vita_tui.tools.toolbox import Toolbox
from vita_tui.tools.web import PageTool, page_text


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "main.py").write_text("def hello():\n    return 'Hello'\n", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("hello there\n", encoding="utf-8")
    (tmp_path / ".env").write_text("KEY=secret hello\n", encoding="utf-8")
    (tmp_path / "data.bin").write_bytes(b"hello\0\1\2")
    (tmp_path / "out").symlink_to("/etc")
    return tmp_path


def _tools(folder: Path) -> dict[str, Tool]:
    tools: list[Tool] = [*reading(folder), *writing(folder), CommandTool(folder)]
    return {tool.name: tool for tool in tools}


async def _run(folder: Path, name: str, **arguments: Any) -> str:
    return (await _tools(folder)[name].run(arguments, lambda _: None)).text


async def test_files_are_listed_read_and_searched(folder: Path) -> None:
    listed = await _run(folder, "list_files")
    assert "src/" in listed
    assert "notes.txt  12 bytes" in listed
    assert await _run(folder, "read_file", path="src/main.py") == "def hello():\n    return 'Hello'\n"
    found = (await _run(folder, "search_files", text="HELLO")).splitlines()
    assert found == [
        "notes.txt:1: hello there",
        "src/main.py:1: def hello():",
        "src/main.py:2: return 'Hello'",
    ]
    assert "notes" not in await _run(folder, "search_files", text="hello", files="*.py")


@pytest.mark.parametrize(
    "path", ["../x", "/etc/passwd", "out/passwd", "src/../../x", "~/x", "a\0b", "data.bin", "src", "none"]
)
async def test_nothing_is_read_outside_of_the_folder_or_that_is_no_text(folder: Path, path: str) -> None:
    with pytest.raises(ToolError):
        await _run(folder, "read_file", path=path)


@pytest.mark.parametrize("path", ["../x", "/tmp/x", "out/x", "src", "."])
async def test_nothing_is_written_outside_of_the_folder(folder: Path, path: str) -> None:
    with pytest.raises(ToolError):
        await _run(folder, "write_file", path=path, content="x")


async def test_a_file_is_written(folder: Path) -> None:
    assert "Wrote" in await _run(folder, "write_file", path="new/a.txt", content="text")
    assert (folder / "new" / "a.txt").read_text(encoding="utf-8") == "text"
    assert "Replaced" in await _run(folder, "write_file", path="new/a.txt", content="other")


def test_hidden_files_are_asked_for_even_where_looking_is_allowed(folder: Path) -> None:
    read = _tools(folder)["read_file"]
    assert read.delicate({"path": ".env"})
    assert not read.delicate({"path": "src/main.py"})


async def test_a_command_returns_what_it_prints_and_how_it_ended(folder: Path) -> None:
    assert (await _run(folder, "run_command", command="echo one && echo two >&2")).split() == ["one", "two"]
    result = await CommandTool(folder).run({"command": "exit 3"}, lambda _: None)
    assert result.failed
    assert "exit code 3" in result.text


async def test_a_flood_keeps_its_beginning_and_its_end(folder: Path) -> None:
    code = "print('begin'); print('x' * 2_000_000); print('end')"
    said = await _run(folder, "run_command", command=f'"{sys.executable}" -c "{code}"')
    assert said.startswith("begin")
    assert said.rstrip().endswith("end")
    assert "left out" in said
    assert len(said) < 1_000_000


@pytest.mark.skipif(sys.platform == "win32", reason="process groups")
async def test_a_command_that_is_cancelled_ends_with_all_that_it_started(folder: Path) -> None:
    command = "sleep 600 & echo $! > pid; echo ready; wait"
    running = asyncio.create_task(CommandTool(folder).run({"command": command}, lambda _: None))
    async with asyncio.timeout(60):
        while not (folder / "pid").exists() or not (folder / "pid").read_text(encoding="utf-8").strip():
            await asyncio.sleep(0.01)
    child = psutil.Process(int((folder / "pid").read_text(encoding="utf-8")))
    running.cancel()
    await asyncio.wait({running})
    async with asyncio.timeout(60):
        while not _ended(child):
            await asyncio.sleep(0.01)


def _ended(process: psutil.Process) -> bool:
    """Also when nobody has asked yet how: it is not ours, and the first process of a container may take its time."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


PAGE = b"""<html><head><title>A &amp; B</title><style>p{}</style></head><body><nav>menu</nav><h1>Head</h1>
<p>One <b>two</b>&nbsp;three.<script>evil()</script></p><ul><li>first</li><li>second</li></ul></body></html>"""


async def test_a_page_is_its_text() -> None:
    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        if request.path == "/to":
            writer.write(
                b"HTTP/1.1 302 Found\r\nLocation: /page\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
        else:
            writer.write(
                whole(
                    "200 OK" if request.path == "/page" else "404 Not Found", PAGE, "text/html; charset=utf-8"
                )
            )

    async with serving(answer) as server:
        root = server.base_url.removesuffix("/v1")
        page = await PageTool().run({"url": f"{root}/to"}, lambda _: None)
        gone = await PageTool().run({"url": f"{root}/none"}, lambda _: None)
    assert page.text == "A & B\n\nHead\n\nOne two three.\n\n- first\n\n- second"
    assert gone.failed


@pytest.mark.parametrize("url", ["file:///etc/passwd", "notanurl", "ftp://a.b/c", "http://127.0.0.1:1/x", ""])
async def test_what_is_no_page_is_a_sentence(url: str) -> None:
    with pytest.raises(ToolError):
        await PageTool().run({"url": url}, lambda _: None)


@pytest.mark.parametrize(
    ("url", "delicate"),
    [
        ("https://example.org/a", False),
        ("http://93.184.215.14/", False),
        ("http://127.0.0.1/", True),
        ("http://127.1/", True),
        ("http://2130706433/", True),
        ("http://localhost:8080/", True),
        ("http://192.168.1.1/", True),
        ("http://169.254.169.254/latest", True),
        ("http://[::1]/", True),
        ("http://printer/", True),
        ("http://nas.local/", True),
        (5, True),
    ],
)
def test_addresses_of_private_networks_are_asked_for(url: object, delicate: bool) -> None:
    assert PageTool().delicate({"url": url}) is delicate


def test_a_broken_page_still_has_text() -> None:
    assert page_text("<p>a<div>b</p></nav>c<svg>d") == "a\nb\nc"


async def test_shell_writing_and_network_are_off_until_they_are_switched_on() -> None:
    settings = Settings()
    box = Toolbox(settings, None, None)  # type: ignore[arg-type]
    assert set(await box.tools()) == {"list_files", "read_file", "search_files"}
    for key, name in (("write", "write_file"), ("shell", "run_command"), ("network", "fetch_page")):
        assign(settings, f"tools.{key}", True)
        assert name in await box.tools()
    assign(settings, "tools.enabled", False)
    assert not await box.tools()
