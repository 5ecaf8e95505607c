"""What native libraries print while the screen is in use: line by line into the log, which counts what repeats.

ALSA, JACK and others write to standard output and error whenever they like. Both lead into a pipe here, which a thread reads; a
library that prints faster than that loses words instead of waiting. What is still in the pipe when the program crashes is read by
the guard.
"""

from __future__ import annotations

import logging
import os
import select
import threading
from contextlib import suppress

from vita_tui.tui import guard

__all__ = ["NativeOutput"]

log = logging.getLogger("native")

MAX_LINE_BYTES = 4096
"""Bytes without a line end that are taken for a line."""


class NativeOutput:
    """Owns the pipe and the thread `native output`, which begins with `start`: what is printed before waits in the pipe."""

    def __init__(self) -> None:
        self._read, self.descriptor = guard.words or os.pipe()
        """`descriptor` is where standard output and error are to lead."""
        for end in (self._read, self.descriptor):
            os.set_blocking(end, False)
        self._stop_read, self._stop_write = os.pipe()
        self._rest = b""
        self._thread = threading.Thread(target=self._run, name="native output", daemon=True)

    def start(self) -> None:
        """The log is there."""
        if not self._thread.is_alive():
            self._thread.start()

    def cleanup(self) -> None:
        """Log what was printed so far, and stop."""
        os.close(self._stop_write)
        if self._thread.ident is not None:
            self._thread.join(0.2)  # a log that hangs must not keep the program

    def _run(self) -> None:
        stopping = False
        while not stopping:
            ready, _, _ = select.select([self._read, self._stop_read], [], [])
            stopping = self._stop_read in ready
            with suppress(BlockingIOError):
                while data := os.read(self._read, 65536):
                    self._take(data)
        self._take(b"\n" if self._rest else b"")

    def _take(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_LINE_BYTES:
            lines.append(self._rest)
            self._rest = b""
        for line in lines:
            if text := line.decode(errors="replace").strip():
                log.info("%s", text)
