"""What is to ring: timers, alarms and reminders, in a file that outlives the program.

Times of day are kept as the wall shows them, so that what comes every day comes at the same hour in summer and in winter. Several programs
may share the file: what is due is taken by one of them.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from vita_tui import paths
from vita_tui.abilities.moments import next_time
from vita_tui.errors import StoreError
from vita_tui.events import Alarm

__all__ = ["Alarms", "Due"]

LATE_SECONDS = 60.0
"""What should have rung longer ago was missed."""
BUSY_SECONDS = 2.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS alarms (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    due REAL NOT NULL,
    length REAL NOT NULL,
    left REAL,
    at TEXT NOT NULL,
    days TEXT NOT NULL,
    language TEXT NOT NULL
)
"""
_COLUMNS = "id, kind, name, due, length, left, at, days, language"


@dataclass(frozen=True, slots=True)
class Due:
    """Something whose time has come."""

    alarm: Alarm
    missed: bool
    """It should have rung while nobody was there to hear it."""


class Alarms:
    """Keeps them. From any thread.

    Raises, from each method: StoreError when the file cannot be read or written.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._told: Callable[[], None] = lambda: None

    def on_change(self, tell: Callable[[], None]) -> None:
        """Have `tell` called, in any thread, when there is another alarm, or one less."""
        self._told = tell

    def all(self) -> tuple[Alarm, ...]:
        """Those to come, the next one first; paused ones last."""
        with self._open() as database:
            rows = database.execute(f"SELECT {_COLUMNS} FROM alarms").fetchall()  # noqa: S608
        alarms = [Alarm(*row) for row in rows]
        return tuple(sorted(alarms, key=lambda one: (one.left is not None, one.due, one.id)))

    def add(self, alarm: Alarm) -> Alarm:
        """Keep it; returns it with its number."""
        with self._open() as database:
            row = database.execute(
                f"INSERT INTO alarms ({_COLUMNS}) VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
                (
                    alarm.kind,
                    alarm.name,
                    alarm.due,
                    alarm.length,
                    alarm.left,
                    alarm.at,
                    alarm.days,
                    alarm.language,
                ),
            )
            number = int(row.lastrowid or 0)
        self._told()
        return replace(alarm, id=number)

    def change(self, alarm: Alarm) -> None:
        """Give the one of its number its times."""
        with self._open() as database:
            database.execute(
                "UPDATE alarms SET due = ?, length = ?, left = ? WHERE id = ?",
                (alarm.due, alarm.length, alarm.left, alarm.id),
            )
        self._told()

    def remove(self, alarms: Sequence[Alarm]) -> None:
        """Forget them."""
        with self._open() as database:
            database.executemany("DELETE FROM alarms WHERE id = ?", [(alarm.id,) for alarm in alarms])
        self._told()

    def shift(self, seconds: float) -> None:
        """The clock was set: what runs for so long goes on doing so; what is for a time of day stays there."""
        with self._open() as database:
            database.execute(
                "UPDATE alarms SET due = due + ? WHERE kind = 'timer' AND left IS NULL", (seconds,)
            )
        self._told()

    def take_due(self, now: float) -> list[Due]:
        """What is due, which nobody else gets; what comes again is set for its next time."""
        due = []
        with self._open() as database:
            database.execute("BEGIN IMMEDIATE")
            rows = database.execute(
                f"SELECT {_COLUMNS} FROM alarms WHERE left IS NULL AND due <= ? ORDER BY due",  # noqa: S608
                (now,),
            ).fetchall()
            for row in rows:
                alarm = Alarm(*row)
                due.append(Due(alarm, now - alarm.due > LATE_SECONDS))
                if alarm.days:
                    following = next_time(alarm.at, alarm.days, datetime.fromtimestamp(now))
                    database.execute("UPDATE alarms SET due = ? WHERE id = ?", (following, alarm.id))
                else:
                    database.execute("DELETE FROM alarms WHERE id = ?", (alarm.id,))
        return due

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        file = self._file or paths.data_dir() / "alarms.db"
        with self._lock:
            database = None
            try:
                paths.ensure_private_dir(file.parent)
                file.touch(mode=0o600)
                database = sqlite3.connect(file, timeout=BUSY_SECONDS)
                database.execute(_SCHEMA)
                with database:
                    yield database
            except (sqlite3.Error, OSError) as error:
                raise StoreError(
                    f"Timers cannot be kept in {file}: {error}.", remedy="Move the file away, or free space."
                ) from error
            finally:
                if database is not None:
                    database.close()
