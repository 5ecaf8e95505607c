"""The clipboard: the system's own, else tmux's way to it. A terminal's (OSC 52) is the screen's affair, and can tell nobody whether it worked."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from typing import Any

__all__ = ["copy", "way"]

PATIENCE = 2.0
"""Seconds that a program has to take the text; some wait for a display that does not answer."""
TMUX = ("tmux", "load-buffer", "-w", "-")
"""Into its buffer, and with `-w` on to the terminal's clipboard."""


def way() -> str:
    """Where `copy` puts a text, in words; empty where there is nothing but the terminal."""
    if _system():
        return "the system’s clipboard"
    if os.environ.get("TMUX") and shutil.which(TMUX[0]):
        return "tmux’s buffer"
    return ""


def copy(text: str) -> str:
    """Put `text` there; where it is now, in words, or empty when nobody took it. Blocks for at most `PATIENCE`."""
    import pyperclip

    place, put_there = way(), _system()
    if place == "tmux’s buffer":
        try:
            subprocess.run(
                TMUX,
                input=text.encode(),
                timeout=PATIENCE,
                check=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except (OSError, subprocess.SubprocessError):
            return ""
        return place
    taken: list[bool] = []

    def put() -> None:
        try:
            put_there(text)
        except (OSError, pyperclip.PyperclipException):
            return
        taken.append(True)

    if place:
        # pyperclip waits for as long as xclip does: a thread that hangs there costs nobody anything.
        thread = threading.Thread(target=put, name="clipboard", daemon=True)
        thread.start()
        thread.join(PATIENCE)
    return place if taken else ""


def _system() -> Any:
    """What takes a text to the system's clipboard; false where there is none. Looked for each time: a session may get a display."""
    import pyperclip

    return pyperclip.determine_clipboard()[0]  # type: ignore[no-untyped-call]  # it has no types
