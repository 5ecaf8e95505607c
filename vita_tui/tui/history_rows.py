"""Kept conversations as lines of a list, under their days, and as a text to be read beside it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from textual.content import Content

from vita_tui.sessions.search import Query
from vita_tui.sessions.session import Hit, Session, SessionSummary, Turn
from vita_tui.tui.formatting import clean, count, one_line
from vita_tui.tui.look import MUTED

__all__ = ["FOUND", "HistoryRow", "day", "line_of", "preview", "row_of_hit", "row_of_summary"]

FOUND = "bold $text-accent underline"
"""Words that were looked for."""
BEFORE, AFTER = 3, 12
"""Turns around the one that was found which the preview shows."""
LONGEST = 2_000
"""Characters of one turn in the preview, around what was found."""


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One line: a conversation, or a place in it."""

    id: str
    title: str
    moment: float
    """Seconds since 1970."""
    below: Content
    """What stands below the title."""
    turn_id: str = ""
    """Where the words were found."""


def row_of_summary(summary: SessionSummary) -> HistoryRow:
    facts = f"{_time(summary.last_active)} · {count(summary.turns, 'turn')}"
    return HistoryRow(summary.id, summary.title, summary.last_active, Content.styled(facts, MUTED))


def row_of_hit(hit: Hit) -> HistoryRow:
    who = {"user": "you", "assistant": "VITA"}.get(hit.role, "title")
    snippet = Content(" ".join(hit.snippet.split("\n")))
    for start, end in hit.marks:
        snippet = snippet.stylize(FOUND, start, end)
    below = Content.assemble((f"{who}: ", MUTED), snippet)
    return HistoryRow(hit.session_id, hit.title, hit.started, below, hit.turn_id)


def day(moment: float, now: float) -> str:
    """Under which heading a moment stands, seen from another; both in seconds since 1970."""
    then, today = _date(moment), _date(now)
    days = (today - then).days
    if days <= 0:
        return "Today"
    if days == 1:
        return "Yesterday"
    if days < 7:
        return f"{then:%A}"
    if days < 31:
        return "This month" if (then.year, then.month) == (today.year, today.month) else "Last weeks"
    return f"{then:%B %Y}"


def _time(moment: float) -> str:
    """The time of day within the last week, before that the date."""
    try:
        then = datetime.fromtimestamp(moment)
    except (ValueError, OverflowError, OSError):
        return ""
    return f"{then:%H:%M}" if (datetime.now() - then).days < 7 else f"{then.day} {then:%b %Y}"


def _date(moment: float) -> date:
    try:
        return datetime.fromtimestamp(moment).date()
    except (ValueError, OverflowError, OSError):
        return date(1970, 1, 1)


def line_of(row: HistoryRow, before: HistoryRow | None, now: float, *, marked: bool = False) -> Content:
    """The line of `row`, headed by its day where the row `before` it has another."""
    heading = day(row.moment, now)
    head = f"{heading}\n" if before is None or day(before.moment, now) != heading else ""
    mark = ("● ", "bold") if marked else ("", "")
    title = one_line(row.title, 60) or "Untitled"
    return Content.assemble((head, "bold $text-primary"), mark, (title, "bold"), "\n", row.below, "\n")


def preview(session: Session, turn_id: str, words: str) -> tuple[Content, Content]:
    """What is read of a conversation, with `words` marked: its end, or what is around the turn that was found.

    Returns:
        What stands before the place at which to begin, and the rest.
    """
    turns = [turn for turn in session.turns if turn.text or turn.error]
    at = next((place for place, turn in enumerate(turns) if turn.id == turn_id), None)
    first = max(0, len(turns) - AFTER if at is None else at - BEFORE)
    place = first if at is None else at
    query = Query.of(words) if words else None
    before = [_said(turn, query) for turn in turns[first:place]]
    if first:
        before.insert(0, Content.styled(f"{count(first, 'earlier turn')}\n\n", MUTED))
    after = [_said(turn, query) for turn in turns[place : place + AFTER]]
    if later := len(turns) - place - len(after):
        after.append(Content.styled(count(later, "later turn"), MUTED))
    return Content("").join(before), Content("").join(after)


def _said(turn: Turn, query: Query | None) -> Content:
    text = clean(turn.text)
    start = max(0, places[0][0] - LONGEST // 2) if query is not None and (places := query.places(text)) else 0
    text = (
        ("…" if start else "") + text[start : start + LONGEST] + ("…" if len(text) > start + LONGEST else "")
    )
    content = Content(text)
    for begin, end in query.places(text) if query is not None else ():
        content = content.stylize(FOUND, begin, end)
    who = ("You", "bold $text-primary") if turn.role == "user" else ("VITA", "bold $text-secondary")
    return Content.assemble(who, "\n", content, "\n\n" if turn.text else f"✗ {clean(turn.error)}\n\n")
