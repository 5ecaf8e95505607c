"""What the SQLite store asks of its database; each function runs inside the transaction of the connection's own thread."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any

from vita_tui.sessions.search import Query
from vita_tui.sessions.session import (
    ARCHIVED,
    Hit,
    Session,
    SessionChange,
    SessionSummary,
    Turn,
    as_count,
    as_mapping,
    as_seconds,
    as_summary,
    as_text,
    as_turn,
    title_from,
)
from vita_tui.sessions.store import PROBE_PREFIX, ConflictError, MissingError

__all__ = [
    "SEARCH_TITLES",
    "SEARCH_TURNS",
    "count",
    "create",
    "delete",
    "find",
    "overlooked",
    "read",
    "recent",
    "search",
    "sweep",
    "totals",
    "version",
    "write",
]

_CREATE = """
    INSERT INTO session (id, title, created, last_active, activity, version, turns, tokens, settings)
    VALUES (?, ?, ?, ?, (SELECT coalesce(max(activity), 0) + 1 FROM session), ?, 0, 0, ?)
"""
_CHANGE = """
    UPDATE session SET version = ?, title = ?, last_active = max(last_active, ?),
        activity = (SELECT max(activity) + 1 FROM session)
    WHERE id = ?
"""
_FIELDS = tuple(field.name for field in fields(Turn))
"""Of a turn, and columns of its row."""
_TURNS = f"SELECT number, {', '.join(_FIELDS)} FROM turn WHERE session_id = ? ORDER BY number"  # noqa: S608 - names of ours
_MARKS = ", ".join("?" * (1 + len(_FIELDS)))
_NEW = ", ".join(f"{name} = excluded.{name}" for name in _FIELDS if name != "id")
_PUT_TURN = (
    f"INSERT INTO turn (session_id, {', '.join(_FIELDS)}) VALUES ({_MARKS})"  # noqa: S608 - names of ours
    f" ON CONFLICT (session_id, id) DO UPDATE SET {_NEW}"
)
_RECENT = """
    SELECT id, title, created, last_active, turns, tokens, version FROM session
    WHERE turns > 0 AND id NOT GLOB ? AND (instr(settings, ?) > 0) = ?
    ORDER BY activity DESC LIMIT ? OFFSET ?
"""
_ARCHIVED = json.dumps({ARCHIVED: True})[1:-1]
"""As it stands in the settings of a session; within a text its quotes would be escaped."""
_PROBES = f"{PROBE_PREFIX}*"

SEARCH_TURNS = """
    SELECT session.id, session.title, turn.id, turn.role, turn.started, turn.text
    FROM turn_words
    CROSS JOIN turn ON turn.number = turn_words.rowid
    CROSS JOIN session ON session.id = turn.session_id
    WHERE turn_words MATCH ?
    ORDER BY turn_words.rowid DESC
"""
"""Newest first, not best first: the index is walked backwards and left as soon as there are enough, however common the word."""

SEARCH_TITLES = """
    SELECT session.id, session.title, '', 'title', session.created, session.title
    FROM title_words
    CROSS JOIN session ON session.number = title_words.rowid
    WHERE title_words MATCH ? AND session.turns > 0
    ORDER BY title_words.rowid DESC
