"""The database of sessions: its tables, and the steps from each version to the next.

`PRAGMA user_version` is the number of steps that a file has been through. A step, once released, is never changed; a new one
is added behind.
"""

from __future__ import annotations

import sqlite3

from vita_tui.errors import StoreError

__all__ = ["STEPS", "migrate"]

STEPS: tuple[tuple[str, ...], ...] = (
    # 1: sessions and turns. `activity` is the order of last use, independent of clocks that jump.
    (
        """
        CREATE TABLE session (
            number INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            title TEXT NOT NULL,
            created REAL NOT NULL,
            last_active REAL NOT NULL,
            activity INTEGER NOT NULL,
            version INTEGER NOT NULL,
            turns INTEGER NOT NULL,
            tokens INTEGER NOT NULL,
            settings TEXT NOT NULL
        )
        """,
        "CREATE INDEX session_activity ON session (activity)",
        """
        CREATE TABLE turn (
            number INTEGER PRIMARY KEY,
            session_id TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
            id TEXT NOT NULL,
            role TEXT NOT NULL,
            text TEXT NOT NULL,
            heard TEXT,
            started REAL NOT NULL,
            finished REAL,
            engines TEXT NOT NULL,
            spoken INTEGER NOT NULL,
            interrupted INTEGER NOT NULL,
            tokens INTEGER NOT NULL,
            timings TEXT NOT NULL,
            UNIQUE (session_id, id)
        )
        """,
        # What was deleted on purpose, until nobody can have it in memory any more: a session that is missing for another
        # reason is brought back by the program that still knows it.
        "CREATE TABLE total (what TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID",
        "INSERT INTO total VALUES ('created', 0), ('updated', 0), ('deleted', 0)",
        "CREATE TABLE deleted (id TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID",
    ),
    # 2: full-text search in what was said and in titles. The index holds no copy of the text.
    (
        """
        CREATE VIRTUAL TABLE turn_words USING fts5 (
            text, content='turn', content_rowid='number', tokenize='unicode61 remove_diacritics 2', prefix='2 3'
        )
        """,
        """
        CREATE TRIGGER turn_added AFTER INSERT ON turn BEGIN
        INSERT INTO turn_words (rowid, text) VALUES (new.number, new.text); END
        """,
        """
        CREATE TRIGGER turn_removed AFTER DELETE ON turn BEGIN
        INSERT INTO turn_words (turn_words, rowid, text) VALUES ('delete', old.number, old.text); END
        """,
        """
        CREATE TRIGGER turn_changed AFTER UPDATE OF text ON turn WHEN old.text IS NOT new.text BEGIN
        INSERT INTO turn_words (turn_words, rowid, text) VALUES ('delete', old.number, old.text);
        INSERT INTO turn_words (rowid, text) VALUES (new.number, new.text); END
        """,
        "INSERT INTO turn_words (turn_words) VALUES ('rebuild')",
        """
        CREATE VIRTUAL TABLE title_words USING fts5 (
            title, content='session', content_rowid='number', tokenize='unicode61 remove_diacritics 2', prefix='2 3'
        )
        """,
        """
        CREATE TRIGGER title_added AFTER INSERT ON session BEGIN
        INSERT INTO title_words (rowid, title) VALUES (new.number, new.title); END
        """,
        """
        CREATE TRIGGER title_removed AFTER DELETE ON session BEGIN
        INSERT INTO title_words (title_words, rowid, title) VALUES ('delete', old.number, old.title); END
        """,
        """
        CREATE TRIGGER title_changed AFTER UPDATE OF title ON session WHEN old.title IS NOT new.title BEGIN
        INSERT INTO title_words (title_words, rowid, title) VALUES ('delete', old.number, old.title);
        INSERT INTO title_words (rowid, title) VALUES (new.number, new.title); END
        """,
        "INSERT INTO title_words (title_words) VALUES ('rebuild')",
    ),
)


def migrate(connection: sqlite3.Connection, steps: tuple[tuple[str, ...], ...] = STEPS) -> int:
    """Bring the file to the newest version, in one transaction; returns the version it had before.

    Raises:
        StoreError: a newer VITA has written it. It is left as it is.
        sqlite3.Error: it could not be changed; it is left as it was.
    """
    before = _version(connection)
    if before == len(steps):
        return before
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have done it while this one waited for the lock.
        before = _version(connection)
        if before > len(steps):
            raise StoreError(
                f"The conversations were stored by a newer VITA (format {before}, this one knows {len(steps)}).",
                remedy="Update VITA, or set VITA_HOME to another folder.",
            )
        for step in steps[before:]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(steps)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return before


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
