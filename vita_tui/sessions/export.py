"""A session as a document: Markdown, plain text, or data for JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vita_tui import atomic_files
from vita_tui.sessions.session import Session, SessionSummary, Turn
from vita_tui.text.clean import clean

__all__ = [
    "moment",
    "session_data",
    "split_heard",
    "summary_data",
    "to_markdown",
    "to_text",
    "write_markdown",
]

_SECRET = ("key", "password", "secret", "token", "url")
_FENCE = re.compile(r"(`{3,}(?=[^`]*$)|~{3,})")
"""The beginning of a block of code; one that is indented may belong to a list, which ends where nobody would think."""
_CODE = re.compile(r"((?<!`)(`+)(?!`).*?(?<!`)\2(?!`))")
"""Code within a line."""
_MARKUP = re.compile(r"[*_`~#\[\]|]")
LAST_WORDS = 6
"""By which the place is told where the voice stopped."""
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


def summary_data(summary: SessionSummary) -> dict[str, Any]:
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
    """Headed by the title; replies stand whole, and a line below says how far they were heard.

    What was said stands in quotes and holds no raw HTML and no images: it can neither forge a turn nor load anything.
    """
    blocks = [f"# {_without_html(' '.join(session.title.split())) or 'Conversation'}"]
    blocks.append(f"{moment(session.created)} · {_amount(session)}")
    for turn in session.turns:
        time = f" · {moment(turn.started, '%H:%M')}" if turn.started else ""
        said = _harmless(turn.text)
        quoted = "\n".join(f"> {line}".rstrip() for line in said.splitlines())
        called = "\n".join(f"- {_without_html(call.line)}" for call in turn.calls)
        below = (_hearing(turn), _ending(turn))
        blocks += [f"**{_SPEAKER[turn.role]}**{time}", *filter(None, (called, quoted, *below))]
    return "\n\n".join(blocks) + "\n"


def write_markdown(session: Session, name: str = "") -> Path:
    """Write it as Markdown to the file `name`, by default one named for it, which only the user can read; where.

    Raises:
        FileExistsError: there is such a file.
        OSError: it cannot be written.
    """
    target = Path(name or f"vita-{session.id[:8]}.md").expanduser().absolute()
    atomic_files.write_whole(target, clean(to_markdown(session)), replace=False)
    return target


def _ending(turn: Turn) -> str:
    """Why a turn has no answer, or half of one, on its own line; empty when it is whole."""
    if turn.error:
        return f"*No answer: {_without_html(' '.join(turn.error.split()))}*"
    return "*Unfinished: VITA ended in the middle.*" if turn.unfinished else ""


def _hearing(turn: Turn) -> str:
    """How far a reply was heard, on its own line; empty when it was to its end, or was only shown."""
    if turn.heard is None or turn.heard.strip() == turn.text.strip():
        return ""
    last = " ".join(_MARKUP.sub("", turn.heard).split()[-LAST_WORDS:])
    return f"*Heard up to “{_without_html(last)}”.*" if last else "*Shown, not heard.*"


def _harmless(text: str) -> str:
    """Markdown without raw HTML and images; code stays as it is.

    Where it is not certain that a line is code for every reader, it counts as text.
    """
    lines, fence, sure = [], "", True
    for line in text.splitlines():
        if fence:
            fence = "" if _closes(line, fence) else fence
            lines.append(line)
            continue
        opened = _FENCE.match(line)
        if opened:
            fence = opened[1]
            lines.append(line)
            continue
        sure = sure if line.strip() else True
        pieces = _CODE.split(line)
        sure = sure and "`" not in "".join(pieces[::3]) and "\\`" not in line
        if sure:
            pieces[::3] = map(_without_html, pieces[::3])
            lines.append("".join(piece for number, piece in enumerate(pieces) if number % 3 != 2))
        else:
            lines.append(_without_html(line))
    return "\n".join(lines)


def _closes(line: str, fence: str) -> bool:
    found = line.strip()
    indent = len(line) - len(line.lstrip(" "))
    return indent < 4 and len(found) >= len(fence) and set(found) == {fence[0]}


def _without_html(text: str) -> str:
    return text.replace("<", "\\<").replace("![", "!\\[")


def to_text(session: Session) -> str:
    """For reading in a terminal; what was not heard is in brackets. Further lines of a turn are indented: only a turn begins a line."""
    lines = [" ".join(session.title.split()) or "Conversation"]
    lines += [f"{moment(session.created)} · {_amount(session)}", ""]
    for turn in session.turns:
        heard, unheard = split_heard(turn)
        time = f"[{moment(turn.started, '%H:%M')}] " if turn.started else ""
        rest = f" [not heard: {unheard}]" if unheard else ""
        rest += f" [no answer: {turn.error}]" if turn.error else " [unfinished]" if turn.unfinished else ""
        lines += [f"  ({call.line})" for call in turn.calls]
        first, *more = f"{heard}{rest}".splitlines() or [""]
        lines += [f"{time}{_SPEAKER[turn.role]}: {first}", *(f"  {line}".rstrip() for line in more), ""]
    return "\n".join(lines)


def _amount(session: Session) -> str:
    count = len(session.turns)
    return f"{count} turn{'' if count == 1 else 's'}, {session.tokens} tokens"
