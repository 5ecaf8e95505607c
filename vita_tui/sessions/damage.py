"""Telling damage from other errors of SQLite, and reading a file that cannot be written."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from urllib.parse import quote

from vita_tui.events import Notice
from vita_tui.sessions import schema
from vita_tui.sessions.pages import image
from vita_tui.sessions.recovery import recover

__all__ = ["DamageFoundError", "check", "is_damage", "is_index_damage", "still_picture"]

_GONE = tuple(f"no such table: {place}{name}" for place in ("", "main.") for name in schema.INDEXES)
FARTHEST = 1000
"""Formats that a newer VITA may have added; a higher number is damage."""


class DamageFoundError(sqlite3.DatabaseError):
    """A check found something."""


def is_damage(error: Exception) -> bool:
    name = getattr(error, "sqlite_errorname", "") or ""
    return (
        isinstance(error, DamageFoundError)
        or name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))
        or "unsupported file format" in str(error)  # the head of the file
    )


def is_index_damage(error: Exception) -> bool:
    """Only the index of words is damaged or missing, which can be rebuilt from what was said."""
    name = getattr(error, "sqlite_errorname", "") or ""
    return name == "SQLITE_CORRUPT_VTAB" or any(
        words in str(error) for words in ("fts5", "vtable constructor failed", *_GONE)
    )


def check(connection: sqlite3.Connection) -> None:
    """Look for damage; takes about a second for each 300 MB.

    Raises:
        sqlite3.DatabaseError: there is some.
    """
    verdicts = [str(row[0]) for row in connection.execute("PRAGMA quick_check(3)")]
    verdicts = [verdict for verdict in verdicts if verdict != "ok" and "fts5" not in verdict.lower()]
    if verdicts:
        lines = [line.strip() for line in verdicts[0].splitlines() if line.strip(" *")]
        raise DamageFoundError(next((line for line in lines if not line.startswith("***")), lines[0]))
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    least = schema.least_version(connection)
    if not least <= version <= len(schema.STEPS) + FARTHEST:
        raise DamageFoundError(f"format {version} in its head, {least} by its tables")


def still_picture(file: Path) -> tuple[sqlite3.Connection, list[Notice]]:
    """A connection to what `file` holds now, for one thread at a time; nothing is written to the disk.

    Of a damaged file it holds what can be read. Where the file has a write-ahead log or an old format it is held in memory.

    Raises:
        OSError, sqlite3.Error: it cannot be read, or nothing of it.
    """
    notices = [
        Notice("Read only", f"{file} cannot be written; it is read as it is.", key="sessions.read-only")
    ]
    if not file.exists():
        connection = _memory()
        schema.migrate(connection)
        return connection, []
    log = file.with_name(f"{file.name}-wal")
    try:
        if not log.exists() or not log.stat().st_size:
            address = f"file:{quote(str(file.resolve()))}?immutable=1"
            connection = sqlite3.connect(address, uri=True, check_same_thread=False, isolation_level=None)
        else:
            connection = _memory()
            connection.deserialize(image(file))
        check(connection)
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version != len(schema.STEPS):
            connection = _copied(connection)
            schema.migrate(connection)
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        connection = _memory()
        saved = recover(file, connection)
        if not saved.turns:
            raise
        message = f"The file is damaged ({error}) and cannot be written: {saved} are shown."
        notices = [Notice("Conversations are damaged", message, severity="error", key="sessions.damaged")]
    schema.prepare(connection)
    try:
        connection.execute("SELECT rowid FROM turn_words WHERE turn_words MATCH 'a*' LIMIT 1").fetchone()
    except sqlite3.DatabaseError as error:
        if not is_index_damage(error):
            raise
        connection = _copied(connection)
        schema.rebuild_index(connection)
    return connection, notices


def _memory() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
    schema.prepare(connection)
    return connection


def _copied(connection: sqlite3.Connection) -> sqlite3.Connection:
    copy = _memory()
    connection.backup(copy)
    connection.close()
    return copy
