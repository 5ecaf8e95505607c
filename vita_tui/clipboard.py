"""The clipboard: the system's own, else tmux's way to it. A terminal's (OSC 52) is the screen's affair, and can tell nobody whether it worked."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from typing import Any

__all__ = ["copy", "way"]

SYSTEM, BUFFER = "the system’s clipboard", "tmux’s buffer"
PATIENCE = 2.0
"""Seconds that a program has to take the text; some wait for a display that does not answer."""
TMUX = ("tmux", "load-buffer", "-w", "-")
"""Into its buffer, and with `-w` on to the terminal's clipboard."""


def way() -> str:
    """Where `copy` puts a text, in words; empty where there is nothing but the terminal."""
    return SYSTEM if _system() else BUFFER if _in_tmux() else ""


def copy(text: str) -> str:
    """Put `text` there; where it is now, in words, or empty when nobody took it. Blocks for at most `PATIENCE`."""
    if put_there := _system():
        return SYSTEM if _by_system(put_there, text) else ""
    return BUFFER if _in_tmux() and _by_tmux(text) else ""


def _by_system(put_there: Callable[[str], None], text: str) -> bool:
    import pyperclip

    taken: list[bool] = []

    def put() -> None:
        try:
            put_there(text)
        except (OSError, pyperclip.PyperclipException):
            return
        taken.append(True)

    # pyperclip waits for as long as xclip does: a thread that hangs there costs nobody anything.
    thread = threading.Thread(target=put, name="clipboard", daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return bool(taken)


def _in_tmux() -> bool:
    return bool(os.environ.get("TMUX") and shutil.which(TMUX[0]))


def _by_tmux(text: str) -> bool:
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
        return False
    return True


def _system() -> Any:
    """What takes a text to the system's clipboard; false where there is none. Looked for each time: a session may get a display."""
    import pyperclip

    return pyperclip.determine_clipboard()[0]  # type: ignore[no-untyped-call]  # it has no types
