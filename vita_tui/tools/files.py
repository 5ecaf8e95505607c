"""Files below one folder: listed, read and searched; and written where that is switched on."""

from __future__ import annotations

import asyncio
import fnmatch
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from vita_tui import atomic_files
from vita_tui.errors import ToolError
from vita_tui.text.clean import clean_name
from vita_tui.tools.base import BuiltInTool, Effect, OnProgress, ToolResult, text_argument

__all__ = ["FileTool", "reading", "writing"]

T = TypeVar("T")

LISTED = 300
"""Names of one listing."""
READ_BYTES = 400_000
"""Of one file; the rest is left out."""
SEARCHED_FILES = 5000
SEARCHED_BYTES = 2_000_000
"""Of one file; a larger one is passed over."""
HITS = 60
LONGEST_LINE = 300
LONGEST_FILE = 1_000_000
"""Characters of a file that is written."""
PASSED_OVER = frozenset({"node_modules", "__pycache__", "target", "dist", "build", "venv"})
"""Folders that are not searched; neither are hidden ones."""


@dataclass(frozen=True)
class FileTool(BuiltInTool):
    """Works in a thread, which is told to end when the call is cancelled."""

    name: str
    description: str
    arguments: Mapping[str, str]
    work: Callable[[Path, Mapping[str, Any], threading.Event], str]
    root: Path
    """The folder that it does not leave."""
    effect: Effect = "look"
    required: tuple[str, ...] = ()

    def delicate(self, arguments: Mapping[str, Any]) -> bool:
        path = arguments.get("path", "")
        return isinstance(path, str) and _hidden(Path(path))

    async def run(self, arguments: Mapping[str, Any], progress: OnProgress) -> ToolResult:
        cancelled = threading.Event()
        try:
            return ToolResult(await asyncio.to_thread(self.work, self.root, arguments, cancelled))
        except OSError as error:
            raise ToolError(f"{error.strerror or error}: {clean_name(error.filename or '')}.") from None
        finally:
            cancelled.set()


def reading(root: Path) -> list[FileTool]:
    """What only looks."""
    return [
        FileTool(
            "list_files",
            "List the files of a folder below the working directory.",
            {"path": "The folder; leave it out for the working directory."},
            _list,
            root,
        ),
        FileTool(
            "read_file",
            "Read a text file below the working directory.",
            {"path": "The file, such as src/main.py."},
            _read,
            root,
            required=("path",),
        ),
        FileTool(
            "search_files",
            "Find lines with a text in the files below the working directory.",
            {
                "text": "What to find; upper and lower case are the same.",
                "files": "Only in files of such names, as *.py; leave it out for all.",
            },
            _search,
            root,
            required=("text",),
        ),
    ]


def writing(root: Path) -> list[FileTool]:
    """What changes files."""
    return [
        FileTool(
            "write_file",
            "Write a text file below the working directory; one that exists is replaced.",
            {"path": "The file.", "content": "All of its text."},
            _write,
            root,
            "act",
            ("path", "content"),
        )
    ]


def _list(root: Path, arguments: Mapping[str, Any], cancelled: threading.Event) -> str:
    folder = _below(root, text_argument(arguments, "path", "."))
    if not folder.is_dir():
        raise ToolError(f"{_shown(root, folder)} is not a folder.")
    entries = sorted(os.scandir(folder), key=lambda entry: (not entry.is_dir(), entry.name.lower()))
    lines = []
    for entry in entries[:LISTED]:
        if entry.is_dir():
            lines.append(f"{clean_name(entry.name)}/")
        else:
            size = entry.stat(follow_symlinks=False).st_size
            lines.append(f"{clean_name(entry.name)}  {size:,} bytes")
    if len(entries) > LISTED:
        lines.append(f"… and {len(entries) - LISTED:,} more")
    return "\n".join(lines) or "The folder is empty."


def _read(root: Path, arguments: Mapping[str, Any], cancelled: threading.Event) -> str:
    file = _below(root, text_argument(arguments, "path"))
    if not file.is_file():
        raise ToolError(f"{_shown(root, file)} is not a file.")
    with file.open("rb") as stream:
        data = stream.read(READ_BYTES + 1)
    if b"\0" in data[:8192]:
        raise ToolError(f"{_shown(root, file)} is not text.")
    text = data[:READ_BYTES].decode("utf-8", "replace")
    return text + ("\n[… the file goes on …]" if len(data) > READ_BYTES else "") or "The file is empty."


def _search(root: Path, arguments: Mapping[str, Any], cancelled: threading.Event) -> str:
    wanted = text_argument(arguments, "text")
    names = text_argument(arguments, "files", "") or "*"
    if not wanted.strip():
        raise ToolError("There is nothing to look for.")
    pattern = re.compile(re.escape(wanted), re.IGNORECASE)
    hits: list[str] = []
    for number, file in enumerate(_files(root)):
        if cancelled.is_set() or number >= SEARCHED_FILES:
            hits.append(f"[only the first {SEARCHED_FILES:,} files were searched]")
            break
        relative = file.relative_to(root).as_posix()
        if not (fnmatch.fnmatch(file.name, names) or fnmatch.fnmatch(relative, names)):
            continue
        for line_number, line in _lines(file):
            if pattern.search(line):
                hits.append(f"{clean_name(relative)}:{line_number}: {line.strip()[:LONGEST_LINE]}")
                if len(hits) >= HITS:
                    return "\n".join([*hits, "[there are more]"])
    return "\n".join(hits) or "Nothing was found."


def _write(root: Path, arguments: Mapping[str, Any], cancelled: threading.Event) -> str:
    file = _below(root, text_argument(arguments, "path"))
    content = text_argument(arguments, "content")
    if len(content) > LONGEST_FILE:
        raise ToolError("The content is too long.")
    if file.is_dir() or file == root:
        raise ToolError(f"{_shown(root, file)} is a folder.")
    existed = file.exists()
    file.parent.mkdir(parents=True, exist_ok=True)
    atomic_files.write_whole(file, content, keep_mode=True)
    return f"{'Replaced' if existed else 'Wrote'} {_shown(root, file)}, {len(content):,} characters."


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(one for one in folders if not one.startswith(".") and one not in PASSED_OVER)
        for name in sorted(names):
            file = Path(folder) / name
            if not name.startswith(".") and not file.is_symlink():
                yield file


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    try:
        if file.stat().st_size > SEARCHED_BYTES:
            return
        data = file.read_bytes()
    except OSError:
        return
    if b"\0" not in data[:8192]:
        yield from enumerate(data.decode("utf-8", "replace").splitlines(), 1)


def _below(root: Path, path: str) -> Path:
    """The real place of `path`, links followed.

    Raises:
        ToolError: it is not below `root`.
    """
    if "\0" in path:
        raise ToolError("That is not the name of a file.")
    place = (root / Path(path).expanduser()).resolve()
    if not place.is_relative_to(root.resolve()):
        raise ToolError(f"{clean_name(path)} is outside of the working directory, which cannot be left.")
    return place


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") and part not in (".", "..") for part in path.parts)


def _shown(root: Path, path: Path) -> str:
    return clean_name(path.relative_to(root.resolve()).as_posix())
