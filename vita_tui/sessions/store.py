"""What a store of sessions does, what it raises, what it counts, and the probe that tries it.

Optimistic versions: every write names the version that it was made from. A store that meanwhile holds another one raises
`ConflictError` and changes nothing; whoever wrote reads again, joins what both sides have and writes once more. Turns are
stored by their id, so writing one twice leaves it there once.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from vita_tui.clock import Clock, SystemClock
from vita_tui.errors import StoreError
from vita_tui.events import Notice
from vita_tui.sessions.session import Hit, Session, SessionChange, SessionSummary, Turn, new_id, new_session

__all__ = [
    "PROBE_PREFIX",
    "ConflictError",
    "Counted",
    "Counters",
    "DamagedError",
    "MissingError",
    "Probe",
    "Store",
    "closed_error",
    "probe",
]

MOST_NAMED = 10_000
"""Unreadable rows that are told apart; more are not counted."""
PROBE_PREFIX = "probe-"
"""Ids of sessions that a probe makes: neither listed nor counted."""


class ConflictError(StoreError):
    """Someone else has written this session since it was read; nothing was changed."""


class DamagedError(StoreError):
    """What the store keeps is damaged; opening it again saves what can be read."""


class MissingError(StoreError):
    """There is no such session."""

    def __init__(self, message: str, *, deleted: bool) -> None:
        super().__init__(message, remedy="See: vita sessions list")
        self.deleted = deleted
        """Someone deleted it; False when the store itself has forgotten it (expired, or started anew)."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A store's counters at one moment."""

    total_created: int
    total_updated: int
    total_deleted: int
    access_errors: int
    unreadable: int = 0
    """Rows that something else has written and that make no sense: they are left out."""
    rebuilt: int = 0
    """Times that the index of words was damaged and was rebuilt."""


