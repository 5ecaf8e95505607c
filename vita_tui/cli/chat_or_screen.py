"""How the conversation is held: on the screen, or line by line where there is none."""

from __future__ import annotations

import sys

from vita_tui.cli.streams import dumb

__all__ = ["converse", "screen_possible"]


def screen_possible() -> bool:
    """Whether there is a terminal that the screen can be drawn on."""
    return sys.stdin.isatty() and sys.stdout.isatty() and not dumb()


def converse(
    resume: str | None = None,
    *,
    silent: bool = False,
    lines: bool = False,
    question: str = "",
) -> int:
    """Talk until the user leaves; returns the exit code.

    Args:
        resume: id of the conversation to go on with; "latest" for the last one.
        silent: replies are shown and not spoken.
        lines: line by line, also where there is a screen.
        question: is asked first.

    Raises:
        VitaError: it could not be begun.
    """
    overrides = {"audio": {"speak": False}} if silent else {}
    if screen_possible() and not lines:
        from vita_tui.tui import run

        return run(resume=resume, overrides=overrides, question=question)
    from vita_tui.cli.chat import chat

    return chat(resume, overrides, question)
