"""Lines from standard input, one after the other, while something else goes on."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable

__all__ = ["LONGEST_LINE", "TypedLines"]

LONGEST_LINE = 1_000_000
"""Bytes; what follows on a longer line is left out."""


class TypedLines:
    """Reads in a thread of its own, which ends with the input or with the program."""

    def __init__(self, take: Callable[[str | None], None]) -> None:
        """
        Args:
            take: called on the running loop with each line, without its end; None when no more come.
        """
        self._take = take
        self._loop = asyncio.get_running_loop()
        # Not one that the end of the program would wait for.
        threading.Thread(target=self._read, name="typed lines", daemon=True).start()

    def _read(self) -> None:
        line: str | None = ""
        while line is not None:
            line = _next_line()
            if self._loop.is_closed():
                return
            try:
                self._loop.call_soon_threadsafe(self._take, line)
            except RuntimeError:  # it was closed just now
                return


def _next_line() -> str | None:
    """None at the end, or where nothing can be read."""
    try:
        data = part = sys.stdin.buffer.readline(LONGEST_LINE)
        while part and not part.endswith(b"\n"):
            part = sys.stdin.buffer.readline(LONGEST_LINE)
    except (OSError, ValueError):
        return None
    return data.decode("utf-8", "replace").rstrip("\r\n") if data else None
