"""A session as a document: Markdown, plain text, or data for JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from vita_tui.sessions.session import Session, Summary, Turn

__all__ = ["moment", "session_data", "split_heard", "summary_data", "to_markdown", "to_text"]

_SECRET = ("key", "password", "secret", "token", "url")
_SPEAKER = {"user": "You", "assistant": "VITA"}


def moment(seconds: float, form: str = "%Y-%m-%d %H:%M") -> str:
    """Seconds since 1970 in the user's time zone; empty when it is no time."""
    try:
        return datetime.fromtimestamp(seconds, UTC).astimezone().strftime(form)
    except (ValueError, OverflowError, OSError):
        return ""


def split_heard(turn: Turn) -> tuple[str, str]:
    """The text of a turn as what was heard and what was not."""
    if turn.heard is None or turn.heard.strip() == turn.text.strip():
        return turn.text, ""
    if turn.text.startswith(turn.heard):
        return turn.heard.rstrip(), turn.text[len(turn.heard) :].strip()
    return turn.heard, ""


def summary_data(summary: Summary) -> dict[str, Any]:
    """A session without its turns, for JSON."""
    return {key: value for key, value in asdict(summary).items() if key != "version"}


def session_data(session: Session) -> dict[str, Any]:
    """A whole session for JSON; settings that may hold a secret are left out."""
    return {
        "id": session.id,
        "title": session.title,
        "created": session.created,
        "last_active": session.last_active,
        "tokens": session.tokens,
        "settings": _public(session.settings),
        "turns": [asdict(turn) for turn in session.turns],
    }


def _public(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _public(value) if isinstance(value, Mapping) else value
        for name, value in settings.items()
        if isinstance(value, Mapping) or name.lower().rpartition("_")[2] not in _SECRET
    }


def to_markdown(session: Session) -> str:
    """Headed by the title; what was not heard is struck through."""
    blocks = [f"# {session.title or 'Conversation'}", f"{moment(session.created)} · {_amount(session)}"]
    for turn in session.turns:
        heard, unheard = split_heard(turn)
        # A struck-through text may not span paragraphs.
        struck = "\n\n".join(f"~~{part.strip()}~~" for part in unheard.split("\n\n") if part.strip())
        time = f" · {moment(turn.started, '%H:%M')}" if turn.started else ""
        blocks += [f"**{_SPEAKER[turn.role]}**{time}", " ".join(filter(None, (heard, struck)))]
    return "\n\n".join(blocks) + "\n"


def to_text(session: Session) -> str:
    """For reading in a terminal; what was not heard is in brackets."""
    lines = [session.title or "Conversation", f"{moment(session.created)} · {_amount(session)}", ""]
    for turn in session.turns:
        heard, unheard = split_heard(turn)
        time = f"[{moment(turn.started, '%H:%M')}] " if turn.started else ""
        rest = f" [not heard: {unheard}]" if unheard else ""
        lines += [f"{time}{_SPEAKER[turn.role]}: {heard}{rest}", ""]
    return "\n".join(lines)


def _amount(session: Session) -> str:
    count = len(session.turns)
    return f"{count} turn{'' if count == 1 else 's'}, {session.tokens} tokens"