"""

Skip = Callable[[str], None]
"""Told of each row that cannot be read, and is left out."""


def create(db: sqlite3.Connection, session: Session) -> int:
    """Insert a session with its turns; returns its version.

    Raises:
        ConflictError: there is one with that id.
    """
    if version(db, session.id) is not None:
        raise ConflictError(f"There is already a conversation {session.id}.")
    first = max(1, session.version)
    settings = json.dumps(dict(session.settings))
    values = (session.id, _storable(session.title), session.created, session.last_active, first, settings)
    db.execute(_CREATE, values)
    db.execute("DELETE FROM deleted WHERE id = ?", (session.id,))
    if session.turns:
        _put_turns(db, session.id, session.turns)
    _count(db, "created", session.id)
    return first


def read(db: sqlite3.Connection, session_id: str, skip: Skip) -> Session | None:
    row = db.execute(
        "SELECT title, created, last_active, settings, version FROM session WHERE id = ?", (session_id,)
    ).fetchone()
    if row is None:
        return None
    title, created, last_active, settings, number = row
    turns = []
    for values in db.execute(_TURNS, (session_id,)):
        try:
            turns.append(as_turn(dict(zip(_FIELDS, values[1:], strict=True))))
        except ValueError:
            skip(f"turn {values[0]}")
    seconds = as_seconds(created), as_seconds(last_active)
    return Session(
        session_id, as_text(title) or "", *seconds, tuple(turns), as_mapping(settings), as_count(number)
    )


def version(db: sqlite3.Connection, session_id: str) -> int | None:
    row = db.execute("SELECT version FROM session WHERE id = ?", (session_id,)).fetchone()
    return None if row is None else as_count(row[0])


def write(db: sqlite3.Connection, session_id: str, change: SessionChange, expected: int) -> int:
    """Put the change's turns in; returns the new version.

    Raises:
        ConflictError, MissingError: before anything is changed.
    """
    row = db.execute("SELECT version, title FROM session WHERE id = ?", (session_id,)).fetchone()
    if row is None:
        gone = db.execute("SELECT 1 FROM deleted WHERE id = ?", (session_id,)).fetchone()
        raise MissingError(f"There is no conversation {session_id}.", deleted=gone is not None)
    if as_count(row[0]) != expected:
        raise ConflictError(f"Conversation {session_id} is at version {row[0]}, not {expected}.")
    title = (as_text(row[1]) if change.title is None else change.title) or title_from(change.turns)
    db.execute(_CHANGE, (expected + 1, _storable(title), change.last_active, session_id))
    if change.settings is not None:
        settings = json.dumps(dict(change.settings))
        db.execute("UPDATE session SET settings = ? WHERE id = ?", (settings, session_id))
    if change.turns:
        _put_turns(db, session_id, change.turns)
    _count(db, "updated", session_id)
    return expected + 1


def _put_turns(db: sqlite3.Connection, session_id: str, turns: Iterable[Turn]) -> None:
    added = tokens = 0
    for turn in turns:
        # What is there already decides the sums, so that a write costs the same in a conversation of any length.
        row = db.execute(
            "SELECT tokens FROM turn WHERE session_id = ? AND id = ?", (session_id, turn.id)
        ).fetchone()
        added += row is None
        tokens += turn.tokens - (0 if row is None else as_count(row[0]))
        db.execute(_PUT_TURN, _turn_row(session_id, turn))
    db.execute(
        "UPDATE session SET turns = turns + ?, tokens = tokens + ? WHERE id = ?", (added, tokens, session_id)
    )


def _turn_row(session_id: str, turn: Turn) -> tuple[Any, ...]:
    values = (getattr(turn, name) for name in _FIELDS)
    return (session_id, *map(_column, values))


def _column(value: Any) -> Any:
    if isinstance(value, str):
        return _storable(value)
    return json.dumps(dict(value)) if isinstance(value, Mapping) else value


def _storable(text: str) -> str:
    """`text` without lone surrogates, which UTF-8 cannot hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def delete(db: sqlite3.Connection, session_id: str, now: float) -> bool:
    """Remove a session and remember that this was meant, for those who still have it in memory."""
    db.execute("DELETE FROM turn WHERE session_id = ?", (session_id,))
    was_there = db.execute("DELETE FROM session WHERE id = ?", (session_id,)).rowcount > 0
    if was_there and not session_id.startswith(PROBE_PREFIX):
        _count(db, "deleted", session_id)
        db.execute("INSERT OR REPLACE INTO deleted (id, at) VALUES (?, ?)", (session_id, now))
    return was_there


