"""Standard input, output and error as they may be: closed, in any encoding, or read by somebody who goes away.

`prepare` makes them safe to use once, as the program starts. A command that works for what it prints calls `need_output`: when the
reader of a pipe has gone away, the work ends within a second or two, whatever it is.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterator
from typing import BinaryIO

__all__ = [
    "BROKEN_PIPE",
    "OutputClosedError",
    "ReaderGoneError",
    "abandon",
    "binary_input",
    "binary_output",
    "broken",
    "dumb",
    "finish",
    "input_closed",
    "need_output",
    "prepare",
    "reader_gone",
    "when_reader_goes",
]

BROKEN_PIPE = 141
"""Exit code when standard output has no reader any more, as shells count it: 128 + SIGPIPE."""
FINISH_SECONDS = 1.5
"""Seconds that the work gets to end in good order once the reader has gone."""
RETELL_SECONDS = 0.3
"""Seconds after which the main thread is told again: what was running may have caught it."""

_DUMB = {"dumb", "unknown"}
"""What TERM says of terminals without escape codes."""
_SUBSTITUTES = {
    "→": "->", "←": "<-", "↑": "^", "↓": "v", "✓": "+", "✗": "x", "…": "...", "–": "-", "—": "-", "−": "-", "·": "-", "•": "*",
    "“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "«": '"', "»": '"', "×": "x", "ß": "ss", "€": "EUR",
}  # fmt: skip


class ReaderGoneError(BaseException):
    """Nobody reads standard output any more; like `KeyboardInterrupt` it is no failure of what was running."""


class OutputClosedError(Exception):
    """Standard output was closed before the program began."""


class _Closed(io.TextIOBase):
    """Stands for a standard output that is closed: whoever has data for it is told."""

    encoding = "utf-8"

    def writable(self) -> bool:
        return True

    def write(self, _text: str) -> int:
        raise OutputClosedError("Standard output is closed: there is nowhere to print to.")


class _ReaderState:
    """What is known of the reader of standard output."""

    gone = False
    started = False
    input_closed = False
    finished = False
    told: tuple[Callable[[], object], ...] = ()


_watch = _ReaderState()


def prepare() -> None:
    """Make sure that there is something to read from and to write to, and that every character can be written in some way."""
    for descriptor in (0, 1, 2):
        # Otherwise the next file that is opened, such as the database, would be what libraries print into.
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stdin is None:
        _watch.input_closed = True
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115, PTH123  # for as long as the program runs
    if sys.stdout is None:
        sys.stdout = _Closed()
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
    codecs.register_error("vita.substitute", _substitute)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="vita.substitute")


def _substitute(error: UnicodeError) -> tuple[str, int]:
    """Something that can be encoded for what cannot: a letter without its accent, a sign like it, or a question mark."""
    import unicodedata

    assert isinstance(error, UnicodeEncodeError)
    instead = ""
    for char in error.object[error.start : error.end]:
        base = unicodedata.normalize("NFKD", char).encode("ascii", "ignore").decode()
        instead += _SUBSTITUTES.get(char) or base or ("" if unicodedata.combining(char) else "?")
    return instead, error.end


def dumb() -> bool:
    """Whether the terminal knows no escape codes, or is to get none (`vita --plain`)."""
    return os.environ.get("TERM", "") in _DUMB


def binary_input() -> BinaryIO:
    """Standard input as bytes.

    Raises:
        AudioFileError: it is closed.
    """
    if _watch.input_closed:
        from vita_tui.errors import AudioFileError

        raise AudioFileError("Standard input is closed: there is nothing to read.")
    return sys.stdin.buffer


def input_closed() -> bool:
    """Whether standard input was closed before the program began."""
    return _watch.input_closed


def binary_output() -> BinaryIO:
    """Standard output as bytes.

    Raises:
        OutputClosedError: it is closed.
    """
    if isinstance(sys.stdout, _Closed):
        sys.stdout.write("")
    return sys.stdout.buffer


def need_output() -> None:
    """What follows is done for standard output: end it when nobody reads that any more.

    Raises:
        OutputClosedError: it is closed already.
    """
    if isinstance(sys.stdout, _Closed):
        sys.stdout.write("")
    if _watch.started or os.name != "posix":
        return
    import signal
    import threading

    if threading.current_thread() is not threading.main_thread():
        return
    _watch.started = True
    signal.signal(signal.SIGPIPE, _interrupt)
    threading.Thread(target=_watch_reader, name="stdout reader", daemon=True).start()


def reader_gone() -> bool:
    """Whether the reader of standard output is known to have gone away."""
    return _watch.gone


def broken() -> None:
    """Writing has shown that nobody reads any more."""
    if not _watch.gone:
        _watch.gone = True
        for tell in _watch.told:
            tell()


@contextlib.contextmanager
def when_reader_goes(tell: Callable[[], object]) -> Iterator[None]:
    """Have `tell` called, from any thread, if the reader goes away meanwhile, in place of an exception in the main thread."""
    _watch.told = (*_watch.told, tell)
    try:
        if _watch.gone:
            tell()
        yield
    finally:
        _watch.told = tuple(one for one in _watch.told if one is not tell)


def finish() -> None:
    """The work is done, well or not: nothing more is interrupted."""
    _watch.finished = True


def abandon() -> None:
    """Let what is still to be written to standard output go nowhere: Python would complain of it at exit."""
    with contextlib.suppress(OSError, ValueError, OutputClosedError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _interrupt(_signal: int, _frame: object) -> None:
    # Other pipes and sockets send this signal too: those errors are told by what writes to them.
    if _watch.gone and not _watch.told and not _watch.finished:
        raise ReaderGoneError


def _watch_reader() -> None:
    """The thread `stdout reader`: waits until the reader goes away, then ends the work."""
    import select
    import signal
    import threading
    import time

    try:
        watch = select.poll()
        watch.register(sys.stdout.fileno(), 0)  # only errors and the other end's closing
        while not watch.poll():
            pass
    except (OSError, ValueError):  # it is no file of the system's, such as in a test
        return
    broken()
    end = time.monotonic() + FINISH_SECONDS
    main = threading.main_thread()
    while time.monotonic() < end:
        if main.ident is not None:
            signal.pthread_kill(main.ident, signal.SIGPIPE)
        main.join(RETELL_SECONDS)
    os._exit(BROKEN_PIPE)
