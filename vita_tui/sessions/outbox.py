"""The way of every change into the store, and round about it while it is away.

When the store fails, changes go into the journal (`journal.py`), the user is told once, and a task tries again until all of it
is in the store.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from vita_tui.clock import Clock
from vita_tui.errors import StoreError
from vita_tui.events import EventBus, Notice
from vita_tui.health.registry import register_task
from vita_tui.sessions.commit import commit, offer
from vita_tui.sessions.journal import Journal, Pending
from vita_tui.sessions.live import LiveSessions
from vita_tui.sessions.session import Session, SessionChange, apply
from vita_tui.sessions.store import Store

__all__ = ["Outbox", "nothing"]

log = logging.getLogger(__name__)

T = TypeVar("T")

LONGEST_WAIT = 30.0
"""Seconds between two attempts to reach a store that stays away."""


class Outbox:
    """Writes to the store, or to the journal while the store is away; safe in any thread.

    Args:
        lock: the manager's re-entrant lock: whether the store is away and what is in the journal change in one step.
        retry_seconds: first wait before a store that failed is tried again; doubled each time.
    """

    def __init__(
        self,
        store: Store,
        journal: Journal,
        live: LiveSessions,
        clock: Clock,
        bus: EventBus | None,
        lock: threading.RLock,
        retry_seconds: float,
    ) -> None:
        self.conflicts = 0
        """Writes that met a newer version and were merged."""
        self._store = store
        self._journal = journal
        self._live = live
        self._clock = clock
        self._bus = bus
        self._lock = lock
        self._retry = retry_seconds
        self._away: StoreError | None = None
        self._flushing = self._stopped = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._recovery: asyncio.Task[None] | None = None

    @property
    def away(self) -> StoreError | None:
        """Why the store is not used; set from its failure until the journal is empty again."""
        return self._away

    # ---- life

    async def start(self) -> None:
        """Open the store and send what an earlier run could not; a store that fails is tried again later."""
        self._loop = asyncio.get_running_loop()
        left = await asyncio.to_thread(self._journal.adopt)
        try:
            for notice in await self._store.open():
                self.tell(notice)
        except StoreError as error:
            self.leave(error, nothing)
            return
        if left:
            with self._lock:
                self._away = StoreError("Conversations of an earlier run are being stored.")
            await self.flush()
            if self._away is not None:
                self._start_recovery()

    async def stop(self) -> None:
        """End the task and try once more, briefly; what is unsent then stays in the journal's file."""
        self._stopped = True
        if self._recovery is not None:
            self._recovery.cancel()
            await asyncio.gather(self._recovery, return_exceptions=True)
        if len(self._journal):
            with suppress(StoreError, TimeoutError):
                async with asyncio.timeout(0.3):
                    await self._send()
            await asyncio.to_thread(self._journal.save)

    # ---- changes

    async def commit(
        self, session_id: str, change: SessionChange, image: Session | None, begun: Session | None = None
    ) -> Session:
        """`commit.commit` on this store.

        Raises:
            StoreError: as it does.
        """
        return await commit(
            self._store,
            session_id,
            change,
            image=image,
            begun=begun,
            now=self._clock.time(),
            on_conflict=self._count_conflict,
        )

    def _count_conflict(self) -> None:
        with self._lock:
            self.conflicts += 1

    def keep(self, session_id: str, change: SessionChange) -> Session:
        """Put a change into the journal and into memory; returns the session after it.

        Raises:
            StoreError: the journal is full.
        """
        with self._lock:
            image = self._live.get(session_id)
            self._journal.add(session_id, change)
            image = image or self.unsent(session_id)
            assert image is not None  # the journal has just got it
            return self._live.put(apply(image, change))

    def unsent(self, session_id: str) -> Session | None:
        """As much of a session as the journal knows."""
        pending = self._journal.get(session_id)
        if pending is None or pending.deleted:
            return None
        seen = pending.change.last_active
        return apply(pending.begun or Session(session_id, "", seen, seen), pending.change)

    async def save(self) -> None:
        """Write to the journal's file what is new in it; call it after what went into the journal."""
        if self._away is not None:
            await asyncio.to_thread(self._journal.save)

    # ---- away and back

    def leave(self, error: StoreError, locally: Callable[[], T]) -> T:
        """Go on without the store; say so, once, and see to it that it is tried again.

        `locally` does here what the store could not: in one step with leaving, so that nothing gets into the journal after
        the store is back.
        """
        first = False
        try:
            with self._lock:
                first = self._away is None
                self._away = self._away or error
                return locally()
        finally:
            if first:
                log.warning("the %s store is away: %s", self._store.name, error)
                title = "Conversations are kept in memory for now"
                remedy = f"{error.remedy} VITA tries again by itself.".lstrip()
                self.tell(Notice(title, error.message, remedy, "warning", key="sessions.away"))
                if self._loop is not None and not self._stopped and not self._loop.is_closed():
                    self._loop.call_soon_threadsafe(self._start_recovery)

    def _start_recovery(self) -> None:
        if self._stopped or (self._recovery is not None and not self._recovery.done()):
            return
        self._recovery = asyncio.create_task(self._recover(), name="session store recovery")
        register_task(self._recovery, owner="sessions.outbox")

    async def _recover(self) -> None:
        wait = self._retry
        # A client may swallow a cancellation that comes in the middle of its answer: hence the flag beside it.
        while self._away is not None and not self._stopped:
            await asyncio.sleep(wait)
            wait = min(LONGEST_WAIT, wait * 2)
            try:
                await self.flush()
            except Exception:
                log.exception("sending what is unsent failed")

    async def flush(self) -> int:
        """Try now to open the store again and to send what it lacks; returns how many sessions were brought up to date."""
        with self._lock:
            if self._away is None or self._flushing or self._stopped:
                return 0
            self._flushing = True
        sent = 0
        back = False
        try:
            for notice in await self._store.open():
                self.tell(notice)
            # A server that was started anew, or a file that was set aside, lacks what this program still has in memory.
            for session in self._live.newest():
                await offer(self._store, session)
            while not back:
                sent += await self._send()
                with self._lock:
                    if not len(self._journal):
                        self._away = None
                        back = True
        except StoreError as error:
            log.info("the %s store is still away: %s", self._store.name, error)
        finally:
            self._flushing = False
        await asyncio.to_thread(self._journal.save)
        if back:
            message = f"{sent} brought up to date." if sent else ""
            self.tell(Notice("Conversations are stored again", message, key="sessions.away"))
        return sent

    async def _send(self) -> int:
        pending = self._journal.pending()
        for entry in pending:
            await self._send_one(entry)
            self._journal.settle(entry)
        return len(pending)

    async def _send_one(self, entry: Pending) -> None:
        if entry.deleted:
            await self._store.delete(entry.session_id)
            return
        # What is in memory already holds the change; only the stored version tells what the store has seen.
        image = await self._store.read(entry.session_id)
        if image is None and entry.begun is None:
            image = self._live.get(entry.session_id) or self.unsent(entry.session_id)
        session = await self.commit(entry.session_id, entry.change, image, entry.begun)
        with self._lock:
            if self._live.get(entry.session_id) is not None:
                self._live.put(session)

    def tell(self, notice: Notice) -> None:
        """Publish it, if there is anyone to hear."""
        if self._bus is not None:
            self._bus.publish(notice)


def nothing() -> None:
    """There is nothing to do locally."""
