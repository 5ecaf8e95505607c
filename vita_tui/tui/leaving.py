"""How VITA ends: asked to, told to by a signal, or interrupted; within a second, whatever hangs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Iterator
from typing import Any

from textual.app import SuspendNotSupported

from vita_tui.clock import Clock
from vita_tui.errors import VitaError
from vita_tui.events import Notice, State
from vita_tui.tui.base_app import BaseApp
from vita_tui.tui.terminal import TerminalFile

__all__ = ["ENDING", "Leaving"]

log = logging.getLogger(__name__)

ENDING = ("SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT")
"""Signals upon which the program leaves, where the system has them."""
GONE = 0.9
"""Seconds from the wish to leave to the end of the process, whatever hangs."""
CLOSING = 0.65
"""Of them, for the assistant to close itself in good order."""
CLOSING_EARLY = 0.3
"""The same while it is still starting: nothing was said that would have to be kept, and what loads in native code cannot be stopped."""
TWICE = 2.0
"""Seconds within which the second ctrl+c leaves."""


class Leaving(BaseApp):
    """The part of `VitaApp` that closes the assistant and gives the terminal back."""

    def __init__(self, clock: Clock, *, panel: bool, terminal: TerminalFile | None = None) -> None:
        self._terminal = terminal  # Textual asks for the driver at once
        super().__init__(clock, panel=panel)
        self._interrupted = float("-inf")
        """Monotonic seconds of the last ctrl+c."""
        self._painted = False
        self._early = 0
        """The exit code of who left before the first paint."""
        self._left_early = False
        """It was still starting: of what loads in native code, nothing can be stopped."""
        self._unsubscribe: Callable[[], None] = lambda: None

    def action_help_quit(self) -> None:
        """ctrl+c with nothing selected: twice it leaves."""
        now = self._clock.monotonic()
        if now - self._interrupted < TWICE:
            self.spawn(self.action_quit(), "quit")
            return
        self._interrupted = now
        self.notify("Once more leaves VITA.", title="ctrl+c", timeout=TWICE, markup=False)

    def action_suspend_process(self) -> None:
        """Only where somebody can bring VITA back."""
        from vita_tui.tui.job_control import is_job

        if is_job():
            super().action_suspend_process()
            return
        self.main.show_notice(
            Notice(
                "Not suspended",
                "VITA was not started by a shell that could bring it back.",
                "ctrl+q quits it",
            )
        )

    @contextlib.contextmanager
    def lent_terminal(self) -> Iterator[int | None]:
        """Another program has the terminal, of which this is the descriptor (None: standard output); nothing is drawn meanwhile.

        Raises:
            VitaError: the terminal cannot be lent.
        """
        failed: BaseException | None = None
        try:
            with self.batch_update(), self.suspend():
                try:
                    yield self._terminal.fileno() if self._terminal is not None else None
                except (
                    VitaError,
                    OSError,
                    asyncio.CancelledError,
                ) as error:  # Textual would not take it back
                    failed = error
        except SuspendNotSupported:
            raise VitaError("The terminal cannot be left to another program here.") from None
        if failed is not None:
            raise failed

    async def action_quit(self) -> None:
        await self._leave(0)

    async def _leave(self, code: int) -> None:
        """Close the assistant and go."""
        if self.quitting:
            return
        self.quitting = True
        self._in_time(code)
        if not self._painted:  # Textual takes no end in the middle of its beginning
            self._early = code
            return
        self.main.leave_window()
        self.workers.cancel_all()
        await self._close(code)
        self.exit(code, return_code=code)

    async def run_async(self, *arguments: Any, **keywords: Any) -> int | None:
        """As Textual's; the assistant is closed also when the screen has crashed."""
        self._own_loop = asyncio.get_running_loop()
        try:
            return await super().run_async(*arguments, **keywords)
        finally:
            if not self.quitting:
                self._in_time(self.return_code or 0)
                await self._close(self.return_code or 0)

    def _in_time(self, code: int) -> None:
        """From now on the process is gone within a second, whatever hangs."""
        self._left_early = self.core is None or self.core.state is State.INITIALIZING
        if not self.is_headless:
            from vita_tui.health.ending import end_within
            from vita_tui.tui import guard

            gone = GONE - CLOSING + CLOSING_EARLY if self._left_early else GONE
            end_within(gone, code, last=self._give_back, expected=self._left_early)
            guard.leaving()

    def _give_back(self) -> None:
        """The terminal, of which Textual may not get the chance to let go."""
        if self._terminal is not None:
            from vita_tui.tui import guard

            guard.restore(
                self._terminal.fileno(), getattr(getattr(self, "_driver", None), "attrs_before", None)
            )

    async def _close(self, code: int) -> None:
        self._unsubscribe()
        if self.core is not None:
            try:
                await asyncio.wait_for(self.core.aclose(), CLOSING_EARLY if self._left_early else CLOSING)
            except TimeoutError:
                if not self._left_early:
                    log.error("the assistant did not close within %.1f s", CLOSING)
                if not self.is_headless:
                    # Its threads may still run: Python would take native libraries apart under their feet.
                    from vita_tui.health.ending import end_now

                    end_now(code, last=self._give_back, expected=self._left_early)
            except Exception:
                log.exception("closing the assistant failed")
        self._tasks.cancel()

    def _signalled(self, number: int) -> None:
        # SIGINT is the user at another terminal; after the others nobody is left to read an exit code.
        self.spawn(self._leave(130 if number == signal.SIGINT else 0), "quit")
