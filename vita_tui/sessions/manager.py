"""The sessions that are in use, at most so many and for so long; and every turn of them in the store.

A session in memory is a picture of its record: leaving memory loses nothing. A turn is committed when `append` returns. When
the store fails the conversation goes on in memory and what could not be stored is sent later (`outbox.py`). Turns are stored by
their id, so that what was sent twice is there once, and two writers of one session both keep theirs.

One re-entrant lock guards the state in memory. It is held for the time of a dictionary's operation and never across an
`await`, so a thread that stores does not make another wait that only looks.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

from vita_tui.clock import Clock, SystemClock
from vita_tui.errors import StoreError
from vita_tui.events import EventBus
from vita_tui.health.registry import register_task
from vita_tui.sessions.journal import Journal
from vita_tui.sessions.live import LiveSessions
from vita_tui.sessions.memory import search_sessions
from vita_tui.sessions.outbox import Outbox, nothing
from vita_tui.sessions.search import Query
from vita_tui.sessions.session import (
    ARCHIVED,
    Hit,
    Session,
    SessionChange,
    SessionSummary,
    Turn,
    clean_title,
    new_session,
    title_from,
)
from vita_tui.sessions.session_stats import SessionStats
from vita_tui.sessions.store import MissingError, Store, closed_error
from vita_tui.settings import SessionSettings

__all__ = ["SessionManager"]

log = logging.getLogger(__name__)


@runtime_checkable
class _Caching(Protocol):
    """A store with caches of its own."""

    async def shrink(self) -> None: ...


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
        self._lock = threading.RLock()
        self._journal = Journal(store.name) if journal is None else journal
        self._live = LiveSessions(self.settings.max_live, self._clock, self._lock, self._journal)
        self._outbox = Outbox(store, self._journal, self._live, self._clock, bus, self._lock, retry_seconds)
        self._opened = self._closed = False
        self._sweeper: asyncio.Task[None] | None = None
        self._count = dict.fromkeys(("created", "loaded", "appended", "deleted", "sweeps"), 0)

    # ---- life

    async def open(self) -> None:
        """Open the store and start sweeping; a store that cannot be opened is told of and tried again later."""
        with self._lock:
            if self._opened:
                return
            self._opened = True
        await self._outbox.start()
        self._sweeper = asyncio.create_task(self._sweep_regularly(), name="session sweep")
        register_task(self._sweeper, owner="sessions.manager")

    async def cleanup(self) -> None:
        """Stop the tasks, try once more to send what is unsent, close the store; may be called twice."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        await self._outbox.stop()
        await self.store.cleanup()
        self._live.clear()

    async def flush(self) -> int:
        """Try a store that is away now rather than later; returns how many sessions were brought up to date."""
        return await self._outbox.flush()

    # ---- sessions

    async def create(self, settings: Mapping[str, Any] | None = None) -> Session:
        """Begin a session with a snapshot of the settings."""
        self._check_open()
        session = new_session(settings or {}, self._clock.time())

        def locally() -> None:
            self._journal.begin(session)

        with self._lock:
            away = self._outbox.away is not None
            if away:
                locally()
        if not away:
            try:
                session = replace(session, version=await self.store.create(session))
            except StoreError as error:
                self._outbox.leave(error, locally)
        with self._lock:
            session = self._live.put(session)
            self._count["created"] += 1
        await self._outbox.save()
        return session

    async def get(self, session_id: str) -> Session:
        """The newest version of a session; the beginning of an id is enough when no other begins so.

        Raises:
            StoreError: there is no such session, or the store is away and it is not in memory.
        """
        self._check_open()
        with self._lock:
            live = self.live(session_id)
            if (away := self._outbox.away) is not None:
                if live is None:
                    live = self._outbox.unsent(session_id)
                if live is None:
                    raise away
                return self._live.put(live)
        try:
            # Another terminal may have written: looking at the version is cheaper than reading all.
            version = await self.store.version(session_id)
            if live is not None and version in (live.version, None):
                return self._live.put(live)
            session = await self.store.read(session_id) if version is not None else None
            if session is None:
                return await self._get_by_prefix(session_id)
        except MissingError:
            raise
        except StoreError as error:
            self._outbox.leave(error, nothing)
            if live is None:
                raise
            return self._live.put(live)
        self._tell_news()
        with self._lock:
            self._count["loaded"] += live is None
            return self._live.put(session)

    async def _get_by_prefix(self, prefix: str) -> Session:
        ids = await self.store.find(prefix, 2) if prefix else []
        if len(ids) > 1:
            raise MissingError(f"More than one conversation begins with {prefix}.", deleted=False)
        if not ids or ids[0] == prefix:
            raise MissingError(f"There is no conversation {prefix}.", deleted=False)
        return await self.get(ids[0])

    def live(self, session_id: str) -> Session | None:
        """The session as it is in memory, if it is; never waits."""
        return self._live.get(session_id)

    async def append(self, session_id: str, turn: Turn) -> Session:
        """Add a turn; it is committed when this returns, or in the journal if the store is away.

        Raises:
            StoreError: there is no such session, or neither store nor journal can take it.
        """
        session = await self._change(session_id, SessionChange((turn,), last_active=self._clock.time()))
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
        return await self._change(session_id, SessionChange(title=title))

    async def configure(self, session_id: str, settings: Mapping[str, Any]) -> Session:
        """Give a session other settings; what they do not name stays.

        Raises:
            StoreError: as `append`.
        """
        before = (await self.get(session_id)).settings
        return await self._change(session_id, SessionChange(settings={**before, **settings}))

    async def branch(self, session_id: str, before: str) -> Session:
        """A new session that begins with what was said before the turn `before`; the old one stays as it is.

        Its settings tell in `branch` what it is a branch `of`, the `root` of all of them, and how many `turns` it has taken along.

        Raises:
            StoreError: there is no such session or turn, or neither store nor journal can take it.
        """
        old = await self.get(session_id)
        ids = [turn.id for turn in old.turns]
        if before not in ids:
            raise StoreError("This question is not in the conversation any more.")
        taken = old.turns[: ids.index(before)]
        above = old.settings.get("branch")
        root = above.get("root", old.id) if isinstance(above, Mapping) else old.id
        branch = {"of": old.id, "root": root, "turns": len(taken)}
        session = await self.create({**old.settings, "branch": branch})
        if taken:
            change = SessionChange(taken, old.title, last_active=self._clock.time())
            session = await self._change(session.id, change)
        return session

    async def restore(self, session: Session) -> Session:
        """Bring back a session that was deleted.

        Raises:
            StoreError: there is one with that id, or the store is away.
        """
        self._check_open()
        if self._outbox.away is not None:
            raise self._outbox.away
        session = replace(session, version=await self.store.create(session))
        with self._lock:
            return self._live.put(session)

    async def delete(self, session_id: str) -> bool:
        """Remove a session for good; False when there was none."""
        self._check_open()

        def locally() -> bool:
            self._journal.delete(session_id)
            return self._live.drop(session_id)

        with self._lock:
            was_there = locally() if (away := self._outbox.away is not None) else False
        if not away:
            try:
                was_there = await self.store.delete(session_id)
            except StoreError as error:
                was_there = self._outbox.leave(error, locally)
        with self._lock:
            self._live.drop(session_id)
            self._count["deleted"] += was_there
        await self._outbox.save()
        return was_there

    async def archive(self, session_id: str, away: bool = True) -> Session:
        """Leave a session out of what is listed, or list it again.

        Raises:
            StoreError: as `append`.
        """
        return await self.configure(session_id, {ARCHIVED: away})

    async def list(
        self, limit: int = 50, offset: int = 0, *, archived: bool = False
    ) -> Sequence[SessionSummary]:
        """Sessions that have turns, the last used first; those in memory while the store is away."""
        self._check_open()
        if self._outbox.away is None:
            try:
                found = await self.store.recent(limit, offset, archived=archived)
                self._tell_news()
                return found
            except StoreError as error:
                self._outbox.leave(error, nothing)
        live = [one.summary() for one in self._live.newest() if one.archived is archived]
        return live[offset : offset + limit]

    async def search(self, words: str, limit: int = 50) -> Sequence[Hit]:
        """Turns and titles that hold all the words; only those in memory while the store is away."""
        self._check_open()
        if self._outbox.away is None:
            try:
                hits = await self.store.search(words, limit)
                self._tell_news()
                return hits
            except StoreError as error:
                self._outbox.leave(error, nothing)
        query = Query.of(words)
        return search_sessions(self._live.newest(), query, limit) if query is not None else []

    async def latest(self) -> Session | None:
        """The session that was used last."""
        newest = await self.list(1)
        return await self.get(newest[0].id) if newest else None

    async def limit_memory(self, most: int | None) -> None:
        """Keep at most `most` sessions in memory, None for the setting, and have the store give its caches back.

        What leaves memory stays in the store; what is unsent stays in memory.
        """
        self._live.limit(self.settings.max_live if most is None else min(most, self.settings.max_live))
        if most is not None and isinstance(self.store, _Caching):
            await self.store.shrink()

    # ---- changing a record

    async def _change(self, session_id: str, change: SessionChange) -> Session:
        self._check_open()

        def locally() -> Session:
            return self._outbox.keep(session_id, change)

        with self._lock:
            image = self.live(session_id)
            session = locally() if self._outbox.away is not None else None
        if session is None:
            try:
                return self._live.put(await self._outbox.commit(session_id, change, image))
            except MissingError:
                raise
            except StoreError as error:
                session = self._outbox.leave(error, locally)
        await self._outbox.save()
        return session

    # ---- sweeping

    async def sweep(self) -> int:
        """Close what has been idle for too long; returns how many sessions left memory."""
        self._check_open()
        idle = self.settings.idle_hours * 3600
        closed = self._live.expire(idle)
        with self._lock:
            self._count["sweeps"] += 1
        if self._outbox.away is None:
            try:
                await self.store.sweep(idle)
            except StoreError as error:
                self._outbox.leave(error, nothing)
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
                conflicts=self._outbox.conflicts,
                expired=self._live.expired,
                evicted=self._live.evicted,
                unsent=self._journal.size,
                away=away.message if (away := self._outbox.away) is not None else "",
                counters=self.store.counters.now(),
                **self._count,
            )

    def _tell_news(self) -> None:
        for notice in self.store.counters.news():
            self._outbox.tell(notice)

    def _check_open(self) -> None:
        if self._closed or not self._opened:
            raise closed_error(self.store.name)
