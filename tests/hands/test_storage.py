"""What disks do to files: the cases of storage.toml."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vita_tui.sessions.manager import SessionManager
from vita_tui.sessions.session import Turn
from vita_tui.sessions.sqlite import SqliteStore

CASES: dict[str, list[dict[str, Any]]] = tomllib.loads(
    Path(__file__).with_suffix(".toml").with_stem("storage").read_text()
)


def cases(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", CASES[kind], ids=[case["name"] for case in CASES[kind]])


def vita(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vita_tui", *arguments]
    environment = {**os.environ, "VITA_HOME": str(home)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB; needs root on Linux."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "vita-test", str(folder)]
    if sys.platform != "linux" or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs the right to mount a small file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk: Path) -> None:
    with (disk / "filler").open("ab", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while file.write(bytes(4096)):
            pass


async def talk(home: Path, *texts: str) -> str:
    manager = SessionManager(SqliteStore(home / "data" / "sessions.db"))
    await manager.open()
    session = await manager.create({})
    for text in texts:
        await manager.append(session.id, Turn("user", text, started=1_700_000_000.0))
    await manager.cleanup()
    return session.id


@cases("full_disk")
def test_a_full_disk_costs_no_file_that_was_there(disk: Path, case: dict[str, Any]) -> None:
    home = disk / "vita"
    asyncio.run(talk(home, "What is kept? " + "x" * 5000))
    file = disk / case["file"]
    file.parent.mkdir(parents=True, exist_ok=True)
    if case["before"]:
        file.write_text(case["before"])
    fill(disk)
    there = sorted(disk.rglob("*"))
    result = vita(home, *(part.replace("DISK", str(disk)) for part in case["command"]))
    assert result.returncode != 0
    assert "No space" in result.stderr
    assert "Traceback" not in result.stderr
    assert (file.read_text() if file.exists() else "") == case["before"]
    left = [path for path in disk.rglob("*") if path not in there and path.suffix == ".new"]
    assert left == []
