"""Who is connected: since when, with how many bytes, in which state; and how each is closed.

A connection is what one request of HTTP, one WebSocket or one Wyoming client holds: its task and those that it started, its queues, its
transport. The table holds it weakly: what keeps it is the coroutine that serves it. Closing cancels the tasks, drains the queues and, when
that is not done within a deadline, cuts the transport.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
import weakref
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from vita_tui.health.registry import Entry, registry
from vita_tui.server.limits import Limits, TooBusyError

__all__ = ["Connection", "ConnectionKind", "ConnectionState", "Connections"]

log = logging.getLogger(__name__)

ConnectionKind = Literal["http", "realtime", "wyoming"]
ConnectionState = Literal["receiving", "working", "sending", "idle", "closing"]


class Connection:
    """One client's, on the loop that serves it."""

    def __init__(
        self, number: int, client: str, kind: ConnectionKind, about: str, abort: Callable[[], None] | None
    ) -> None:
        self.id = f"{kind}-{number}"
        self.client = client
        self.kind: ConnectionKind = kind
        self.about = about
        """The route, without what was asked."""
        self.since = time.time()
        """Seconds since 1970."""
        self.bytes_in = 0
        self.bytes_out = 0
        self.receiving = kind == "http"
        """A request has not arrived whole."""
        self.changed = asyncio.get_running_loop().time()
        """Of the loop's seconds, when something last came or went."""
        self._sends: deque[float] = deque()
        """When what is being sent began to be."""
        self._busy = 0
        self._closing = False
        self._abort = abort
        self._main = asyncio.current_task()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._queues: list[asyncio.Queue[Any]] = []
        self._endings: list[Callable[[], Awaitable[None]]] = []
        self.closed = asyncio.Event()
        self.entry: Entry | None = None

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """A task that ends with the connection."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def queue(self, size: int) -> asyncio.Queue[Any]:
        """A queue that is drained when the connection closes."""
        made: asyncio.Queue[Any] = asyncio.Queue(size)
        self._queues.append(made)
        return made

    def at_end(self, work: Callable[[], Awaitable[None]]) -> None:
        """Have `work` done when the connection is over, such as closing a file."""
        self._endings.append(work)

    @property
    def tasks(self) -> int:
        """That it has started and that run."""
        return len(self._tasks)

    @property
    def queued(self) -> int:
        return sum(queue.qsize() for queue in self._queues)

    @property
    def state(self) -> ConnectionState:
        if self._closing:
            return "closing"
        if self._sends:
            return "sending"
        if self._busy:
            return "working"
        return "receiving" if self.receiving else "idle"

    @property
    def stalled_since(self) -> float | None:
        """Of the loop's seconds, since when nothing of what is sent was taken; None when nothing waits."""
        return max(self._sends[0], self.changed) if self._sends else None

    def received(self, size: int) -> None:
        self.bytes_in += size
        if not self._sends:
            self.changed = asyncio.get_running_loop().time()

    @contextmanager
    def sending(self, size: int) -> Iterator[None]:
        """While the body sends `size` bytes."""
        began = asyncio.get_running_loop().time()
        self._sends.append(began)
        try:
            yield
            self.bytes_out += size
            self.changed = asyncio.get_running_loop().time()
        finally:
            self._sends.remove(began)

    @contextmanager
    def busy(self) -> Iterator[None]:
        """While the body does something that is finished before the server ends."""
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1

    def close(self) -> None:
        """Have it end: cancel its tasks. `closed` tells when it has."""
        self._closing = True
        for task in [*self._tasks]:
            task.cancel()
        if self._main is not None:
            self._main.cancel()

    def cut(self) -> None:
        """End it by force: what is not sent is lost."""
        if self._abort is not None:
            self._abort()

    async def settle(self) -> None:
        """At the end of what serves it: end its tasks, free its queues."""
        tasks = [task for task in self._tasks if not task.done()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.gather(*tasks, return_exceptions=True)
        for queue in self._queues:
            while not queue.empty():
                queue.get_nowait()
        self._queues.clear()
        for work in self._endings:
            await work()
        self._endings.clear()
        self._main = self._abort = None

    def shown(self) -> dict[str, Any]:
        """As others are told of it."""
        return {
            "id": self.id,
            "client": self.client,
            "kind": self.kind,
            "about": self.about,
            "state": self.state,
            "since": round(self.since, 3),
            "age_seconds": round(time.time() - self.since, 1),
            "bytes_in": self.bytes_in,
            "bytes_out": self.bytes_out,
            "tasks": self.tasks,
            "queued": self.queued,
        }


class Connections:
    """All that are open; on one loop."""

    def __init__(self, limits: Limits, *, enforced: bool = True) -> None:
        """
        Args:
            enforced: False leaves those alone that are stalled or idle, to show what the table is for.
        """
        self.limits = limits
        self._enforced = enforced
        self._numbers = itertools.count(1)
        self._open: weakref.WeakValueDictionary[str, Connection] = weakref.WeakValueDictionary()
        self._per_client: dict[str, int] = {}
        self.opened = 0
        self.refused = 0
        self.cut = 0
        """By force, or because they were stalled or idle."""
        self.bytes_in = 0
        self.bytes_out = 0
        """Of those that have ended."""

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._open.values()))

    @contextmanager
    def opening(
        self, client: str, kind: ConnectionKind, about: str, abort: Callable[[], None] | None = None
    ) -> Iterator[Connection]:
        """A connection that the current task serves, in the table as long as the body runs. The body calls `settle` at its end.

        Raises:
            TooBusyError: there are too many.
        """
        limits = self.limits
        mine = self._per_client.get(client, 0)
        if len(self._open) >= limits.connections or mine >= limits.connections_per_client:
            self.refused += 1
            raise TooBusyError("There are too many connections.", retry_seconds=5.0)
        connection = Connection(next(self._numbers), client, kind, about, abort)
        self._per_client[client] = mine + 1
        self._open[connection.id] = connection
        self.opened += 1
        entry = registry.register(
            connection, kind="client", name=f"{kind} {about}", owner="server.connections"
        )
        connection.entry = entry
        try:
            yield connection
        finally:
            left = self._per_client[client] - 1
            if left:
                self._per_client[client] = left
            else:
                del self._per_client[client]
            self.bytes_in += connection.bytes_in
            self.bytes_out += connection.bytes_out
            self._open.pop(connection.id, None)
            entry.leave()
            connection.closed.set()

    def shown(self) -> list[dict[str, Any]]:
        """All, oldest first."""
        return [connection.shown() for connection in sorted(self, key=lambda one: one.since)]

    async def close(self, identity: str) -> bool:
        """Close the one of that id, by force when it does not end in time; False when there is none."""
        connection = self._open.get(identity)
        if connection is None:
            return False
        await self._end(connection)
        return True

    async def close_all(self) -> int:
        """Close all but the one whose task asks; returns how many there were."""
        caller = asyncio.current_task()
        others = [one for one in self if one._main is not caller]  # noqa: SLF001
        await asyncio.gather(*map(self._end, others))
        return len(others)

    async def _end(self, connection: Connection) -> None:
        connection.close()
        try:
            async with asyncio.timeout(self.limits.close_seconds):
                await connection.closed.wait()
        except TimeoutError:
            log.warning("%s did not close in time and is cut off", connection.id)
            self.cut += 1
            connection.cut()

    def sweep(self) -> list[Connection]:
        """Cut off who takes nothing of what is sent, and close who has been idle for too long; returns them."""
        if not self._enforced:
            return []
        now = asyncio.get_running_loop().time()
        found = []
        for connection in self:
            since = connection.stalled_since
            if since is not None and now - since > self.limits.stalled_seconds:
                connection.cut()
            elif now - connection.changed <= self.limits.idle_seconds:
                continue
            connection.close()
            self.cut += 1
            found.append(connection)
        return found

    async def keep_swept(self) -> None:
        """`sweep` again and again."""
        while True:
            await asyncio.sleep(self.limits.sweep_seconds)
            for connection in self.sweep():
                log.info("%s of %s was stalled or idle and is closed", connection.id, connection.client)
