"""The command line read by typer, whose complaints repeat what was typed: they are cleaned like everything else that is printed."""

from __future__ import annotations

import io
from typing import Any, cast

import typer

from vita_tui.cli.output import complain, say_lines
from vita_tui.text.clean import clean_line

__all__ = ["WRONG", "run"]

WRONG = cast("type[Exception]", typer.BadParameter.__mro__[2])
"""What every complaint of typer's is, under whatever name this release has it."""


def run(app: typer.Typer) -> int | None:
    """Run the command that the command line asks for; returns the exit code."""
    try:
        code = app(prog_name="vita", standalone_mode=False)
    except WRONG as error:
        wrong: Any = error
        wrong.message = clean_line(wrong.message)
        shown = io.StringIO()
        wrong.show(file=shown)
        say_lines(shown.getvalue())
        return cast("int", wrong.exit_code)
    except typer.Abort:
        complain("Aborted.")
        return 1
    return code if isinstance(code, int) else None
