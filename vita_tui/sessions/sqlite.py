"""The store on this machine: one SQLite file in WAL mode, with an index of every word.

A damaged file is replaced by a new one with every row that can be read (`recovery.py`), a damaged index is rebuilt. A command that
only reads also reads a disk that cannot be written.

A committed turn is on the disk (`synchronous=FULL`): it outlives `kill -9` and a power cut. That costs one trip to the disk,
which the writer's thread makes and which all turns that wait at that moment share. Readers have connections of their own and
wait for nobody. Several processes may use one file.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from vita_tui import atomic_files, paths
from vita_tui.clock import Clock, SystemClock
from vita_tui.errors import StoreError
from vita_tui.events import Notice
from vita_tui.sessions import queries, schema
from vita_tui.sessions.connection_threads import Reader, Writer
from vita_tui.sessions.damage import DamageFoundError, check, is_damage, is_index_damage, still_picture
from vita_tui.sessions.recovery import recover
from vita_tui.sessions.search import Query
from vita_tui.sessions.session import Hit, Session, SessionChange, SessionSummary
from vita_tui.sessions.setting_aside import held, name_aside, set_aside
from vita_tui.sessions.store import Counted, Counters, DamagedError, closed_error

__all__ = ["SqliteStore", "default_path"]

log = logging.getLogger(__name__)

LITTLE_ROOM = 65_536
"""Bytes; with less the disk counts as full."""

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]


def default_path() -> Path:
    """Where conversations are kept unless the caller says otherwise."""
    return paths.data_dir() / "sessions.db"


class SqliteStore:
    """Keeps sessions in a file; its methods may be awaited on any loop in any thread.

    Args:
        path: the file, made with mode 0600 in a folder of mode 0700.
        busy_seconds: how long to wait for another process that holds the file.
        readers: threads that read; each has a connection.
        reading: only to look: a file that cannot be written is read as it is, and a damaged one of which nothing can be saved is
            left where it is.
    """

    name = "sqlite"

    def __init__(
        self,
        path: Path | None = None,
        *,
        clock: Clock | None = None,
        busy_seconds: float = 2.0,
        readers: int = 2,
        reading: bool = False,
    ) -> None:
        self.counters = Counters()
        self.path = path or default_path()
        self._clock = clock or SystemClock()
        self._busy = busy_seconds
        self._reader_count = readers
        self._reading = reading
        self._damaged: sqlite3.Error | None = None
        """Damage that was met since `open`."""
        self._lock = threading.RLock()
        self._writer: Writer | None = None
        self._readers: tuple[Reader, ...] = ()
        self._next_reader = 0
        self._file: tuple[int, int] | None = None
        """Device and number of the file that is open: under its name there may be another by now."""
        self._suspect = False
        """Something went wrong since `open`."""

    @property
    def place(self) -> str:
        return str(self.path)

    # ---- life

    async def open(self) -> Sequence[Notice]:
        """Check the file, bring it to the newest format and start the threads. After a failure all of this is done again.

        A damaged file is set aside under another name; a new one takes its place with what could be read. The notice says what
        was saved, and where the old one is.

        Raises:
            StoreError: the folder or file cannot be used, is locked, or was written by a newer VITA.
        """
        if self._readers and not self._suspect:
            return ()
        await self.cleanup()
        still = None
        try:
            notices = await asyncio.to_thread(self._prepare)
        except (sqlite3.Error, OSError) as error:
            self.counters.failed()
            if not self._reading or _is_busy(error):
                raise self._explain(error) from error
            try:
                still, notices = await asyncio.to_thread(still_picture, self.path)
            except (sqlite3.Error, OSError):
                raise self._explain(error) from error
        except StoreError:
            self.counters.failed()
            raise
        with self._lock:
            self._suspect, self._damaged = False, None
            if self._readers:
                return notices
            if still is not None:
                picture = still
                self._readers = (Reader(lambda: picture, "sessions-reader"),)
            else:
                self._writer = Writer(self._connect, "sessions-writer")
                self._readers = tuple(
                    Reader(self._connect_reader, f"sessions-reader-{number}")
                    for number in range(self._reader_count)
                )
        return notices

    async def cleanup(self) -> None:
        with self._lock:
            workers = (*self._readers, *([self._writer] if self._writer is not None else []))
            self._writer, self._readers = None, ()
        # The writer's connection closes last and takes the write-ahead log into the file.
        for worker in workers:
            await asyncio.to_thread(worker.stop)

    def _prepare(self) -> list[Notice]:
        paths.ensure_private_dir(self.path.parent)
        notices: list[Notice] = []
        with held(self.path.parent):
            # A file of mode 0600 from its first moment: SQLite gives the log beside it the same mode.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            if self.path.stat().st_mode & 0o077:
                self.path.chmod(0o600)
            try:
                self._check()
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise
                notices.append(self._replace_damaged(error))
                self._check()
            status = self.path.stat()
            self._file = (status.st_dev, status.st_ino)
        return notices

    def _check(self) -> None:
        """Open, look for damage, migrate, close.

        Raises:
            sqlite3.DatabaseError: among others when the file is damaged.
        """
        met, self._damaged = self._damaged, None
        if met is not None:
            raise DamageFoundError(str(met))
        connection = self._connect()
        try:
            check(connection)
            schema.migrate(connection)
            if schema.restore_triggers(connection):
                log.warning("%s lacked triggers: the index of words was made anew", self.path)
        finally:
            connection.close()

    def _replace_damaged(self, damage: sqlite3.DatabaseError) -> Notice:
        """Put a new file with what can be read in the place of the damaged one, which is kept under another name.

        Raises:
            sqlite3.Error, OSError: the new one cannot be written, or nothing can be saved and this store is only to look; the
                damaged one is where it was.
        """
        aside = name_aside(self.path, self._clock.time())
        with atomic_files.replacing(self.path) as new:
            with contextlib.closing(sqlite3.connect(new, isolation_level=None)) as connection:
                connection.execute("PRAGMA journal_mode = OFF")
                saved = recover(self.path, connection)
            if self._reading and not saved.turns:
                raise damage
            set_aside(self.path, aside)
        what = (
            f"Saved into a new one: {saved}"
            if saved.turns
            else "Nothing in it could be saved; a new one was begun"
        )
        return Notice(
            "Conversations were damaged",
            f"The file was damaged ({damage}). {what}. It is kept as {aside}.",
            severity="error",
            key="sessions.damaged",
        )

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=self._busy, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA journal_size_limit = 4194304")
            connection.execute("PRAGMA secure_delete = ON")  # what was deleted is not found in the file again
            schema.prepare(connection)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _connect_reader(self) -> sqlite3.Connection:
        connection = self._connect()
        connection.execute("PRAGMA query_only = ON")
        return connection

    # ---- work

    async def _write(self, work: Work[T]) -> T:
        def checked(db: sqlite3.Connection) -> T:
            self._check_place()
            return work(db)

        return await self._done(lambda: self._writer, checked)

    async def _read(self, work: Work[T]) -> T:
        return await self._done(self._reader, work)

    def _reader(self) -> Reader | None:
        self._next_reader = (self._next_reader + 1) % max(1, len(self._readers))
        return self._readers[self._next_reader] if self._readers else None

    async def _done(self, who: Callable[[], Reader | Writer | None], work: Work[T]) -> T:
        """What a worker made of its work; once more when only the index of words was in the way, and has been rebuilt."""

        def submit() -> Future[T]:
            with self._lock:
                worker = who()
                if worker is None:
                    self.counters.failed()
                    raise self._closed_error()
                return worker.submit(work)

        try:
            try:
                return await asyncio.wrap_future(submit())
            except sqlite3.DatabaseError as error:
                if not is_index_damage(error) or self._writer is None:
                    raise
                log.warning("the index of words is rebuilt: %s", error)
                await asyncio.wrap_future(self._writer.submit(schema.rebuild_index))
                self.counters.rebuilt()
                return await asyncio.wrap_future(submit())
        except (sqlite3.Error, OSError) as error:
            self._suspect = True
            if isinstance(error, sqlite3.DatabaseError) and is_damage(error):
                self._damaged = error
            self.counters.failed()
            raise self._explain(error) from error

    def _closed_error(self) -> StoreError:
        if self._readers:  # a still picture
            return StoreError(f"Conversations cannot be stored in {self.path}: it may not be written.")
        return closed_error(self.name)

    def _check_place(self) -> None:
        """The open file is still the one under its name: nothing is written into one that was set aside or removed."""
        status = self.path.stat()
        if (status.st_dev, status.st_ino) != self._file:
            raise FileNotFoundError(errno.ENOENT, "the file was moved away")

    async def shrink(self) -> None:
        """Give SQLite's caches back; reading fills them again."""

        def work(db: sqlite3.Connection) -> None:
            db.execute("PRAGMA shrink_memory")

        with self._lock:
            workers = (*self._readers, *([self._writer] if self._writer is not None else []))
            futures = [worker.submit(work) for worker in workers]
        await asyncio.gather(*map(asyncio.wrap_future, futures), return_exceptions=True)

    async def create(self, session: Session) -> int:
        version = await self._write(lambda db: queries.create(db, session))
        self.counters.created(session.id)
        return version

    async def read(self, session_id: str) -> Session | None:
        return await self._read(lambda db: queries.read(db, session_id, self.counters.skipped))

    async def version(self, session_id: str) -> int | None:
        return await self._read(lambda db: queries.version(db, session_id))

    async def write(self, session_id: str, change: SessionChange, *, expected: int) -> int:
        version = await self._write(lambda db: queries.write(db, session_id, change, expected))
        self.counters.updated(session_id)
        return version

    async def delete(self, session_id: str) -> bool:
        was_there = await self._write(lambda db: queries.delete(db, session_id, self._clock.time()))
        if was_there:
            self.counters.deleted(session_id)
        return was_there

    async def recent(self, limit: int, offset: int, *, archived: bool = False) -> list[SessionSummary]:
        return await self._read(
            lambda db: queries.recent(db, limit, offset, self.counters.skipped, archived=archived)
        )

    async def find(self, prefix: str, limit: int) -> list[str]:
        return await self._read(lambda db: queries.find(db, prefix, limit))

    async def search(self, words: str, limit: int) -> list[Hit]:
        query = Query.of(words)
        if query is None or limit < 1:
            return []
        hits = await self._read(lambda db: queries.search(db, query, limit))
        if (
            not hits
            and self._writer is not None
            and await self._read(lambda db: queries.overlooked(db, query))
        ):
            await self._write(schema.rebuild_index)
            self.counters.rebuilt()
            hits = await self._read(lambda db: queries.search(db, query, limit))
        return hits

    async def count(self) -> int:
        return await self._read(queries.count)

    async def size(self) -> int | None:
        total = 0
        for ending in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):  # the log comes and goes
                total += self.path.with_name(self.path.name + ending).stat().st_size
        return total

    async def totals(self) -> Counted:
        created, updated, deleted = await self._read(queries.totals)
        return replace(
            self.counters.now(), total_created=created, total_updated=updated, total_deleted=deleted
        )

    async def sweep(self, idle: float) -> int:
        """Remove conversations in which nothing was said for `idle` seconds. All others are kept for good."""
        before = self._clock.time() - idle
        return await self._write(lambda db: queries.sweep(db, before))

    def _explain(self, error: sqlite3.Error | OSError) -> StoreError:
        """The sentence for an error of the database or the file system."""
        where = f"Conversations cannot be {'read from' if self._reading else 'stored in'} {self.path}"
        name = getattr(error, "sqlite_errorname", "") or ""
        if _is_busy(error):
            return StoreError(f"{where}: another program holds the file.", remedy="Close that program first.")
        full = name.startswith("SQLITE_FULL") or getattr(error, "errno", None) == errno.ENOSPC
        if full or (name.startswith("SQLITE_IOERR") and not self._has_room()):
            return StoreError(f"{where}: the disk is full.", remedy="Make room on it.")
        if name.startswith("SQLITE_READONLY") or isinstance(error, PermissionError):
            return StoreError(
                f"{where}: it may not be written.", remedy=f"Try: chmod u+rwx {self.path.parent}"
            )
        if isinstance(error, sqlite3.DatabaseError) and is_damage(error):
            return DamagedError(
                f"{where}: the file is damaged ({error}).",
                remedy="Start vita: it saves what can be read, and keeps this file under another name.",
            )
        reason = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        return StoreError(f"{where}: {reason}.", remedy="See: vita doctor")

    def _has_room(self) -> bool:
        """Whether the disk has room left; SQLite calls it an I/O error when the file that its connections share cannot grow."""
        with contextlib.suppress(OSError):
            return shutil.disk_usage(self.path.parent).free >= LITTLE_ROOM
        return True


def _is_busy(error: Exception) -> bool:
    name = getattr(error, "sqlite_errorname", "") or ""
    return name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
