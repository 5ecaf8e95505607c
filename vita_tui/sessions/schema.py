"""The database of sessions: its tables, and the steps from each version to the next.

`PRAGMA user_version` is the number of steps that a file has been through. A step, once released, is never changed; a new one
is added behind. The words of what was said are cut by VITA (`search.indexed`, as the SQL function `search_words`), so every connection
that writes is made by `prepare`.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing

from vita_tui.errors import StoreError
from vita_tui.sessions.search import indexed

__all__ = ["INDEXES", "STEPS", "migrate", "prepare", "rebuild_index", "restore_triggers"]

_MAKE_INDEX = (
    """
    CREATE VIRTUAL TABLE turn_words USING fts5 (text, content='', tokenize='ascii', prefix='2 3')
    """,
    """
    CREATE VIRTUAL TABLE title_words USING fts5 (title, content='', tokenize='ascii', prefix='2 3')
    """,
)
INDEXES = ("turn_words", "title_words")
"""The tables of `_MAKE_INDEX`."""
_FILL_INDEX = (
    "INSERT INTO turn_words (turn_words) VALUES ('delete-all')",
    "INSERT INTO turn_words (rowid, text) SELECT number, search_words(CAST(text AS BLOB)) FROM turn",
    "INSERT INTO title_words (title_words) VALUES ('delete-all')",
    "INSERT INTO title_words (rowid, title) SELECT number, search_words(CAST(title AS BLOB)) FROM session",
)

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
    # 3: words are cut by VITA: inside text without blanks, whatever the accents. The index holds no text; excerpts are made of the
    # turns themselves. And why a turn has no answer, or half of one.
    (
        *(
            f"DROP TRIGGER {what}_{when}"
            for what in ("turn", "title")
            for when in ("added", "removed", "changed")
        ),
        "DROP TABLE turn_words",
        "DROP TABLE title_words",
        *_MAKE_INDEX,
        """
        CREATE TRIGGER turn_added AFTER INSERT ON turn BEGIN
        INSERT INTO turn_words (rowid, text) VALUES (new.number, search_words(CAST(new.text AS BLOB))); END
        """,
        """
        CREATE TRIGGER turn_removed AFTER DELETE ON turn BEGIN
        INSERT INTO turn_words (turn_words, rowid, text) VALUES ('delete', old.number, search_words(CAST(old.text AS BLOB))); END
        """,
        """
        CREATE TRIGGER turn_changed AFTER UPDATE OF text ON turn WHEN old.text IS NOT new.text BEGIN
        INSERT INTO turn_words (turn_words, rowid, text) VALUES ('delete', old.number, search_words(CAST(old.text AS BLOB)));
        INSERT INTO turn_words (rowid, text) VALUES (new.number, search_words(CAST(new.text AS BLOB))); END
        """,
        """
        CREATE TRIGGER title_added AFTER INSERT ON session BEGIN
        INSERT INTO title_words (rowid, title) VALUES (new.number, search_words(CAST(new.title AS BLOB))); END
        """,
        """
        CREATE TRIGGER title_removed AFTER DELETE ON session BEGIN
        INSERT INTO title_words (title_words, rowid, title) VALUES ('delete', old.number, search_words(CAST(old.title AS BLOB))); END
        """,
        """
        CREATE TRIGGER title_changed AFTER UPDATE OF title ON session WHEN old.title IS NOT new.title BEGIN
        INSERT INTO title_words (title_words, rowid, title) VALUES ('delete', old.number, search_words(CAST(old.title AS BLOB)));
        INSERT INTO title_words (rowid, title) VALUES (new.number, search_words(CAST(new.title AS BLOB))); END
        """,
        *_FILL_INDEX,
        "ALTER TABLE turn ADD COLUMN error TEXT NOT NULL DEFAULT ''",
    ),
)


def prepare(connection: sqlite3.Connection) -> None:
    """Give a connection the function that the triggers call, and have it read text that is not UTF-8."""
    connection.text_factory = _text
    connection.create_function("search_words", 1, _search_words, deterministic=True)
    connection.execute("PRAGMA trusted_schema = ON")  # else triggers may not call it


def least_version(connection: sqlite3.Connection) -> int:
    """The oldest version that has the tables which are there; 0 for an empty file."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if "turn" not in tables:
        return 0
    if "error" in {row[1] for row in connection.execute("PRAGMA table_info(turn)")}:
        return 3
    return 2 if "turn_words" in tables else 1


def restore_triggers(connection: sqlite3.Connection) -> bool:
    """Make the triggers that keep the index of words anew, and the index, where one is missing or another; whether that was so.

    What was said meanwhile would never be found. The file has the newest version.

    Raises:
        sqlite3.Error: it could not be changed; it is left as it was.
    """
    made = [statement for step in STEPS for statement in step if "CREATE TRIGGER" in statement]
    wanted = {_plain(statement).split()[2]: _plain(statement) for statement in made}  # the last of each name
    there = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
    found = {name: _plain(statement or "") for name, statement in connection.execute(there)}
    if all(found.get(name) == statement for name, statement in wanted.items()):
        return False
    connection.execute("BEGIN IMMEDIATE")
    try:
        for name, statement in wanted.items():
            connection.execute(f"DROP TRIGGER IF EXISTS {name}")
            connection.execute(statement)
        rebuild_index(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return True


def rebuild_index(connection: sqlite3.Connection) -> None:
    """Make the index of words anew from what was said, however damaged it is: its own tables are made like those of an empty one.

    Raises:
        sqlite3.Error: more is damaged than the index.
    """
    there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    for index, statement in zip(INDEXES, _MAKE_INDEX, strict=True):
        if index not in there:
            for left in sorted(name for name in there if name.startswith(f"{index}_")):
                connection.execute(f"DROP TABLE {left}")
            connection.execute(statement)
    with closing(sqlite3.connect(":memory:")) as fresh:
        for statement in _MAKE_INDEX:
            fresh.execute(statement)
        own = "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
        for name, statement in fresh.execute(own):
            connection.execute(statement.replace("TABLE", "TABLE IF NOT EXISTS", 1))
            connection.execute(f"DELETE FROM {name}")  # noqa: S608 - a name of FTS5's
            for row in fresh.execute(f"SELECT * FROM {name}"):  # noqa: S608
                marks = ", ".join("?" * len(row))
                connection.execute(f"INSERT INTO {name} VALUES ({marks})", row)  # noqa: S608
    for statement in _FILL_INDEX:
        connection.execute(statement)


def _plain(statement: str) -> str:
    return " ".join(statement.split())


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def _search_words(content: bytes | None) -> str:
    return indexed(_text(content)) if content else ""


def migrate(connection: sqlite3.Connection, steps: tuple[tuple[str, ...], ...] = STEPS) -> int:
    """Bring the file to the newest version, in one transaction; returns the version it had before.

    Raises:
        StoreError: a newer VITA has written it. It is left as it is.
        sqlite3.Error: it could not be changed; it is left as it was.
    """
    before = _version(connection)
    if before == len(steps):
        return before
    prepare(connection)
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
