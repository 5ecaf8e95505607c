"""The store on this machine: one SQLite file in WAL mode, with an index of every word.

A committed turn is on the disk (`synchronous=FULL`): it outlives `kill -9` and a power cut. That costs one trip to the disk,
which the writer's thread makes and which all turns that wait at that moment share. Readers have connections of their own and
wait for nobody. Several processes may use one file.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

from vita_tui import paths
from vita_tui.clock import Clock, SystemClock
from vita_tui.errors import StoreError
from vita_tui.events import Notice
from vita_tui.sessions import queries, schema
from vita_tui.sessions.session import Change, Hit, Session, Summary
from vita_tui.sessions.store import Counted, Counters, closed_error
from vita_tui.sessions.worker import Reader, Writer

__all__ = ["SqliteStore", "default_path"]

T = TypeVar("T")
Query = Callable[[sqlite3.Connection], T]


def default_path() -> Path:
    """Where conversations are kept unless the caller says otherwise."""
    return paths.data_dir() / "sessions.db"


class SqliteStore:
    """Keeps sessions in a file; its methods may be awaited on any loop in any thread.

    Args:
        path: the file, made with mode 0600 in a folder of mode 0700.
        busy_seconds: how long to wait for another process that holds the file.
        readers: threads that read; each has a connection.
    """

    name = "sqlite"

    def __init__(
        self,
        path: Path | None = None,
        *,
        clock: Clock | None = None,
        busy_seconds: float = 2.0,
        readers: int = 2,
    ) -> None:
        self.counters = Counters()
        self.path = path or default_path()
        self._clock = clock or SystemClock()
        self._busy = busy_seconds
        self._reader_count = readers
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

        A damaged file is set aside under another name and a new one begun: the notice says where it is.

        Raises:
            StoreError: the folder or file cannot be used, is locked, or was written by a newer VITA.
        """
        if self._writer is not None and not self._suspect:
            return ()
        await self.cleanup()
        try:
            notices = await asyncio.to_thread(self._prepare)
        except (sqlite3.Error, OSError) as error:
            self.counters.failed()
            raise self._explain(error) from error
        except StoreError:
            self.counters.failed()
            raise
        with self._lock:
            self._suspect = False
            if self._writer is None:
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
        with _held(self.path.parent):
            # A file of mode 0600 from its first moment: SQLite gives the log beside it the same mode.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            if self.path.stat().st_mode & 0o077:
                self.path.chmod(0o600)
            try:
                self._check()
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
                aside = self._set_aside()
                self._check()
                notices.append(
                    Notice(
                        "Conversations were damaged",
                        f"The file could not be read ({error}) and is kept as {aside}. A new one was begun.",
                        severity="error",
                        key="sessions.damaged",
                    )
                )
            status = self.path.stat()
            self._file = (status.st_dev, status.st_ino)
        return notices

    def _check(self) -> None:
        """Open, look for damage, migrate, close.

        Raises:
            sqlite3.DatabaseError: among others when the file is damaged.
        """
        connection = self._connect()
        try:
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise _DamageError(" ".join(str(verdict).split()))
            schema.migrate(connection)
        finally:
            connection.close()

    def _set_aside(self) -> Path:
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(self._clock.time()))
        target = self.path.with_name(f"{self.path.name}.damaged-{stamp}")
        number = 1
        while target.exists():
            number += 1
            target = self.path.with_name(f"{self.path.name}.damaged-{stamp}-{number}")
        for ending in ("-wal", "-shm", ""):
            part = self.path.with_name(self.path.name + ending)
            if part.exists():
                part.rename(target.with_name(target.name + ending))
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        return target

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=self._busy, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA journal_size_limit = 4194304")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _connect_reader(self) -> sqlite3.Connection:
        connection = self._connect()
        connection.execute("PRAGMA query_only = ON")
        return connection

    # ---- work

    async def _write(self, work: Query[T]) -> T:
        def checked(db: sqlite3.Connection) -> T:
            self._check_place()
            return work(db)

        with self._lock:
            future = self._writer.submit(checked) if self._writer is not None else None
        return await self._result(future)

    async def _read(self, work: Query[T]) -> T:
        with self._lock:
            self._next_reader = (self._next_reader + 1) % max(1, len(self._readers))
            reader = self._readers[self._next_reader] if self._readers else None
            future = reader.submit(work) if reader is not None else None
        return await self._result(future)

    async def _result(self, future: Future[T] | None) -> T:
        """What a worker made of its work; None stands for a worker that is not there."""
        if future is None:
            self.counters.failed()
            raise closed_error(self.name)
        try:
            return await asyncio.wrap_future(future)
        except (sqlite3.Error, OSError) as error:
            self._suspect = True
            self.counters.failed()
            raise self._explain(error) from error

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
        return await self._read(lambda db: queries.read(db, session_id))

    async def version(self, session_id: str) -> int | None:
        return await self._read(lambda db: queries.version(db, session_id))

    async def write(self, session_id: str, change: Change, *, expected: int) -> int:
        version = await self._write(lambda db: queries.write(db, session_id, change, expected))
        self.counters.updated(session_id)
        return version

    async def delete(self, session_id: str) -> bool:
        was_there = await self._write(lambda db: queries.delete(db, session_id, self._clock.time()))
        if was_there:
            self.counters.deleted(session_id)
        return was_there

    async def recent(self, limit: int, offset: int) -> list[Summary]:
        return await self._read(lambda db: queries.recent(db, limit, offset))

    async def find(self, prefix: str, limit: int) -> list[str]:
        return await self._read(lambda db: queries.find(db, prefix, limit))

    async def search(self, words: str, limit: int) -> list[Hit]:
        return await self._read(lambda db: queries.search(db, words, limit))

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
        return Counted(created, updated, deleted, self.counters.now().access_errors)

    async def sweep(self, idle: float) -> int:
        """Remove conversations in which nothing was said for `idle` seconds. All others are kept for good."""
        before = self._clock.time() - idle
        return await self._write(lambda db: queries.sweep(db, before))

    def _explain(self, error: sqlite3.Error | OSError) -> StoreError:
        """The sentence for an error of the database or the file system."""
        where = f"Conversations cannot be stored in {self.path}"
        name = getattr(error, "sqlite_errorname", "") or ""
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            return StoreError(
                f"{where}: another program holds the file.", remedy="Close it; VITA tries again by itself."
            )
        if name.startswith("SQLITE_FULL") or getattr(error, "errno", None) == errno.ENOSPC:
            return StoreError(f"{where}: the disk is full.", remedy="Make room; VITA tries again by itself.")
        if name.startswith("SQLITE_READONLY") or isinstance(error, PermissionError):
            return StoreError(
                f"{where}: it may not be written.", remedy=f"Try: chmod u+rwx {self.path.parent}"
            )
        if isinstance(error, sqlite3.DatabaseError) and _is_damage(error):
            return StoreError(
                f"{where}: the file is damaged ({error}).", remedy="Start VITA again: it sets the file aside."
            )
        reason = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        return StoreError(f"{where}: {reason}.", remedy="See: vita doctor")


class _DamageError(sqlite3.DatabaseError):
    """`quick_check` found something."""


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    name = getattr(error, "sqlite_errorname", "") or ""
    return isinstance(error, _DamageError) or name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))


@contextlib.contextmanager
def _held(folder: Path, seconds: float = 5.0) -> Iterator[None]:
    """Keep other VITAs out of checking and setting aside, so that none moves away the file that another has just begun.

    The lock is on the folder itself and leaves no file behind. Where the system has no `flock` (Windows) an open file cannot
    be renamed anyway. One that is held for more than `seconds`, by a stopped process perhaps, is not waited for.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        give_up = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > give_up:
                    raise StoreError(
                        f"Another VITA has been opening {folder} for more than {seconds:g} s.",
                        remedy="End it: vita cleanup",
                    ) from None
                time.sleep(0.02)
        yield
    finally:
        os.close(descriptor)