def _count(db: sqlite3.Connection, what: str, session_id: str) -> None:
    if not session_id.startswith(PROBE_PREFIX):
        db.execute("UPDATE total SET number = number + 1 WHERE what = ?", (what,))


def totals(db: sqlite3.Connection) -> tuple[int, int, int]:
    """Created, updated and deleted since the file was begun, by all programs."""
    number: dict[str, int] = dict(db.execute("SELECT what, number FROM total"))
    return number["created"], number["updated"], number["deleted"]


def recent(
    db: sqlite3.Connection, limit: int, offset: int, skip: Skip, *, archived: bool = False
) -> list[SessionSummary]:
    found = []
    for row in db.execute(_RECENT, (_PROBES, _ARCHIVED, archived, limit, offset)):
        try:
            found.append(as_summary(*row))
        except ValueError:
            skip(f"session {row[0]!r:.60}")
    return found


def find(db: sqlite3.Connection, prefix: str, limit: int) -> list[str]:
    # A range on the index of ids; LIKE and GLOB would give meaning to characters of the prefix.
    rows = db.execute(
        "SELECT id FROM session WHERE id >= ? AND id < ? AND id NOT GLOB ? ORDER BY id LIMIT ?",
        (prefix, prefix + "\U0010ffff", _PROBES, limit),
    )
    return [row[0] for row in rows]


def count(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT count(*) FROM session WHERE id NOT GLOB ?", (_PROBES,)).fetchone()[0])


def sweep(db: sqlite3.Connection, before: float) -> int:
    """Remove sessions without a word, and what probes left behind, last used before that second since 1970."""
    db.execute("DELETE FROM deleted WHERE at < ?", (before,))
    db.execute(
        "DELETE FROM turn WHERE session_id IN (SELECT id FROM session WHERE id GLOB ? AND last_active < ?)",
        (_PROBES, before),
    )
    return db.execute(
        "DELETE FROM session WHERE last_active < ? AND (turns = 0 OR id GLOB ?)", (before, _PROBES)
    ).rowcount


def search(db: sqlite3.Connection, query: Query, limit: int) -> list[Hit]:
    in_turns = _hits(db, SEARCH_TURNS, query, limit)
    seen = {hit.session_id for hit in in_turns}
    # A title is mostly its own first question: it counts only where no turn does.
    in_titles = [hit for hit in _hits(db, SEARCH_TITLES, query, limit) if hit.session_id not in seen]
    return (
        sorted(in_turns + in_titles, key=lambda hit: hit.started, reverse=True)[:limit]
        if in_titles
        else in_turns
    )


def _hits(db: sqlite3.Connection, statement: str, query: Query, limit: int) -> list[Hit]:
    hits: list[Hit] = []
    rows = db.execute(statement, (query.expression,))
    while len(hits) < limit and (row := rows.fetchone()) is not None:
        session_id, title, turn_id, role, started, text = row
        # The index knows no punctuation: that words which must stand together do so, the text itself tells.
        found = query.excerpt(as_text(text) or "")
        if found is not None and role in ("user", "assistant", "title"):
            hits.append(Hit(session_id, as_text(title) or "", turn_id, role, as_seconds(started), *found))
    rows.close()
    return hits


def overlooked(db: sqlite3.Connection, query: Query) -> bool:
    """Whether the index misses what is there, after it has found nothing: damage that SQLite does not see.

    Looked at are plain words in the first texts that have them: enough to tell a useless index from a rare word.
    """
    words = {word for phrase in query.phrases for word in phrase}
    if not query.plain:
        return False
    condition = " AND ".join(["text LIKE ?"] * len(words))
    rows = db.execute(
        f"SELECT text FROM turn WHERE {condition} LIMIT 1000",  # noqa: S608 - no words in it
        [f"%{word}%" for word in words],
    )
    return any(query.excerpt(as_text(text) or "") is not None for (text,) in rows)
