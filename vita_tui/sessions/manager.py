"""The sessions that are in use, at most so many and for so long; and every turn of them in the store.

A session in memory is a picture of its record: leaving memory loses nothing. A turn is committed when `append` returns. When
the store fails the conversation goes on in memory: what could not be stored is in the journal (`journal.py`), the user is told
once, and a task tries again until all of it is in the store. Turns are stored by their id, so that what was sent twice is there
once, and two writers of one session both keep theirs.

One re-entrant lock guards the state in memory. It is held for the time of a dictionary's operation and never across an
`await`, so a thread that stores does not make another wait that only looks.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from vita_tui.clock import Clock, SystemClock
from vita_tui.errors import StoreError
from vita_tui.events import EventBus, Notice
from vita_tui.health.registry import Entry, registry
from vita_tui.sessions.commit import commit, offer
from vita_tui.sessions.journal import Journal, Pending
from vita_tui.sessions.memory import search_sessions
from vita_tui.sessions.session import (
    Change,
    Hit,
    Session,
    Summary,
    Turn,
    apply,
    clean_title,
    new_session,
    title_from,
)
from vita_tui.sessions.store import Counted, MissingError, Store, closed_error
from vita_tui.sessions.text import split_words
from vita_tui.settings import SessionSettings

__all__ = ["SessionManager", "SessionStats"]

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SessionStats:
    """The manager's figures at one moment."""

    store: str
    live: int
    """Sessions in memory."""
    max_live: int
    created: int
    loaded: int
    """Read from the store into memory."""
    appended: int
    """Turns added or changed."""
    conflicts: int
    """Writes that met a newer version and were merged."""
    expired: int
    """Left memory because nothing was said for so long."""
    evicted: int
    """Left memory because there were too many."""
    deleted: int
    sweeps: int
    unsent: int
    """Sessions and turns that wait for the store."""
    away: str
    """Why the store is not used at the moment; empty when it is."""
    counters: Counted
    """The store's own."""


class _Live:
    __slots__ = ("session", "touched")

    def __init__(self, session: Session, touched: float) -> None:
        self.session = session
        self.touched = touched  # monotonic: a calendar that jumps makes nobody idle


