"""The terminal is Textual's alone while the screen runs: what native libraries print goes to the log file.

Textual draws on standard error. Here the terminal gets a descriptor of its own, standard output and error of the process are
pointed at the log, and the driver is told. A terminal that goes away is noticed instead of being written to for ever.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import IO, Any

from vita_tui import paths

__all__ = ["TerminalFile", "driver_class", "private_terminal"]


class TerminalFile:
    """Where the driver's writer thread writes; after the first failed write everything is dropped."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self.lost = False
        self.on_lost: Callable[[], None] = lambda: None
        """Called once, in the writing thread."""

    def write(self, text: str) -> int:
        self._try(lambda: self._file.write(text))
        return len(text)

    def flush(self) -> None:
        self._try(self._file.flush)

    def fileno(self) -> int:
        return self._file.fileno()

    def isatty(self) -> bool:
        return True

    def size(self) -> tuple[int, int]:
        """Columns and rows.

        Raises:
            OSError: it is not there any more.
        """
        return tuple(os.get_terminal_size(self._file.fileno()))  # type: ignore[return-value]  # terminal_size is a pair

    def close(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._file.close()

    def _try(self, work: Callable[[], Any]) -> None:
        if self.lost:
            return
        try:
            work()
        except (OSError, ValueError):
            self.lost = True
            self.on_lost()


@contextlib.contextmanager
def private_terminal() -> Iterator[TerminalFile | None]:
    """Keep the terminal for the screen; standard output and error go to the log file as long as the context lasts.

    None where that is not possible (Windows, no terminal, no log file): then all stays as it was.
    """
    stderr_is_terminal = os.isatty(2)
    if os.name != "posix" or not (os.isatty(1) or stderr_is_terminal):
        yield None
        return
    try:
        paths.ensure_private_dir(paths.log_file().parent)
        sink = os.open(paths.log_file(), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError:
        sink = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    # What the user redirected already stays where it was sent.
    redirected = [fd for fd in (1, 2) if os.isatty(fd)]
    saved = {fd: os.dup(fd) for fd in redirected}
    terminal = TerminalFile(os.fdopen(os.dup(redirected[0]), "w", encoding="utf-8", errors="replace"))
    for fd in redirected:
        os.dup2(sink, fd)
    os.close(sink)
    try:
        yield terminal
    finally:
        for fd, original in saved.items():
            os.dup2(original, fd)
            os.close(original)
        terminal.close()


def driver_class(terminal: TerminalFile, on_lost: Callable[[], None]) -> type[Any]:
    """A driver for Linux and macOS that draws on `terminal`; `on_lost` is called, in any thread, when the terminal is gone."""
    import selectors
    from codecs import getincrementaldecoder

    from textual._xterm_parser import XTermParser
    from textual.drivers.linux_driver import LinuxDriver

    class VitaDriver(LinuxDriver):
        def __init__(self, *arguments: Any, **keywords: Any) -> None:
            super().__init__(*arguments, **keywords)
            self._file = terminal  # type: ignore[assignment]  # it is written to, flushed and asked for its fileno
            terminal.on_lost = on_lost

        def _get_terminal_size(self) -> tuple[int, int]:
            # Textual asks standard output, which is the log file now.
            try:
                columns, rows = terminal.size()
            except OSError:
                columns, rows = 0, 0
            return columns or 80, rows or 25

        def run_input_thread(self) -> None:
            """As Textual's, but the end of the input is the end of the terminal and not a reason to spin."""
            parser = XTermParser(self._debug)
            decode = getincrementaldecoder("utf-8")(errors="replace").decode
            with selectors.DefaultSelector() as selector:
                try:
                    selector.register(self.fileno, selectors.EVENT_READ)
                except (OSError, ValueError):
                    on_lost()
                    return
                while not self.exit_event.is_set():
                    if selector.select(0.1):
                        try:
                            data = os.read(self.fileno, 4096)
                        except OSError:
                            data = b""
                        if not data:
                            on_lost()
                            return
                        for message in parser.feed(decode(data)):
                            self.process_message(message)
                    for message in parser.tick():
                        self.process_message(message)

    return VitaDriver
