"""`python -m vita_tui` and the `vita` command."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys

__all__ = ["main"]

_code: int | None = None
"""With which the process ends; None when that is for Python to say."""


def main() -> None:
    """Open the assistant, or run the command that is asked for, and exit with its code."""
    from vita_tui.cli import streams

    streams.prepare()
    # Registered before all others, so that it runs after them.
    atexit.register(_end)
    _leave_no_core()
    try:
        _run()
    except SystemExit as leaving:
        global _code
        if leaving.code is None or isinstance(leaving.code, int):
            _code = leaving.code or 0
        raise


def _leave_no_core() -> None:
    """What a crash leaves of the memory would hold keys and conversations, for whoever may read it."""
    if os.name == "posix":
        import resource

        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _end() -> None:
    """Leave the memory of engines and modules to the system, which takes it at once; Python needs half a second to free it."""
    import logging

    logging.shutdown()
    if _code is not None:
        try:
            for stream in (sys.stdout, sys.stderr):
                if stream is not None:  # it was closed before the program began
                    stream.flush()
        except (OSError, ValueError):
            return  # Python says what is to be said of it
        os._exit(_code)


def _run() -> None:
    from vita_tui.cli import streams

    opens = len(sys.argv) == 1 and os.isatty(0) and os.isatty(1) and not streams.dumb()
    if opens:
        from vita_tui.tui import guard

        guard.stand_guard()
    from vita_tui.cli.output import exit_with

    if opens:
        # The usual case, and the one in which somebody waits for the first paint: no command line to read.
        from vita_tui.tui import run

        exit_with(run)
    from vita_tui.cli import usage
    from vita_tui.cli.app import app

    exit_with(lambda: usage.run(app))


if __name__ == "__main__":
    main()
