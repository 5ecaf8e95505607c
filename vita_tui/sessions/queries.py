"""What the SQLite store asks of its database; each function runs inside the transaction of the connection's own thread."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from typing import Any

from vita_tui.sessions.session import Change, Hit, Session, Summary, Turn, title_from
from vita_tui.sessions.store import PROBE_PREFIX, ConflictError, MissingError
from vita_tui.sessions.text import split_words

__all__ = [
    "SEARCH_TITLES",
    "SEARCH_TURNS",
    "count",
    "create",
    "delete",
    "find",
    "match_expression",
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
    UPDATE session SET version = version + 1, title = ?, last_active = max(last_active, ?),
        activity = (SELECT max(activity) + 1 FROM session)
    WHERE id = ?
"""
_TURNS = """
    SELECT role, text, heard, started, finished, engines, spoken, interrupted, tokens, timings, id
    FROM turn WHERE session_id = ? ORDER BY number
"""
_PUT_TURN = """
    INSERT INTO turn
        (session_id, role, text, heard, started, finished, engines, spoken, interrupted, tokens, timings, id)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (session_id, id) DO UPDATE SET
        role = excluded.role, text = excluded.text, heard = excluded.heard, started = excluded.started,
        finished = excluded.finished, engines = excluded.engines, spoken = excluded.spoken,
        interrupted = excluded.interrupted, tokens = excluded.tokens, timings = excluded.timings
"""
_RECENT = """
    SELECT id, title, created, last_active, turns, tokens, version FROM session
    WHERE turns > 0 AND id NOT GLOB ?
    ORDER BY activity DESC LIMIT ? OFFSET ?
"""
_PROBES = f"{PROBE_PREFIX}*"
_OPEN, _CLOSE = "\x02", "\x03"  # around matches in snippets; what was said holds no control characters

SEARCH_TURNS = """
    SELECT session.id, session.title, turn.id, turn.role, turn.started, snippet(turn_words, 0, ?, ?, '…', 16)
    FROM turn_words
    CROSS JOIN turn ON turn.number = turn_words.rowid
    CROSS JOIN session ON session.id = turn.session_id
    WHERE turn_words MATCH ?
    ORDER BY turn_words.rowid DESC
    LIMIT ?
"""
"""Newest first, not best first: the index is walked backwards and left as soon as there are enough, however common the word."""

SEARCH_TITLES = """
    SELECT session.id, session.title, '', 'title', session.created, snippet(title_words, 0, ?, ?, '…', 16)
    FROM title_words
    CROSS JOIN session ON session.number = title_words.rowid
    WHERE title_words MATCH ? AND session.turns > 0
    ORDER BY title_words.rowid DESC
    LIMIT ?
"""


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


def read(db: sqlite3.Connection, session_id: str) -> Session | None:
    row = db.execute(
        "SELECT title, created, last_active, settings, version FROM session WHERE id = ?", (session_id,)
    ).fetchone()
    if row is None:
        return None
    title, created, last_active, settings, number = row
    turns = tuple(map(_turn, db.execute(_TURNS, (session_id,))))
    return Session(session_id, title, created, last_active, turns, json.loads(settings), number)


def _turn(row: tuple[Any, ...]) -> Turn:
    role, text, heard, started, finished, engines, spoken, interrupted, tokens, timings, id_ = row
    return Turn(
        role=role,
        text=text,
        heard=heard,
        started=started,
        finished=finished,
        engines=json.loads(engines),
        spoken=bool(spoken),
        interrupted=bool(interrupted),
        tokens=tokens,
        timings=json.loads(timings),
        id=id_,
    )


def version(db: sqlite3.Connection, session_id: str) -> int | None:
    row = db.execute("SELECT version FROM session WHERE id = ?", (session_id,)).fetchone()
    return None if row is None else int(row[0])


def write(db: sqlite3.Connection, session_id: str, change: Change, expected: int) -> int:
    """Put the change's turns in; returns the new version.

    Raises:
        ConflictError, MissingError: before anything is changed.
    """
    row = db.execute("SELECT version, title FROM session WHERE id = ?", (session_id,)).fetchone()
    if row is None:
        gone = db.execute("SELECT 1 FROM deleted WHERE id = ?", (session_id,)).fetchone()
        raise MissingError(f"There is no conversation {session_id}.", deleted=gone is not None)
    if row[0] != expected:
        raise ConflictError(f"Conversation {session_id} is at version {row[0]}, not {expected}.")
    title = (row[1] if change.title is None else change.title) or title_from(change.turns)
    db.execute(_CHANGE, (_storable(title), change.last_active, session_id))
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
        tokens += turn.tokens - (0 if row is None else row[0])
        db.execute(_PUT_TURN, _turn_row(session_id, turn))
    db.execute(
        "UPDATE session SET turns = turns + ?, tokens = tokens + ? WHERE id = ?", (added, tokens, session_id)
    )


def _turn_row(session_id: str, turn: Turn) -> tuple[Any, ...]:
    return (
        session_id,
        turn.role,
        _storable(turn.text),
        None if turn.heard is None else _storable(turn.heard),
        turn.started,
        turn.finished,
        json.dumps(dict(turn.engines)),
        turn.spoken,
        turn.interrupted,
        turn.tokens,
        json.dumps(dict(turn.timings)),
        turn.id,
    )


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


def recent(db: sqlite3.Connection, limit: int, offset: int) -> list[Summary]:
    return [Summary(*row) for row in db.execute(_RECENT, (_PROBES, limit, offset))]


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


def match_expression(words: str) -> str:
    """The words as an FTS5 expression: each quoted, so that nothing in them is syntax; the last also as a prefix.

    Empty when there is nothing to look for. A single letter is not a prefix: it would fetch half the index.
    """
    wanted = split_words(words)
    if not wanted:
        return ""
    quoted = [f'"{word}"' for word in wanted]
    if len(wanted[-1]) > 1:
        quoted[-1] += "*"
    return " ".join(quoted)


def search(db: sqlite3.Connection, words: str, limit: int) -> list[Hit]:
    expression = match_expression(words)
    if not expression or limit < 1:
        return []
    arguments = (_OPEN, _CLOSE, expression, limit)
    in_turns = [_hit(row) for row in db.execute(SEARCH_TURNS, arguments)]
    seen = {hit.session_id for hit in in_turns}
    # A title is mostly its own first question: it counts only where no turn does.
    in_titles = [
        hit for row in db.execute(SEARCH_TITLES, arguments) if (hit := _hit(row)).session_id not in seen
    ]
    return (
        sorted(in_turns + in_titles, key=lambda hit: hit.started, reverse=True)[:limit]
        if in_titles
        else in_turns
    )


def _hit(row: tuple[Any, ...]) -> Hit:
    marks: list[tuple[int, int]] = []
    snippet = ""
    for piece in row[5].split(_OPEN):
        inside, closed, rest = piece.partition(_CLOSE)
        if closed:
            marks.append((len(snippet), len(snippet) + len(inside)))
        snippet += inside + rest
    session_id, title, turn_id, role, started, _ = row
    return Hit(session_id, title, turn_id, role, started, snippet, tuple(marks))
