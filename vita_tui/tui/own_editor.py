"""The user's own editor, for a text that is long."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import tempfile
from pathlib import Path

from vita_tui.errors import VitaError
from vita_tui.text.clean import clean, clean_name

__all__ = ["edit", "editor"]

USUAL = ("sensible-editor", "nano", "vi", "notepad")


def editor() -> list[str]:
    """The command that edits a file, as the environment says ($VISUAL, $EDITOR), or a usual one.

    Raises:
        VitaError: there is none.
    """
    for variable in ("VISUAL", "EDITOR"):
        try:
            chosen = shlex.split(os.environ.get(variable, ""))
        except ValueError:
            continue
        if chosen:
            return chosen
    for name in USUAL:
        if shutil.which(name):
            return [name]
    raise VitaError("There is no editor here.", remedy="Set EDITOR, for example: export EDITOR=nano")


async def edit(text: str, command: list[str], terminal: int | None) -> str:
    """What the user makes of `text`.

    Args:
        terminal: the descriptor of the terminal that the editor draws on; None for standard output.

    Raises:
        VitaError: the editor could not be started, or has failed.
    """
    name = await asyncio.to_thread(_written, text)
    try:
        try:
            process = await asyncio.create_subprocess_exec(*command, name, stdout=terminal, stderr=terminal)
        except OSError as error:
            raise VitaError(
                f"{clean_name(command[0])} cannot be started: {error.strerror}.", remedy="Set EDITOR."
            ) from None
        if code := await process.wait():
            raise VitaError(f"{clean_name(command[0])} ended with exit code {code}: the prompt is as it was.")
        written = await asyncio.to_thread(Path(name).read_text, encoding="utf-8", errors="replace")
        return clean(written).rstrip("\n")
    finally:
        await asyncio.to_thread(Path(name).unlink, missing_ok=True)


def _written(text: str) -> str:
    """The name of a file with `text` that only the user can read."""
    descriptor, name = tempfile.mkstemp(prefix="vita-", suffix=".md")
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)
    return name