class Counters:
    """Counts what a store has done since it was made; safe in any thread. Probes' sessions are left out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._created = self._updated = self._deleted = self._errors = self._rebuilt = 0
        self._unreadable: set[str] = set()
        self._told = (0, 0)

    def created(self, session_id: str) -> None:
        if not session_id.startswith(PROBE_PREFIX):
            with self._lock:
                self._created += 1

    def updated(self, session_id: str) -> None:
        if not session_id.startswith(PROBE_PREFIX):
            with self._lock:
                self._updated += 1

    def deleted(self, session_id: str) -> None:
        if not session_id.startswith(PROBE_PREFIX):
            with self._lock:
                self._deleted += 1

    def failed(self) -> None:
        """The store could not be reached, read or written."""
        with self._lock:
            self._errors += 1

    def skipped(self, row: str) -> None:
        """A row cannot be read; named, so that it counts once."""
        with self._lock:
            if len(self._unreadable) < MOST_NAMED:
                self._unreadable.add(row)

    def rebuilt(self) -> None:
        """The index of words was rebuilt."""
        with self._lock:
            self._rebuilt += 1

    def now(self) -> Counted:
        """All of them, from one moment."""
        with self._lock:
            return Counted(
                self._created,
                self._updated,
                self._deleted,
                self._errors,
                len(self._unreadable),
                self._rebuilt,
            )

    def news(self) -> list[Notice]:
        """What the user should know and has not been told yet."""
        with self._lock:
            (unreadable, rebuilt), self._told = self._told, (len(self._unreadable), self._rebuilt)
            unreadable, rebuilt = self._told[0] - unreadable, self._told[1] - rebuilt
        found = []
        if unreadable:
            rows = f"{unreadable} row{'' if unreadable == 1 else 's'} could not be read and"
            were = "was" if unreadable == 1 else "were"
            found.append(
                Notice(
                    "Part of a conversation is missing",
                    f"{rows} {were} left out: another program has written to the store.",
                    severity="warning",
                    key="sessions.unreadable",
                )
            )
        if rebuilt:
            message = "The index of words was damaged and has been rebuilt; nothing is lost."
            found.append(Notice("Search index rebuilt", message, key="sessions.rebuilt"))
        return found


class Store(Protocol):
    """Keeps sessions. Every method may raise `StoreError`; none blocks the loop that awaits it."""

    name: str
    """What users call it: `memory`, `sqlite`, `redis`."""
    counters: Counters
    """Of this program."""

    @property
    def place(self) -> str:
        """Where it keeps them, without anything secret."""
        ...

    async def open(self) -> Sequence[Notice]:
        """Make it ready; may be called again after a failure. Returns what the user should know."""
        ...

    async def create(self, session: Session) -> int:
        """Store a session with its turns; returns its version (at least 1).

        Raises:
            ConflictError: there is one with that id.
        """
        ...

    async def read(self, session_id: str) -> Session | None: ...

    async def version(self, session_id: str) -> int | None:
        """The stored version, without reading the turns; None when there is no such session."""
        ...

    async def write(self, session_id: str, change: SessionChange, *, expected: int) -> int:
        """Commit a change made from version `expected`; returns the new version.

        Raises:
            ConflictError: the stored version is another.
            MissingError: there is no such session.
        """
        ...

    async def delete(self, session_id: str) -> bool:
        """Remove it for good; False when it was not there."""
        ...

    async def recent(self, limit: int, offset: int, *, archived: bool = False) -> list[SessionSummary]:
        """Sessions that have turns, the last used first: those that are archived, or those that are not."""
        ...

    async def find(self, prefix: str, limit: int) -> list[str]:
        """Ids that begin with `prefix`, at most `limit`."""
        ...

    async def search(self, words: str, limit: int) -> list[Hit]:
        """Turns and titles that hold all the words, the newest first; the last word may be unfinished."""
        ...

    async def count(self) -> int:
        """How many sessions it holds."""
        ...

    async def size(self) -> int | None:
        """Bytes on disk; None where that cannot be said."""
        ...

    async def totals(self) -> Counted:
        """The counters of all programs that ever used the store; `access_errors` of this one only."""
        ...

    async def sweep(self, idle: float) -> int:
        """Let go of what need not be kept after `idle` seconds without a word; returns how many sessions."""
        ...

    async def cleanup(self) -> None:
        """Close what is open; may be called twice. `open` opens it again."""
        ...


def closed_error(name: str) -> StoreError:
    """For an operation on a store that is not open."""
    return StoreError(f"The {name} store of conversations is not open.")


@dataclass(frozen=True, slots=True)
class Probe:
    """How a store did when it was tried."""

    ok: bool
    ms: float
    """Milliseconds that all steps took together."""
    step: str = ""
    """The step that failed: `create`, `read`, `update`, or `delete`."""
    reason: str = ""


async def probe(store: Store, timeout: float = 2.0, *, clock: Clock | None = None) -> Probe:  # noqa: ASYNC109 - its own report says which step overran
    """Create, read, update and delete a session of the probe's own within `timeout` seconds."""
    clock = clock or SystemClock()
    session = new_session({}, clock.time(), session_id=f"{PROBE_PREFIX}{new_id()}")
    turn = Turn("user", "probe")
    step = "create"
    began = clock.monotonic()

    def result(reason: str = "") -> Probe:
        return Probe(not reason, (clock.monotonic() - began) * 1000, step if reason else "", reason)

    try:
        async with asyncio.timeout(timeout):
            version = await store.create(session)
            step = "read"
            found = await store.read(session.id)
            if found is None or found.id != session.id:
                return result("What was written could not be read again.")
            step = "update"
            await store.write(session.id, SessionChange(turns=(turn,)), expected=version)
            changed = await store.read(session.id)
            if changed is None or [kept.id for kept in changed.turns] != [turn.id]:
                return result("What was updated could not be read again.")
            step = "delete"
            if not await store.delete(session.id):
                return result("What was written could not be deleted.")
    except TimeoutError:
        store.counters.failed()
        return result(f"No answer within {timeout:g} s.")
    except StoreError as error:
        return result(error.message)
    return result()
