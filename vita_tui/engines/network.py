"""The loop on which recognizers talk with servers: one thread for all of them, started by the first and ended by the last.

Recognizers are called by threads and wait there. What they wait for runs on this loop, so that it can be cancelled at any moment, and a
connection is closed in the middle of a request.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import CancelledError, Future, wait
from typing import Any, TypeVar

from vita_tui.clock import time_limit
from vita_tui.engines.stt.base import Stop
from vita_tui.health.threads import RegisteredThread

__all__ = ["NETWORK", "NetworkLoop"]

T = TypeVar("T")

CANCEL_POLL_SECONDS = 0.02
"""How soon an event that tells nobody is seen to be set."""


class NetworkLoop:
    """Every method may be called from any thread but its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: RegisteredThread | None = None

    def hold(self) -> None:
        """Somebody uses the loop, until `release`."""
        with self._lock:
            self._users += 1
            if self._loop is not None:
                return
            loop = self._loop = asyncio.new_event_loop()
            self._thread = RegisteredThread(
                _serve, loop, name="network", owner="engines.network", close=self.stop
            )
            self._thread.start()

    def release(self) -> None:
        """One user less; the thread ends with the last."""
        with self._lock:
            self._users = max(0, self._users - 1)
            if self._users:
                return
        self.stop()

    def stop(self) -> None:
        """Cancel what runs and end the thread; may be called twice."""
        with self._lock:
            loop, self._loop = self._loop, None
            thread, self._thread = self._thread, None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.finish(1.0)

    def run(
        self, work: Coroutine[Any, Any, T], *, seconds: float, cancelled: threading.Event | None = None
    ) -> T:
        """What `work` returns or raises.

        Raises:
            TimeoutError: it took longer than `seconds` of running time.
            CancelledError: `cancelled` was set, or the loop has ended.
        """
        with self._lock:
            loop = self._loop
            if loop is None:
                work.close()
                raise CancelledError
            future = asyncio.run_coroutine_threadsafe(_in_time(work, seconds), loop)
        if isinstance(cancelled, Stop):
            with cancelled.telling(lambda: _cancel(future)):
                return future.result()
        while cancelled is not None and not future.done():
            wait([future], CANCEL_POLL_SECONDS)
            if cancelled.is_set():
                future.cancel()
        return future.result()


def _cancel(future: Future[Any]) -> None:
    future.cancel()


async def _in_time(work: Coroutine[Any, Any, T], seconds: float) -> T:
    async with time_limit(seconds):
        return await work


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        asyncio.set_event_loop(None)
        loop.close()


NETWORK = NetworkLoop()
"""The one of this process."""
