"""Threads that own a database connection each, so that neither the loop nor another thread ever waits inside SQLite."""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import Any, TypeVar

from vita_tui.health.threads import RegisteredThread

__all__ = ["Reader", "Writer"]

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], Any]
Connect = Callable[[], sqlite3.Connection]
Queued = tuple[Work, "Future[Any]"]

BATCH = 64
"""Most pieces of work in one transaction."""


class _ConnectionThread:
    """A daemon thread that opens a connection, does work with it in order, and closes it.

    The thread ends after `stop`, when what was handed over before is done.
    """

    def __init__(self, connect: Connect, name: str) -> None:
        self._connect = connect
        self._jobs: queue.SimpleQueue[Queued | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._stopped = False
        self._thread = RegisteredThread(self._run, name=name, owner="sessions.sqlite", close=self.stop)
        self._thread.start()

    def submit(self, work: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """Do `work` in the thread; the future has what it returns or raises."""
        future: Future[T] = Future()
        with self._lock:
            if self._stopped:
                future.set_exception(sqlite3.ProgrammingError("the thread of the database has ended"))
            else:
                self._jobs.put((work, future))
        return future

    def stop(self, timeout: float = 2.0) -> None:
        """Take no more work and wait at most `timeout` seconds for the rest; may be called twice."""
        with self._lock:
            if not self._stopped:
                self._stopped = True
                self._jobs.put(None)
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout)

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        while (job := self._jobs.get()) is not None:
            batch, ended = self._gather(job)
            try:
                connection = connection or self._connect()
            except sqlite3.Error as error:
                _fail(batch, error)
            else:
                self._do(connection, batch)
            if ended:
                break
        if connection is not None:
            connection.close()

    def _gather(self, job: Queued) -> tuple[list[Queued], bool]:
        """What is done together, and whether the end was among it."""
        return [job], False

    def _do(self, connection: sqlite3.Connection, batch: list[Queued]) -> None:
        for work, future in batch:
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(work(connection))
            except Exception as error:  # noqa: BLE001 - whoever waits for the future gets it
                future.set_exception(error)


class Reader(_ConnectionThread):
    """Does each piece of work by itself, in its own snapshot."""

    def _do(self, connection: sqlite3.Connection, batch: list[Queued]) -> None:
        def in_snapshot(work: Work) -> Work:
            def run(connection: sqlite3.Connection) -> Any:
                connection.execute("BEGIN")
                try:
                    return work(connection)
                finally:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")

            return run

        super()._do(connection, [(in_snapshot(work), future) for work, future in batch])


class Writer(_ConnectionThread):
    """Does all waiting work in one transaction, so that many writers share one trip to the disk.

    What a piece of work did that refuses (raises anything but `sqlite3.Error`) is undone; the others' work is committed all
    the same. After an error of the database nothing of the transaction is kept and everyone in it is told so.
    """

    def _gather(self, job: Queued) -> tuple[list[Queued], bool]:
        batch = [job]
        while len(batch) < BATCH:
            try:
                more = self._jobs.get_nowait()
            except queue.Empty:
                break
            if more is None:
                return batch, True
            batch.append(more)
        return batch, False

    def _do(self, connection: sqlite3.Connection, batch: list[Queued]) -> None:
        running = [job for job in batch if job[1].set_running_or_notify_cancel()]
        done: list[tuple[Future[Any], Any]] = []
        refused: list[tuple[Future[Any], Exception]] = []
        try:
            connection.execute("BEGIN IMMEDIATE")
            for work, future in running:
                connection.execute("SAVEPOINT one")
                try:
                    done.append((future, work(connection)))
                except sqlite3.Error:
                    raise
                except Exception as error:  # noqa: BLE001 - whoever waits for the future gets it
                    connection.execute("ROLLBACK TO one")
                    refused.append((future, error))
                connection.execute("RELEASE one")
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            if connection.in_transaction:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            _fail(running, error)
            return
        for future, result in done:
            future.set_result(result)
        for future, refusal in refused:
            future.set_exception(refusal)


def _fail(batch: list[Queued], error: Exception) -> None:
    for _, future in batch:
        with suppress(InvalidStateError):
            future.set_exception(error)
