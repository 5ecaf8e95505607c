"""The VITA that runs already, for commands that drive it or borrow its engines."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vita_tui.health.control import Program

__all__ = ["have", "running"]


def running(process: int | None = None, *, serves: bool = False) -> Program | None:
    """The VITA that was started last, or the one of that process; None when there is none.

    Args:
        serves: a server for other programs (`vita serve`), and not a conversation.
    """
    from vita_tui.health.control import programs

    found = [
        program
        for program in programs()
        if program.serves is serves and (process is None or program.pid == process)
    ]
    return max(found, key=lambda program: program.created, default=None)


def have(
    program: Program, word: str, argument: Any = None, on_event: Callable[[Any], None] = lambda _: None
) -> Any:
    """Have `program` carry out a request, and return its answer; ctrl+c ends it there, too.

    Raises:
        VitaError: as it was raised there, or the program does not answer.
    """
    from vita_tui.cli.output import run_async
    from vita_tui.health.control_calls import call

    return run_async(call(program, word, argument, on_event=on_event))
