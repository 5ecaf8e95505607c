"""Saving conversations from a damaged file: every row that can be read is taken over, and counted."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vita_tui.errors import StoreError
from vita_tui.sessions import queries, schema
from vita_tui.sessions.pages import INDEX_LEAF, Pages, TableRow, Value
from vita_tui.sessions.session import Session, SessionChange, title_from
from vita_tui.sessions.store import ConflictError, MissingError, Store

__all__ = ["Saved", "TakenOver", "recover", "take_over"]

TURN_COLUMNS = (
    "session_id", "id", "role", "text", "heard", "started", "finished", "engines", "spoken", "interrupted", "tokens", "timings",
    "error",
)  # fmt: skip
"""Columns of a turn behind its number, as its rows have them; `error` is not in old rows."""
SESSION = ("id", "title", "created", "last_active", "activity", "version", "turns", "tokens", "settings")
LONGEST_ID = 200
TOGETHER = 64
"""Conversations that are on their way into a store at a time."""


@dataclass(frozen=True, slots=True)
class Saved:
    """What was read from a damaged file."""

    sessions: int
    turns: int
    lost: int
    """Turns that the conversations had, and that could not be read: at least so many."""

    def __str__(self) -> str:
        lost = f"; {_amount(self.lost, 'turn')} could not be read" if self.lost else ""
        return f"{_amount(self.sessions, 'conversation')} with {_amount(self.turns, 'turn')}{lost}"


def recover(damaged: Path, into: sqlite3.Connection) -> Saved:
    """Put every row of `damaged` that can be read into the empty database `into`. Takes some 50 µs for each turn.

    What was deleted stays deleted. A conversation of which only turns are left begins and ends with them.

    Raises:
        OSError: `damaged` cannot be opened at all.
        sqlite3.Error: `into` cannot be written.
    """
    pages = Pages(damaged)
    schema.migrate(into)
    into.execute("PRAGMA foreign_keys = OFF")
    into.execute("BEGIN")
    for row in _rows(pages):
        if (values := _of_turn(row)) is not None:
            _insert(into, "turn", ("number", *TURN_COLUMNS[: len(values)]), (row.number, *values))
        elif (values := _of_session(row)) is not None:
            _insert(into, "session", ("number", *SESSION), (row.number, *values))
    for row in pages.rows(INDEX_LEAF):
        _small(into, row.values)
    for table, column in (("turn", "session_id"), ("session", "id")):
        into.execute(f"DELETE FROM {table} WHERE {column} IN (SELECT id FROM deleted)")  # noqa: S608 - names of ours
    _begin_sessions(into)
    lost = _count_again(into)
    (sessions,) = into.execute("SELECT count(*) FROM session").fetchone()
    (turns,) = into.execute("SELECT count(*) FROM turn").fetchone()
    into.execute("COMMIT")
    return Saved(sessions, turns, lost)


def _rows(pages: Pages) -> Iterator[TableRow]:
    # Whole rows first: of two with one number or id the first is kept.
    cut = []
    for row in pages.rows():
        if row.cut:
            cut.append(row)
        else:
            yield row
    yield from cut


def _of_turn(row: TableRow) -> list[Value] | None:
    """The columns behind the number, if this is a turn."""
    values = row.values
    if (
        not len(TURN_COLUMNS) <= len(values) <= len(TURN_COLUMNS) + 1
        or values[0] is not None
        or values[3] not in ("user", "assistant")
    ):
        return None
    if not (_is_id(values[1]) and _is_id(values[2]) and isinstance(values[4], str | bytes)):
        return None
    found = list(values[1:])
    if row.cut:
        text = values[4] if isinstance(values[4], str) else ""
        found[3] = text.partition("\0")[0] + "…"
        found[4:] = [None, *(0 if isinstance(value, int | float | None) else "" for value in values[6:])]
    return found


def _of_session(row: TableRow) -> list[Value] | None:
    values = row.values
    numbers = all(isinstance(value, int | float) for value in values[3:9])
    fits = len(values) == len(SESSION) + 1 and values[0] is None and _is_id(values[1]) and numbers
    return list(values[1:]) if fits and isinstance(values[2], str | bytes) and not row.cut else None


def _is_id(value: Value) -> bool:
    return (
        isinstance(value, str)
        and 0 < len(value) <= LONGEST_ID
        and "\0" not in value
        and "\ufffd" not in value
    )


def _small(db: sqlite3.Connection, values: tuple[Value, ...]) -> None:
    """A row of `total` or `deleted`."""
    match values:
        case ("created" | "updated" | "deleted" as what, int(number)):
            db.execute("UPDATE total SET number = max(number, ?) WHERE what = ?", (number, what))
        case (str(session_id), float(at)) if _is_id(session_id):
            db.execute("INSERT OR IGNORE INTO deleted VALUES (?, ?)", (session_id, at))


def _insert(db: sqlite3.Connection, table: str, columns: tuple[str, ...], values: tuple[Value, ...]) -> None:
    marks = ", ".join("?" * len(columns))
    statement = f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 - names of ours
    db.execute(statement, values)


def _begin_sessions(db: sqlite3.Connection) -> None:
    """A record for each conversation of which only turns are left, in its place among the others by when it was last used."""
    begun = db.execute("""
        INSERT INTO session (id, title, created, last_active, activity, version, turns, tokens, settings)
        SELECT session_id, '', min(started), max(started), max(number), count(*), count(*), 0, '{}'
        FROM turn WHERE session_id NOT IN (SELECT id FROM session) GROUP BY session_id
    """)
    if begun.rowcount > 0:
        ranked = db.execute("SELECT number FROM session ORDER BY last_active, activity").fetchall()
        places = [(place, number) for place, (number,) in enumerate(ranked, 1)]
        db.executemany("UPDATE session SET activity = ? WHERE number = ?", places)
    for (session_id,) in db.execute("SELECT id FROM session WHERE title = ''").fetchall():
        session = queries.read(db, session_id, lambda _: None)
        if session is not None:
            db.execute("UPDATE session SET title = ? WHERE id = ?", (title_from(session.turns), session_id))


def _count_again(db: sqlite3.Connection) -> int:
    """Set right how many turns each session has; returns how many there were more."""
    db.execute(
        "CREATE TEMP TABLE found AS SELECT session_id AS id, count(*) AS turns, sum(tokens) AS tokens FROM turn GROUP BY 1"
    )
    db.execute("CREATE UNIQUE INDEX temp.by_id ON found (id)")
    (lost,) = db.execute(
        "SELECT coalesce(sum(max(0, session.turns - coalesce(found.turns, 0))), 0) FROM session LEFT JOIN found USING (id)"
    ).fetchone()
    db.execute("""
        UPDATE session SET turns = coalesce((SELECT turns FROM found WHERE found.id = session.id), 0),
            tokens = coalesce((SELECT tokens FROM found WHERE found.id = session.id), 0)
    """)
    db.execute("DROP TABLE temp.found")
    return int(lost)


# ---- into a store that is in use


@dataclass(slots=True)
class TakenOver:
    """What of a file was put into a store."""

    added: int = 0
    """Conversations that the store had not."""
    completed: int = 0
    """Conversations that lacked turns."""
    turns: int = 0
    """Turns that were put in."""
    known: int = 0
    """Conversations that the store has whole."""
    deleted: int = 0
    """Conversations that were deleted meanwhile, and stay so."""


async def take_over(store: Store, source: sqlite3.Connection) -> TakenOver:
    """Put into `store` what it lacks of the conversations in `source`, which `recover` has filled.

    Raises:
        StoreError: the store failed; what was put in stays.
    """
    done = TakenOver()
    ids = [row[0] for row in source.execute("SELECT id FROM session WHERE turns > 0 ORDER BY activity")]
    for start in range(0, len(ids), TOGETHER):
        sessions = [
            queries.read(source, session_id, lambda _: None) for session_id in ids[start : start + TOGETHER]
        ]
        await asyncio.gather(*(_put(store, session, done) for session in sessions if session is not None))
    return done


async def _put(store: Store, session: Session, done: TakenOver) -> None:
    for _ in range(5):  # someone else may write it at the same time
        there = await store.read(session.id)
        try:
            if there is None:
                # Asking to write tells whether it was deleted.
                await store.write(session.id, SessionChange(), expected=session.version)
                continue
            ids = {turn.id for turn in there.turns}
            lacking = tuple(turn for turn in session.turns if turn.id not in ids)
            if not lacking:
                done.known += 1
                return
            await store.write(session.id, SessionChange(lacking), expected=there.version)
            done.completed += 1
            done.turns += len(lacking)
            return
        except ConflictError:
            continue
        except MissingError as error:
            if error.deleted:
                done.deleted += 1
                return
            try:
                await store.create(session)
            except ConflictError:
                continue
            done.added += 1
            done.turns += len(session.turns)
            return
    raise StoreError(f"Conversation {session.id} is written by others all the time.")


def _amount(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
