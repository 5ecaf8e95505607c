"""`python -m vita_tui` and the `vita` command."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Open the assistant, or run the command that is asked for, and exit with its code."""
    from vita_tui.cli.output import exit_with

    if len(sys.argv) == 1 and sys.stdin.isatty() and sys.stdout.isatty():
        # The usual case, and the one in which somebody waits for the first paint: no command line to read.
        from vita_tui.tui import run

        exit_with(run)
    from vita_tui.cli.app import app

    exit_with(lambda: app(prog_name="vita"))


if __name__ == "__main__":
    main()
