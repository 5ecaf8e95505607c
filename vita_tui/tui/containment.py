"""An exception while something is shown costs that one thing, never the program.

Textual ends the app at the first exception in a handler, a timer, a worker, a layout or a `compose`, and with it speech, the model and
the conversation. All of these reach one method of the app or one of the message pump; both lead here. What went wrong is logged
once for each place in the source, counted, and told in one quiet line.
"""

from __future__ import annotations

import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from textual.css.query import NoMatches
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.widget import MountError, Widget
from textual.worker import WorkerFailed

__all__ = ["Mishaps", "contain_messages"]

log = logging.getLogger(__name__)

PASSING_ON = frozenset(
    {"vita_tui.tui.containment.dispatch", "vita_tui.tui.app.on_event", "vita_tui.tui.input_order.press"}
)
"""Functions that only hand an event or a key to Textual."""
TOLD = frozenset({1, 10, 100, 1_000, 10_000})
"""How many times the same must have happened to be logged and told again: what fails at every refresh must not fill the log."""


class Mishaps:
    """What went wrong on the screen in this run."""

    def __init__(self, tell: Callable[[str, int], None]) -> None:
        """
        Args:
            tell: called with the kind of the error and how many there were in all; what it raises is logged only.
        """
        self._tell = tell
        self._telling = False
        self._places: Counter[str] = Counter()

    @property
    def total(self) -> int:
        return self._places.total()

    @contextlib.contextmanager
    def contained(self, what: str) -> Iterator[None]:
        """Let the body cost no more than itself."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - the top of what is shown: `note` logs it
            self.note(error, what)

    def note(self, error: BaseException, what: str = "the screen") -> None:
        """Log, count and tell."""
        if isinstance(error, WorkerFailed):
            error = error.error
        place = _place(error)
        if isinstance(error, NoMatches | MountError) and _of_what_is_gone(error):
            log.info("%s: %s, after it had left the screen", what, place)
            return
        self._places[place] += 1
        if self._places[place] not in TOLD:
            return
        level = logging.WARNING if _of_textual_itself(error) else logging.ERROR
        times = self._places[place]
        log.log(level, "%s: %s at %s (%d times)", what, type(error).__name__, place, times, exc_info=error)
        if self._telling:
            return
        self._telling = True
        try:
            self._tell(type(error).__name__, self.total)
        except Exception:
            log.exception("it could not be told either")
        finally:
            self._telling = False


def _of_what_is_gone(error: BaseException) -> bool:
    """Whether it was raised in a screen or widget that was closed meanwhile: what it looks for has gone with it, and nobody misses it."""
    traceback = error.__traceback__
    while traceback is not None:
        node = traceback.tb_frame.f_locals.get("self")
        if isinstance(node, Screen) and node not in node.app.screen_stack:
            return True
        if isinstance(node, Widget) and not node.is_attached:
            return True
        traceback = traceback.tb_next
    return False


def _of_textual_itself(error: BaseException) -> bool:
    """Whether Textual raised it in an action of its own, on which VITA's code had no part but to pass on the key."""
    traceback, ours = error.__traceback__, ""
    while traceback is not None:
        module = str(traceback.tb_frame.f_globals.get("__name__", ""))
        if module.startswith("vita_tui."):
            ours = f"{module}.{traceback.tb_frame.f_code.co_name}"
        elif traceback.tb_next is None:
            return module.startswith("textual.") and ours in PASSING_ON
        traceback = traceback.tb_next
    return False


def _place(error: BaseException) -> str:
    """Kind, file and line of where it was raised."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return type(error).__name__
    return f"{type(error).__name__} {Path(traceback.tb_frame.f_code.co_filename).name}:{traceback.tb_lineno}"


@runtime_checkable
class Containing(Protocol):
    """An app that goes on."""

    def contain(self, error: Exception, what: str) -> bool:
        """Take `error`; False when it is to end the app."""
        ...


def contain_messages() -> None:
    """Let no handler end the pump that it runs in, where the app is `Containing`: one that ended would leave its widget deaf for good.

    Textual has no public place for this. Where its own has another name than today, a failing handler ends the app, as Textual means it.
    """
    original: Any = getattr(MessagePump, "_dispatch_message", None)
    if original is None or hasattr(original, "contains"):
        return

    async def dispatch(pump: MessagePump, message: Any) -> None:
        try:
            await original(pump, message)
        except Exception as error:
            app = pump.app
            what = f"{type(message).__name__} of {type(pump).__name__}"
            if not (isinstance(app, Containing) and app.contain(error, what)):
                raise

    dispatch.contains = True  # type: ignore[attr-defined]  # marks that it is done
    setattr(MessagePump, "_dispatch_message", dispatch)  # noqa: B010 - a private name, by that name or not at all
