"""How commands speak: data to stdout, talk to stderr, and what others wrote never as escape codes."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, NoReturn, TypeVar

__all__ = ["complain", "exit_with", "plain", "print_json", "quiet_libraries", "run_async", "say", "styled"]

T = TypeVar("T")

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_UNSAFE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)


def plain(text: str) -> str:
    """`text` without escape sequences and control characters other than newline and tab."""
    return _UNSAFE.sub("", text)


def styled() -> bool:
    """Whether stderr may be coloured."""
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR")


def complain(message: str, remedy: str = "") -> None:
    """Say what went wrong and what to do, on stderr."""
    prefix = "\x1b[31mvita:\x1b[0m " if styled() else "vita: "
    sys.stderr.write(f"{prefix}{plain(message)}\n")
    if remedy:
        sys.stderr.write(f"  → {plain(remedy)}\n")


def say(message: str) -> None:
    """One line of talk on stderr."""
    sys.stderr.write(f"{plain(message)}\n")
    sys.stderr.flush()


def print_json(data: object) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(json.dumps(data, ensure_ascii=False, indent=2) + "\n")


def exit_with(work: Callable[[], int | None]) -> NoReturn:
    """Do `work` and exit with its code; an error becomes a sentence on stderr and an exit code."""
    from vita_tui.errors import VitaError

    code: Any = None
    try:
        try:
            code = work()
        except SystemExit as leaving:  # as typer ends a command
            code = leaving.code
        if sys.stdout is not None:
            sys.stdout.flush()
    except VitaError as error:
        complain(error.message, error.remedy)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of a pipe has seen enough; Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        if error.errno not in _FULL:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        complain(f"The output cannot be written: {error.strerror}.")
        code = code or 1
    sys.exit(code)


@contextlib.contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keep warnings of libraries out of the way of a command's own words."""
    import logging
    import warnings

    logging.lastResort = logging.NullHandler()  # None would be complained about on stderr
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` to its end; SIGINT and SIGTERM cancel it, so that it can clean up.

    Raises:
        KeyboardInterrupt: it was cancelled by a signal.
    """
    import asyncio

    async def guarded() -> T:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        with contextlib.suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(signal.SIGTERM, task.cancel)
            loop.add_signal_handler(signal.SIGINT, task.cancel)
        try:
            return await task
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None

    return asyncio.run(guarded())
