"""VITA's name on the screen while Textual is imported, which takes most of the time to the first paint.

Plain escape codes, on the alternate screen that Textual then takes over: the user sees at once that the key was heard.
"""

from __future__ import annotations

import os
from contextlib import suppress

__all__ = ["clear", "show", "take_over"]

NAME = "VITA"
WORDS = "is starting"
_ENTER = "\x1b[?1049h\x1b[?25l\x1b[2J"
_LEAVE = "\x1b[?25h\x1b[?1049l"
_shown = False


def show() -> None:
    """Show the name in the middle of the terminal; does nothing where there is none that understands."""
    global _shown
    if os.name != "posix" or not os.isatty(1) or os.environ.get("TERM", "") in {"", "dumb"}:
        return
    with suppress(OSError):  # a terminal that does not govern this program has no foreground
        if os.tcgetpgrp(1) != os.getpgrp():
            return
    with suppress(OSError):
        columns, rows = os.get_terminal_size(1)
        row, column = max(1, rows // 2), max(1, (columns - len(f"{NAME} {WORDS}")) // 2 + 1)
        # What is typed meanwhile is echoed at the top, until Textual has it.
        os.write(1, f"{_ENTER}\x1b[{row};{column}H\x1b[1m{NAME}\x1b[0;2m {WORDS}\x1b[0m\x1b[H".encode())
        _shown = True


def take_over() -> None:
    """Textual has the alternate screen now, and will leave it."""
    global _shown
    _shown = False


def clear() -> None:
    """Leave the alternate screen if nobody took it over."""
    global _shown
    if _shown:
        _shown = False
        with suppress(OSError):
            os.write(1, _LEAVE.encode())
