"""Turns at an engine that many clients share: one after the other by client, not by request.

A client that asks for a hundred things waits for ninety-nine others of its own; another one that asks for one thing is next.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from vita_tui.server.limits import TooBusyError

__all__ = ["FairTurns"]

WEIGHT = 0.2
"""Of the newest turn in the mean length of turns."""


class FairTurns:
    """On one asyncio loop."""

    def __init__(self, name: str, slots: int, *, per_client: int, waiting: int) -> None:
        """
        Args:
            name: of what is waited for, in words: "Speech recognition".
            slots: turns that may be had at once.
            per_client, waiting: most that may wait, of one client and of all.
        """
        self._name = name
        self._slots = slots
        self._per_client = per_client
        self._most = waiting
        self._taken = 0
        self._queues: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        """Of clients of whom something waits, in the order of their turns."""
        self._mean = 1.0
        """Seconds of a turn."""
        self.refused = 0
        self.done = 0

    @property
    def taken(self) -> int:
        """Turns that are being had."""
        return self._taken

    @property
    def waiting(self) -> int:
        return sum(map(len, self._queues.values()))

    @property
    def idle(self) -> bool:
        """Whether nobody has a turn or waits for one."""
        return not self._taken and not self._queues

    @asynccontextmanager
    async def turn(self, client: str) -> AsyncIterator[None]:
        """Wait for a turn of `client`, and have it.

        Raises:
            TooBusyError: too many wait already.
        """
        await self.take(client)
        began = asyncio.get_running_loop().time()
        try:
            yield
        finally:
            self.give_back(asyncio.get_running_loop().time() - began)

    async def take(self, client: str) -> None:
        """As `turn`, for who calls `give_back` in another place."""
        if self._taken < self._slots and not self._queues:
            self._taken += 1
            return
        queue = self._queues.get(client)
        if (queue is not None and len(queue) >= self._per_client) or self.waiting >= self._most:
            self.refused += 1
            raise TooBusyError(
                f"{self._name} has too much to do.", retry_seconds=self._mean * self.waiting / self._slots
            )
        if queue is None:
            queue = self._queues[client] = deque()
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self._next()
            else:
                self._leave(client, mine)
            raise

    def give_back(self, seconds: float) -> None:
        """A turn is over, which took `seconds`."""
        self._mean += WEIGHT * (seconds - self._mean)
        self.done += 1
        self._next()

    def _next(self) -> None:
        """Give a turn that is free to the next client."""
        while self._queues:
            client, queue = self._queues.popitem(last=False)
            mine = queue.popleft()
            if queue:
                self._queues[client] = queue  # behind all others
            if not mine.done():
                mine.set_result(None)
                return
        self._taken -= 1

    def _leave(self, client: str, mine: asyncio.Future[None]) -> None:
        queue = self._queues.get(client)
        if queue is not None and mine in queue:
            queue.remove(mine)
            if not queue:
                del self._queues[client]
