"""The sessions in memory: at most so many, the longest idle first to go."""

from __future__ import annotations

import threading
from collections import OrderedDict

from vita_tui.clock import Clock
from vita_tui.sessions.journal import Journal
from vita_tui.sessions.session import Session, apply

__all__ = ["LiveSessions"]


class _Live:
    __slots__ = ("session", "touched")

    def __init__(self, session: Session, touched: float) -> None:
        self.session = session
        self.touched = touched  # monotonic: a calendar that jumps makes nobody idle


class LiveSessions:
    """The newest known version of each session in use; every method may be called from any thread and waits for nothing.

    Args:
        lock: the manager's re-entrant lock, for those who do several things in one step.
        journal: what is unsent is laid over what comes from the store, and is the last to leave memory.
    """

    def __init__(self, max_live: int, clock: Clock, lock: threading.RLock, journal: Journal) -> None:
        self.max_live = max_live
        self.evicted = 0
        self.expired = 0
        self._clock = clock
        self._lock = lock
        self._journal = journal
        self._live: OrderedDict[str, _Live] = OrderedDict()
        """By id, the longest idle first."""

    def __len__(self) -> int:
        return len(self._live)

    def get(self, session_id: str) -> Session | None:
        found = self._live.get(session_id)
        return found.session if found is not None else None

    def newest(self) -> list[Session]:
        """Those with turns, the last used first."""
        with self._lock:
            return [live.session for live in reversed(self._live.values()) if live.session.turns]

    def put(self, session: Session) -> Session:
        """Take a session in as the last used, unless a newer version is there; returns which one is."""
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
            while len(self._live) > self.max_live:
                self._evict()
            return session

    def _evict(self) -> None:
        """Let the longest idle go; while the store is away rather one of which nothing is unsent."""
        clean = (session_id for session_id in self._live if self._journal.get(session_id) is None)
        del self._live[next(clean, None) or next(iter(self._live))]
        self.evicted += 1

    def limit(self, most: int) -> int:
        """Keep at most `most` from now on; the longest idle go now, but for the unsent. Returns how many."""
        with self._lock:
            self.max_live = most
            idle = [session_id for session_id in self._live if self._journal.get(session_id) is None]
            gone = idle[: max(0, len(self._live) - most)]
            for session_id in gone:
                del self._live[session_id]
            self.evicted += len(gone)
            return len(gone)

    def drop(self, session_id: str) -> bool:
        """Let one go; False when it was not there."""
        with self._lock:
            return self._live.pop(session_id, None) is not None

    def expire(self, idle: float) -> int:
        """Let all go that nobody has used for `idle` seconds, but for the unsent; returns how many."""
        limit = self._clock.monotonic() - idle
        closed = 0
        with self._lock:
            for session_id, live in list(self._live.items()):
                if live.touched > limit:
                    break  # in the order of use: all others are younger
                if self._journal.get(session_id) is None:
                    del self._live[session_id]
                    closed += 1
            self.expired += closed
        return closed

    def clear(self) -> None:
        with self._lock:
            self._live.clear()
