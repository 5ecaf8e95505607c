"""Files that a question names with an at sign: found while one types, and read when it is sent."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from textual.fuzzy import Matcher

from vita_tui.errors import VitaError
from vita_tui.text.attachments import Attachment
from vita_tui.text.clean import clean, clean_name
from vita_tui.tui.formatting import count, size

__all__ = ["dropped", "files_below", "matching_files", "named", "read_named", "word_at"]

MOST_FILES = 20_000
"""That are looked through; below a home folder there may be millions."""
MOST_BYTES = 1_000_000
"""Of a file that is sent along."""
SCORED = 200
"""The shortest names that are compared closely."""
SKIPPED = {"node_modules", "__pycache__", "target", "build", "dist", "venv"}
"""Folders that people do not write in; hidden ones are skipped as well."""
PICTURES = {".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tiff", ".heic"}

_NAMED = re.compile(r'(?<!\S)@(?:"([^"\n]+)"|(\S+))')
_UNFINISHED = re.compile(r'(?<!\S)@(?:"([^"\n]*)|(\S*))$')


def files_below(folder: Path, most: int = MOST_FILES) -> list[str]:
    """Names of files below `folder`, the nearest first; folders that cannot be read are left out."""
    found: list[str] = []
    for path, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in SKIPPED)
        inside = Path(path).relative_to(folder)
        found += [str(inside / name) for name in sorted(files) if not name.startswith(".")]
        if len(found) >= most:
            break
    return sorted(found[:most], key=lambda name: (name.count(os.sep), name))


def matching_files(files: Iterable[str], words: str) -> list[str]:
    """Those whose names have the characters of `words` in their order, the best first."""
    if not words:
        return list(files)[:SCORED]
    letters = re.compile(".*?".join(map(re.escape, words)), re.IGNORECASE)
    found = sorted((name for name in files if letters.search(name)), key=len)[:SCORED]
    matcher = Matcher(words)
    return sorted(found, key=lambda name: -matcher.match(name))


def word_at(line: str) -> str | None:
    """What is typed of a file's name at the end of `line`; None when it is none."""
    found = _UNFINISHED.search(line)
    return None if found is None else found[1] if found[1] is not None else found[2]


def named(file: str) -> str:
    """How `file` is named in a question."""
    return f'@"{file}"' if re.search(r"\s", file) else f"@{file}"


def dropped(pasted: str, folder: Path) -> str | None:
    """How the file is named that was dropped onto the terminal, which pastes its path; None when `pasted` is something else."""
    text = pasted.strip()
    if not text or "\n" in text or len(text) > 4096:
        return None
    try:
        parts = [text] if _is_file(Path(text)) else shlex.split(text)
    except ValueError:
        return None
    if len(parts) != 1:
        return None
    path = Path(unquote(urlsplit(parts[0]).path)) if parts[0].startswith("file://") else Path(parts[0])
    if not path.is_absolute() or not _is_file(path):
        return None
    return named(str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path))


def read_named(question: str, folder: Path) -> list[Attachment]:
    """The files that `question` names; what is no file is no name of one.

    Raises:
        VitaError: one cannot be sent along; says why.
    """
    found: dict[Path, Attachment] = {}
    for match in _NAMED.finditer(question):
        written = match[1] or match[2]
        for name in dict.fromkeys((written, written.rstrip(".,;:!?)"))):
            path = folder / Path(name).expanduser() if name else folder
            if _is_file(path):
                found.setdefault(path, _read(path, name))
                break
    return list(found.values())


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _read(path: Path, name: str) -> Attachment:
    shown = clean_name(name)
    if path.suffix.lower() in PICTURES:
        raise VitaError(
            f"{shown} is a picture: VITA sends text alone.", remedy="Describe what is to be seen on it."
        )
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise VitaError(f"{shown} cannot be read: {error.strerror}.") from None
    if len(data) > MOST_BYTES:
        raise VitaError(
            f"{shown} is larger than {size(MOST_BYTES)}.",
            remedy="Send a part of it: copy it, and paste it here.",
        )
    if b"\0" in data:
        raise VitaError(f"{shown} is not text.", remedy="Only text can be sent along.")
    text = clean(data.decode("utf-8", "replace"))
    lines: Sequence[str] = text.splitlines()
    return Attachment(f"{shown}, {count(len(lines), 'line')}", text)
