"""The store that forgets: sessions for the length of one run, bounded like everything else.

Two locks: the table's, held for the time of a dictionary's operation, and one for each session. Threads that write different
conversations do not wait for each other.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace

from vita_tui.clock import Clock, SystemClock
from vita_tui.events import Notice
from vita_tui.sessions.search import Query
from vita_tui.sessions.session import Hit, Session, SessionChange, SessionSummary, apply
from vita_tui.sessions.store import PROBE_PREFIX, ConflictError, Counted, Counters, MissingError

__all__ = ["MemoryStore", "search_sessions"]


class _Record:
    """A session with its lock and the monotonic second of its last use."""

    __slots__ = ("gone", "lock", "session", "touched")

    def __init__(self, session: Session, touched: float) -> None:
        self.lock = threading.RLock()
        self.session = session
        self.touched = touched
        self.gone = False


class MemoryStore:
    """Keeps sessions in this process; safe in any thread.

    Args:
        max_sessions: when there are more, the longest idle one is forgotten.
    """

    name = "memory"

    def __init__(self, *, max_sessions: int = 1000, clock: Clock | None = None) -> None:
        self.counters = Counters()
        self._max = max_sessions
        self._clock = clock or SystemClock()
        self._lock = threading.RLock()
        self._records: OrderedDict[str, _Record] = OrderedDict()
        """By id, the longest idle first."""
        self._deleted: OrderedDict[str, None] = OrderedDict()
        """Ids that were deleted on purpose, the oldest first: at most as many as sessions."""

    @property
    def place(self) -> str:
        return "in this program"

    async def open(self) -> Sequence[Notice]:
        return ()

    async def create(self, session: Session) -> int:
        version = max(1, session.version)
        record = _Record(replace(session, version=version), self._clock.monotonic())
        with self._lock:
            if session.id in self._records:
                raise ConflictError(f"There is already a conversation {session.id}.")
            self._records[session.id] = record
            self._deleted.pop(session.id, None)
            while len(self._records) > self._max:
                _, oldest = self._records.popitem(last=False)
                oldest.gone = True
        self.counters.created(session.id)
        return version

    async def read(self, session_id: str) -> Session | None:
        record = self._records.get(session_id)
        return record.session if record is not None else None

    async def version(self, session_id: str) -> int | None:
        record = self._records.get(session_id)
        return record.session.version if record is not None else None

    async def write(self, session_id: str, change: SessionChange, *, expected: int) -> int:
        record = self._records.get(session_id)
        if record is None:
            raise self._missing(session_id)
        with record.lock:
            if record.gone:
                raise self._missing(session_id)
            version = record.session.version
            if version != expected:
                raise ConflictError(f"Conversation {session_id} is at version {version}, not {expected}.")
            record.session = apply(record.session, change, version=version + 1)
            record.touched = self._clock.monotonic()
        with self._lock:
            if session_id in self._records:
                self._records.move_to_end(session_id)
        self.counters.updated(session_id)
        return version + 1

    def _missing(self, session_id: str) -> MissingError:
        return MissingError(f"There is no conversation {session_id}.", deleted=session_id in self._deleted)

    async def delete(self, session_id: str) -> bool:
        with self._lock:
            record = self._records.pop(session_id, None)
            if record is None:
                return False
            self._deleted[session_id] = None
            while len(self._deleted) > self._max:
                self._deleted.popitem(last=False)
        with record.lock:
            record.gone = True
        self.counters.deleted(session_id)
        return True

    def _newest(self) -> list[Session]:
        with self._lock:
            records = list(self._records.values())
        return [
            record.session for record in reversed(records) if not record.session.id.startswith(PROBE_PREFIX)
        ]

    async def recent(self, limit: int, offset: int, *, archived: bool = False) -> list[SessionSummary]:
        used = [one for one in self._newest() if one.turns and one.archived is archived]
        return [session.summary() for session in used[offset : offset + limit]]

    async def find(self, prefix: str, limit: int) -> list[str]:
        return [session.id for session in self._newest() if session.id.startswith(prefix)][:limit]

    async def search(self, words: str, limit: int) -> list[Hit]:
        query = Query.of(words)
        return search_sessions(self._newest(), query, limit) if query is not None else []

    async def count(self) -> int:
        return len(self._newest())

    async def size(self) -> int | None:
        return None

    async def totals(self) -> Counted:
        return self.counters.now()

    async def sweep(self, idle: float) -> int:
        limit = self._clock.monotonic() - idle
        with self._lock:
            old = [id_ for id_, record in self._records.items() if record.touched <= limit]
            for id_ in old:
                self._records.pop(id_).gone = True
        return len(old)

    async def cleanup(self) -> None:
        """Nothing is open; what it holds goes with it."""


def search_sessions(sessions: Sequence[Session], query: Query, limit: int) -> list[Hit]:
    """Search without an index: every turn of `sessions`, in their order, each from its newest turn on."""
    hits: list[Hit] = []
    for session in sessions:
        in_turns = [
            Hit(session.id, session.title, turn.id, turn.role, turn.started, *found)
            for turn in reversed(session.turns)
            if (found := query.excerpt(turn.text)) is not None
        ]
        hits += in_turns
        if not in_turns and (found := query.excerpt(session.title)) is not None:
            hits.append(Hit(session.id, session.title, "", "title", session.created, *found))
        if len(hits) >= limit:
            break
    return hits[:limit]
