"""Tools in the commands: what is called is said on stderr; what has to be allowed is asked on the terminal, and denied without one."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, Protocol

from vita_tui.cli.output import complain, plain, say

if TYPE_CHECKING:
    from vita_tui.events import Event, ToolAsked, ToolFinished

__all__ = ["ToolsInWords", "can_ask"]

ANSWERS: dict[str, Literal["yes", "no", "always"]] = {
    "y": "yes",
    "yes": "yes",
    "a": "always",
    "always": "always",
}
"""What is typed for what; anything else is no."""


class Asker(Protocol):
    def allow_tool(self, call: str, decision: Literal["yes", "no", "always", "looking"]) -> bool: ...


def can_ask() -> bool:
    """Whether somebody reads stderr and can type an answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()


class ToolsInWords:
    """A subscriber of the bus, on the loop."""

    def __init__(self, assistant: Asker, answered: Callable[[str], None] | None = None) -> None:
        """
        Args:
            answered: takes the id of a call that is asked about: whoever reads the lines that are typed gives the answer to `decide`.
                None: they are read here.
        """
        self._assistant = assistant
        self._answered = answered

    def listen(self, event: Event) -> None:
        """Take one event of the conversation."""
        from vita_tui.events import ToolAsked, ToolFinished

        match event:
            case ToolAsked():
                self._ask(event)
            case ToolFinished():
                _tell(event)
            case _:
                pass

    def _ask(self, event: ToolAsked) -> None:
        whose = "" if event.source == "VITA" else f" of {event.source}"
        say(plain(f"May {event.tool}{whose} be called?"))
        for line in (event.arguments or "without arguments").split("\n"):
            say(plain(f"  {line}"))
        say("y yes, n no, a always:")
        if self._answered is not None:
            self._answered(event.call)
            return
        loop = asyncio.get_running_loop()
        # Not in a thread that the end of the program would wait for.
        threading.Thread(target=self._read, args=(loop, event.call), name="consent", daemon=True).start()

    def _read(self, loop: asyncio.AbstractEventLoop, call: str) -> None:
        try:
            typed = sys.stdin.readline()
        except (OSError, ValueError):
            typed = ""
        if not loop.is_closed():
            loop.call_soon_threadsafe(self.decide, call, typed)

    def decide(self, call: str, typed: str) -> None:
        """The answer to what was asked about `call`, as it was typed."""
        self._assistant.allow_tool(call, ANSWERS.get(typed.strip().lower(), "no"))


def _tell(event: ToolFinished) -> None:
    whose = "" if event.source in ("", "VITA") else f"{event.source}: "
    what = plain(f"{whose}{event.tool}")
    match event.outcome:
        case "denied" if not can_ask():
            complain(f"{what} was not called: it has to be allowed, and there is no terminal to ask on.")
        case "denied":
            say(f"{what} was not called.")
        case "failed":
            complain(plain(f"{what} failed: {event.summary}"))
        case _:
            say(f"{what}, {event.seconds:.1f} s")