class SessionManager:
    """Hands out sessions and keeps their records.

    `open` it once on the loop that will call `cleanup`; the other methods may be awaited on any loop, as far as the store may.

    Args:
        retry_seconds: first wait before a store that failed is tried again; doubled up to thirty seconds.
    """

    def __init__(
        self,
        store: Store,
        settings: SessionSettings | None = None,
        clock: Clock | None = None,
        bus: EventBus | None = None,
        *,
        journal: Journal | None = None,
        retry_seconds: float = 1.0,
    ) -> None:
        self.store = store
        self.settings = settings or SessionSettings()
        self._clock = clock or SystemClock()
        self._bus = bus
        self._journal = Journal(store.name) if journal is None else journal
        self._retry = retry_seconds
        self._lock = threading.RLock()
        self._live: OrderedDict[str, _Live] = OrderedDict()
        """By id, the longest idle first."""
        self._away: StoreError | None = None
        """Set from the store's failure until the journal is empty again."""
        self._flushing = False
        self._opened = self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sweeper: asyncio.Task[None] | None = None
        self._recovery: asyncio.Task[None] | None = None
        self._entries: list[Entry] = []
        self._count = dict.fromkeys(
            ("created", "loaded", "appended", "conflicts", "expired", "evicted", "deleted", "sweeps"), 0
        )

    # ---- life

    async def open(self) -> None:
        """Open the store and start sweeping; a store that cannot be opened is told of and tried again later."""
        with self._lock:
            if self._opened:
                return
            self._opened = True
        self._loop = asyncio.get_running_loop()
        try:
            for notice in await self.store.open():
                self._tell(notice)
            left = await asyncio.to_thread(self._journal.adopt)
        except StoreError as error:
            self._leave_store(error, _nothing)
        else:
            if left:
                with self._lock:
                    self._away = StoreError("Turns of an earlier run are being stored.")
                await self.flush()
        self._sweeper = self._spawn(self._sweep_regularly(), "session sweep")

    async def cleanup(self) -> None:
        """Stop the tasks, try once more to send what is unsent, close the store; may be called twice."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            tasks = [task for task in (self._sweeper, self._recovery) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for entry in self._entries:
            entry.leave()
        if len(self._journal):
            with suppress(StoreError, TimeoutError):
                async with asyncio.timeout(0.3):
                    await self._send()
            await asyncio.to_thread(self._journal.save)
        await self.store.cleanup()
        with self._lock:
            self._live.clear()

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        entry = registry.register(task, kind="task", name=name, owner="sessions.manager", close=self._cancel)
        task.add_done_callback(lambda _: entry.leave())
        self._entries.append(entry)
        return task

    def _cancel(self) -> None:
        """End the tasks, from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            for task in (self._sweeper, self._recovery):
                if task is not None:
                    self._loop.call_soon_threadsafe(task.cancel)

    # ---- sessions

    async def create(self, settings: Mapping[str, Any] | None = None) -> Session:
        """Begin a session with a snapshot of the settings."""
        self._check_open()
        session = new_session(settings or {}, self._clock.time())

        def locally() -> None:
            self._journal.begin(session)

        with self._lock:
            away = self._away is not None
            if away:
                locally()
        if not away:
            try:
                session = replace(session, version=await self.store.create(session))
            except StoreError as error:
                self._leave_store(error, locally)
        with self._lock:
            session = self._install(session)
            self._count["created"] += 1
        await self._save_journal()
        return session

    async def get(self, session_id: str) -> Session:
        """The newest version of a session; the beginning of an id is enough when no other begins so.

        Raises:
            StoreError: there is no such session, or the store is away and it is not in memory.
        """
        self._check_open()
        with self._lock:
            live = self.live(session_id)
            if (away := self._away) is not None:
                if live is None:
                    live = self._from_journal(session_id)
                if live is None:
                    raise away
                return self._install(live)
        try:
            # Another terminal may have written: looking at the version is cheaper than reading all.
            version = await self.store.version(session_id)
            if live is not None and version in (live.version, None):
                return self._install(live)
            session = await self.store.read(session_id) if version is not None else None
            if session is None:
                return await self._get_by_prefix(session_id)
        except MissingError:
            raise
        except StoreError as error:
            self._leave_store(error, _nothing)
            if live is None:
                raise
            return self._install(live)
        with self._lock:
            self._count["loaded"] += live is None
            return self._install(session)

    async def _get_by_prefix(self, prefix: str) -> Session:
        ids = await self.store.find(prefix, 2) if prefix else []
        if len(ids) > 1:
            raise MissingError(f"More than one conversation begins with {prefix}.", deleted=False)
        if not ids or ids[0] == prefix:
            raise MissingError(f"There is no conversation {prefix}.", deleted=False)
        return await self.get(ids[0])

    def live(self, session_id: str) -> Session | None:
        """The session as it is in memory, if it is; never waits."""
        found = self._live.get(session_id)
        return found.session if found is not None else None

    async def append(self, session_id: str, turn: Turn) -> Session:
        """Add a turn; it is committed when this returns, or in the journal if the store is away.

        Raises:
            StoreError: there is no such session, or neither store nor journal can take it.
        """
        session = await self._change(session_id, Change((turn,), last_active=self._clock.time()))
        with self._lock:
            self._count["appended"] += 1
        return session

    async def update_turn(self, session_id: str, turn: Turn) -> Session:
        """Put `turn` in the place of the one with its id: what was heard of it, say.

        Raises:
            StoreError: as `append`.
        """
        return await self.append(session_id, turn)

    async def rename(self, session_id: str, title: str) -> Session:
        """Give a session another title; an empty one brings back the first question.

        Raises:
            StoreError: as `append`.
        """
        title = clean_title(title) or title_from((await self.get(session_id)).turns)
        return await self._change(session_id, Change(title=title))

    async def delete(self, session_id: str) -> bool:
        """Remove a session for good; False when there was none."""
        self._check_open()

        def locally() -> bool:
            self._journal.delete(session_id)
            return self._live.pop(session_id, None) is not None

        with self._lock:
            was_there = locally() if (away := self._away is not None) else False
        if not away:
            try:
                was_there = await self.store.delete(session_id)
            except StoreError as error:
                was_there = self._leave_store(error, locally)
        with self._lock:
            self._live.pop(session_id, None)
            self._count["deleted"] += was_there
        await self._save_journal()
        return was_there

    async def list(self, limit: int = 50, offset: int = 0) -> Sequence[Summary]:
        """Sessions that have turns, the last used first; those in memory while the store is away."""
        self._check_open()
        if self._away is None:
            try:
                return await self.store.recent(limit, offset)
            except StoreError as error:
                self._leave_store(error, _nothing)
        return [session.summary() for session in self._newest_live()][offset : offset + limit]

    async def search(self, words: str, limit: int = 50) -> Sequence[Hit]:
        """Turns and titles that hold all the words; only those in memory while the store is away."""
        self._check_open()
        if self._away is None:
            try:
                return await self.store.search(words, limit)
            except StoreError as error:
                self._leave_store(error, _nothing)
        wanted = split_words(words)
        return search_sessions(self._newest_live(), wanted, limit) if wanted else []

    async def latest(self) -> Session | None:
        """The session that was used last."""
        newest = await self.list(1)
        return await self.get(newest[0].id) if newest else None

    def _newest_live(self) -> Sequence[Session]:
        with self._lock:
            return [live.session for live in reversed(self._live.values()) if live.session.turns]

    # ---- changing a record

    async def _change(self, session_id: str, change: Change) -> Session:
        self._check_open()

        def locally() -> Session:
            return self._change_locally(session_id, change)

        with self._lock:
            image = self.live(session_id)
            session = locally() if self._away is not None else None
        if session is None:
            try:
                return self._install(await self._commit(session_id, change, image))
            except MissingError:
                raise
            except StoreError as error:
                session = self._leave_store(error, locally)
        await self._save_journal()
        return session

    async def _commit(
        self, session_id: str, change: Change, image: Session | None, begun: Session | None = None
    ) -> Session:
        return await commit(
            self.store,
            session_id,
            change,
            image=image,
            begun=begun,
            now=self._clock.time(),
            on_conflict=self._count_conflict,
        )

    def _count_conflict(self) -> None:
        with self._lock:
            self._count["conflicts"] += 1

    def _change_locally(self, session_id: str, change: Change) -> Session:
        with self._lock:
            image = self.live(session_id)
            self._journal.add(session_id, change)
            image = image or self._from_journal(session_id)
            assert image is not None  # the journal has just got it
            return self._install(apply(image, change))

    def _from_journal(self, session_id: str) -> Session | None:
        """As much of a session as the journal knows."""
        pending = self._journal.get(session_id)
        if pending is None or pending.deleted:
            return None
        seen = pending.change.last_active
        return apply(pending.begun or Session(session_id, "", seen, seen), pending.change)

    def _install(self, session: Session) -> Session:
        """Put a session into memory as the last used, unless a newer version is there; returns which one is."""
        with self._lock:
            pending = self._journal.get(session.id)
            if pending is not None and not pending.deleted:
                session = apply(session, pending.change)
            there = self._live.get(session.id)
            same = there is not None and there.session.created == session.created
            if there is None or not same or session.version >= there.session.version:
                self._live[session.id] = _Live(session, self._clock.monotonic())
            else:
                there.touched = self._clock.monotonic()
                session = there.session
            self._live.move_to_end(session.id)
            while len(self._live) > self.settings.max_live:
                self._evict()
            return session

    def _evict(self) -> None:
        """Let the longest idle go; while the store is away rather one of which nothing is unsent."""
        with self._lock:
            oldest = next(
                (id_ for id_ in self._live if self._journal.get(id_) is None), next(iter(self._live))
            )
            del self._live[oldest]
            self._count["evicted"] += 1

    # ---- a store that is away

    def _leave_store(self, error: StoreError, locally: Callable[[], T]) -> T:
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
                self._announce(error)

    def _announce(self, error: StoreError) -> None:
        log.warning("the %s store is away: %s", self.store.name, error)
        title = "Conversations are kept in memory for now"
        self._tell(Notice(title, error.message, error.remedy, "warning", key="sessions.away"))
        if self._loop is not None and not self._closed and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._start_recovery)

    def _start_recovery(self) -> None:
        if not self._closed and (self._recovery is None or self._recovery.done()):
            self._recovery = self._spawn(self._recover(), "session store recovery")

    async def _recover(self) -> None:
        wait = self._retry
        while self._away is not None and not self._closed:
            await asyncio.sleep(wait)
            wait = min(30.0, wait * 2)
            await self.flush()

    async def flush(self) -> int:
        """Try now to open the store again and to send what it lacks; returns how many sessions were brought up to date."""
        with self._lock:
            if self._away is None or self._flushing or self._closed:
                return 0
            self._flushing = True
        sent = 0
        try:
            for notice in await self.store.open():
                self._tell(notice)
            await self._offer_live()
            while True:
                sent += await self._send()
                with self._lock:
                    if not len(self._journal):
                        self._away = None
                        break
        except StoreError as error:
            log.info("the %s store is still away: %s", self.store.name, error)
        finally:
            self._flushing = False
        await asyncio.to_thread(self._journal.save)
        if self._away is None:
            message = f"{sent} brought up to date." if sent else ""
            self._tell(Notice("Conversations are stored again", message, key="sessions.back"))
        return sent

    async def _send(self) -> int:
        pending = self._journal.pending()
        for entry in pending:
            await self._send_one(entry)
            self._journal.settle(entry)
        return len(pending)

    async def _send_one(self, entry: Pending) -> None:
        if entry.deleted:
            await self.store.delete(entry.session_id)
            return
        # What is in memory already holds the change; only the stored version tells what the store has seen.
        image = await self.store.read(entry.session_id)
        if image is None and entry.begun is None:
            image = self.live(entry.session_id) or self._from_journal(entry.session_id)
        session = await self._commit(entry.session_id, entry.change, image, entry.begun)
        if self.live(entry.session_id) is not None:
            self._install(session)

    async def _offer_live(self) -> None:
        """A server that was started anew, or a file that was set aside, lacks what this program still has in memory."""
        with self._lock:
            sessions = [live.session for live in self._live.values() if live.session.turns]
        for session in sessions:
            await offer(self.store, session)

    # ---- sweeping

    async def sweep(self) -> int:
        """Close what has been idle for too long; returns how many sessions left memory."""
        self._check_open()
        idle = self.settings.idle_hours * 3600
        limit = self._clock.monotonic() - idle
        closed = 0
        with self._lock:
            self._count["sweeps"] += 1
            for session_id, live in list(self._live.items()):
                if live.touched > limit:
                    break  # in the order of use: all others are younger
                if self._journal.get(session_id) is None:
                    del self._live[session_id]
                    closed += 1
            self._count["expired"] += closed
        if self._away is None:
            try:
                await self.store.sweep(idle)
            except StoreError as error:
                self._leave_store(error, _nothing)
        return closed

    async def _sweep_regularly(self) -> None:
        # A client may swallow a cancellation that comes in the middle of its answer: hence the flag beside it.
        while not self._closed:
            await asyncio.sleep(self.settings.sweep_seconds)
            try:
                await self.sweep()
            except Exception:
                log.exception("sweeping sessions failed")

    # ---- figures and small things

    def stats(self) -> SessionStats:
        with self._lock:
            return SessionStats(
                store=self.store.name,
                live=len(self._live),
                max_live=self.settings.max_live,
                unsent=self._journal.size,
                away=self._away.message if self._away is not None else "",
                counters=self.store.counters.now(),
                **self._count,
            )

    async def _save_journal(self) -> None:
        if self._away is not None:
            await asyncio.to_thread(self._journal.save)

    def _check_open(self) -> None:
        if self._closed or not self._opened:
            raise closed_error(self.store.name)

    def _tell(self, notice: Notice) -> None:
        if self._bus is not None:
            self._bus.publish(notice)


def _nothing() -> None:
    """There is nothing to do locally."""
