"""How commands speak: data to stdout, talk to stderr, and what others wrote never as escape codes.

Everything that a command prints goes through here: `echo`, `write` and `print_json` for data, `say` and `complain` for talk, `table`
for tables. They clean what they are given, so that no command has to think of it.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from vita_tui.cli import streams
from vita_tui.text.clean import CONTROLS, clean, clean_line, whole

if TYPE_CHECKING:
    from rich.table import Table

__all__ = [
    "complain",
    "echo",
    "erase",
    "exit_with",
    "live",
    "mark",
    "moves",
    "plain",
    "print_json",
    "print_json_line",
    "quiet_libraries",
    "run_async",
    "say",
    "say_lines",
    "styled",
    "table",
    "write",
]

T = TypeVar("T")

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NOT_ASCII = re.compile("[\x7f-\U0010ffff]")
_COLOURS = {"red": 31, "green": 32, "yellow": 33, "bold": 1}

plain = clean


def styled(stream: Any = None) -> bool:
    """Whether `stream`, by default stderr, may be coloured."""
    return moves(stream) and not os.environ.get("NO_COLOR")


def moves(stream: Any = None) -> bool:
    """Whether `stream`, by default stderr, is a terminal that knows escape codes, to move in or to draw with."""
    return (stream or sys.stderr).isatty() and not streams.dumb()


class Marked(str):
    """Text in a colour, made by `mark` alone: its escape sequences are VITA's own."""

    __slots__ = ()


def mark(text: str, colour: str, stream: Any = None) -> str:
    """`text` in "red", "green", "yellow" or "bold" where `stream`, by default stdout, may be coloured: a part for `echo`."""
    text = clean(text)
    return Marked(f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m") if styled(stream or sys.stdout) else text


def complain(message: str, remedy: str = "") -> None:
    """Say what went wrong and what to do, on stderr, each on one line."""
    _tell(f"{mark('vita:', 'red', sys.stderr)} {clean_line(message)}\n")
    if remedy:
        _tell(f"  → {clean_line(remedy)}\n")


def say(message: str) -> None:
    """One line of talk on stderr."""
    _tell(f"{clean_line(message)}\n")


def say_lines(text: str) -> None:
    """Talk of several lines on stderr, as it is laid out."""
    _tell(clean(text))


def _tell(line: str) -> None:
    with contextlib.suppress(OSError, ValueError):  # nobody listens: what was said is lost, the work is not
        sys.stderr.write(line)
        sys.stderr.flush()


def echo(*parts: object) -> None:
    """Data on stdout, at once: a line, or several, put together from `parts`, which are cleaned but for those that `mark` has made."""
    write(*parts, "\n")


def write(*parts: object) -> None:
    """As `echo`, without a line end.

    Raises:
        ReaderGoneError: nobody reads it any more.
        OutputClosedError: stdout was closed before the program began.
    """
    _put("".join(part if isinstance(part, Marked) else clean(str(part)) for part in parts))


def live(text: str) -> None:
    """Show `text` on the last line of the terminal that stderr is, in place of what was shown there before; its end, where it is too long."""
    if not moves():
        return
    import shutil

    from rich.cells import cell_len

    text = clean_line(text)
    room = shutil.get_terminal_size().columns - 1
    while cell_len(text) > room:
        text = text[max(1, (cell_len(text) - room) // 2) :]
    _tell(f"\r{text}\x1b[K")


def erase(rows: int) -> None:
    """Take the last `rows` rows from the terminal; the cursor is at the end of the last one."""
    _put(f"\r\x1b[{rows - 1}A\x1b[J" if rows > 1 else "\r\x1b[J")


def print_json(data: object) -> None:
    """One JSON document on stdout, always UTF-8: control characters and bidirectional marks are escaped, halves of characters replaced."""
    _put_json(data, indent=2)


def print_json_line(data: object) -> None:
    """The same on one line, for a stream of documents."""
    _put_json(data, indent=None)


def _put_json(data: object, indent: int | None) -> None:
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    text = whole(json.dumps(data, ensure_ascii=False, indent=indent))
    unsafe = CONTROLS if utf8 else _NOT_ASCII
    _put(unsafe.sub(_escaped, text) + "\n")


def _escaped(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1] if found[0] > "\x7f" else r"\u007f"


def _put(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        streams.broken()
        raise streams.ReaderGoneError from None


def table(rows: Table) -> None:
    """A table of Rich's on stdout; what others wrote in its cells is the caller's to `clean_line`."""
    from rich.console import Console

    console = Console(highlight=False, file=sys.stdout)
    with console.capture() as captured:
        console.print(rows)
    _put(captured.get())


def exit_with(work: Callable[[], int | None]) -> NoReturn:
    """Do `work` and exit with its code; an error becomes a sentence on stderr and an exit code."""
    from vita_tui.errors import VitaError

    code: Any = None
    try:
        try:
            code = work()
        except SystemExit as leaving:  # as typer ends a command
            code = leaving.code
        sys.stdout.flush()
    except VitaError as error:
        complain(error.message, error.remedy)
        code = error.exit_code
    except KeyboardInterrupt:
        code = 130
    except streams.OutputClosedError as error:
        complain(str(error))
        code = 1
    except (streams.ReaderGoneError, BrokenPipeError):
        code = streams.BROKEN_PIPE
    except OSError as error:
        if error.errno not in _FULL:
            raise
        streams.abandon()
        complain(f"The output cannot be written: {error.strerror}.")
        code = code or 1
    streams.finish()
    if streams.reader_gone() or code == streams.BROKEN_PIPE:
        streams.abandon()
        code = streams.BROKEN_PIPE
    sys.exit(code)


@contextlib.contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keep warnings of libraries out of the way of a command's own words, and what native ones print to descriptor 2."""
    import logging
    import warnings

    logging.lastResort = logging.NullHandler()  # None would be complained about on stderr
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with _own_stderr():
            yield


@contextlib.contextmanager
def _own_stderr() -> Iterator[None]:
    """ALSA, JACK and others write to descriptor 2 whenever they like: it leads nowhere, and Python's stderr to where it led."""
    try:
        shared = sys.stderr is not None and sys.stderr.fileno() == 2
        saved = os.dup(2)
    except (OSError, ValueError):  # there is none, or it is a test's
        yield
        return
    before = sys.stderr
    if shared:
        before.flush()
        sys.stderr = os.fdopen(
            os.dup(2), "w", encoding=before.encoding, errors=before.errors, buffering=1, newline=None
        )
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        if shared:
            with contextlib.suppress(OSError, ValueError):
                sys.stderr.close()
            sys.stderr = before


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` to its end; SIGINT, SIGTERM and a reader that has gone away cancel it, so that it can clean up.

    Raises:
        KeyboardInterrupt: it was cancelled by a signal.
        ReaderGoneError: nobody reads the output any more.
    """
    try:
        import asyncio

        return asyncio.run(_guarded(work))
    finally:
        work.close()  # for the case that it never began


async def _guarded(work: Coroutine[Any, Any, T]) -> T:
    import asyncio

    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    with contextlib.suppress(NotImplementedError):  # Windows
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
        loop.add_signal_handler(signal.SIGINT, task.cancel)
    with streams.when_reader_goes(lambda: loop.call_soon_threadsafe(task.cancel)):
        try:
            return await task
        except asyncio.CancelledError:
            if streams.reader_gone():
                raise streams.ReaderGoneError from None
            raise KeyboardInterrupt from None
