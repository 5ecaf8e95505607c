"""The tasks of one owner on its asyncio loop, and what other threads have done there."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from vita_tui.errors import EngineError, VitaError
from vita_tui.events import Notice

__all__ = ["Tasks", "notice_of"]

log = logging.getLogger(__name__)

T = TypeVar("T")


def notice_of(error: BaseException) -> Notice:
    """What users are told of an error that nobody had a better answer to."""
    if isinstance(error, VitaError):
        return Notice("That did not work", error.message, error.remedy, "error")
    return Notice("That did not work", str(error) or type(error).__name__, "See the log: ctrl+l", "error")


class Tasks:
    """Keeps tasks from being collected while they run, tells of their errors, and cancels them in the end.

    `spawn`, `cancel` and `aclose` are for the loop, `post` and `wait_for` for any other thread.
    """

    def __init__(self, owner: str, on_error: Callable[[BaseException], None]) -> None:
        """
        Args:
            owner: as the registry of what is open names it.
            on_error: called on the loop with what a task raised, which is in the log already.
        """
        self._owner = owner
        self._on_error = on_error
        self._tasks: set[asyncio.Task[Any]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def begin(self) -> None:
        """The running loop is the one; before that, what is posted is lost."""
        self._loop = asyncio.get_running_loop()

    def spawn(self, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        """Run `work` beside the rest."""
        from vita_tui.health.registry import register_task  # not before the first paint

        task = asyncio.create_task(work, name=name)
        register_task(task, owner=self._owner)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def post(self, function: Callable[..., None], *arguments: object) -> None:
        """Call `function` on the loop."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be told
                self._loop.call_soon_threadsafe(function, *arguments)

    def wait_for(self, work: Coroutine[Any, Any, None], seconds: float) -> None:
        """Do `work` on the loop and wait until it is done; nothing where there is no loop.

        Raises:
            EngineError: it did not end in time.
        """
        if self._loop is None or self._loop.is_closed():
            work.close()
            return
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            future.result(seconds)
        except TimeoutError:
            future.cancel()
            raise EngineError(f"It did not end within {seconds:.0f} s.") from None

    def cancel(self) -> None:
        """Cancel all but the one that asks for it."""
        for task in self._tasks - {asyncio.current_task()}:
            task.cancel()

    async def aclose(self) -> None:
        """Cancel all, and wait until they are over."""
        self.cancel()
        await asyncio.gather(*self._tasks - {asyncio.current_task()}, return_exceptions=True)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("task %s failed", task.get_name(), exc_info=error)
            self._on_error(error)
