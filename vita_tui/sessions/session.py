"""A conversation as data: turns, the session that holds them, and the change that adds to it.

All of these are frozen: a `Session` is the picture of one version, safe to hand to any thread. What changes is made into a
`SessionChange`, which only ever adds or replaces turns by their id. Applying the same change twice gives the same session, so a
change whose fate is unknown may be sent again.
"""

from __future__ import annotations

import json
import math
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from vita_tui.sessions.kept_calls import CALLS, KeptCall
from vita_tui.text.attachments import detach

__all__ = [
    "ARCHIVED",
    "Hit",
    "Role",
    "Session",
    "SessionChange",
    "SessionSummary",
    "Turn",
    "apply",
    "as_count",
    "as_mapping",
    "as_seconds",
    "as_summary",
    "as_text",
    "as_turn",
    "clean_title",
    "decode_turn",
    "encode_turn",
    "merge_turns",
    "new_id",
    "new_session",
    "title_from",
]

Role = Literal["user", "assistant"]

ARCHIVED = "archived"
"""Name of the setting of a conversation that is archived."""
TITLE_LENGTH = 60
"""Characters of the first question that become the title."""

_SPACE = re.compile(r"\s+")


def new_id() -> str:
    """A random id of 32 hexadecimal digits."""
    return uuid.uuid4().hex


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side said. Change it with `dataclasses.replace`; the id stays."""

    role: Role
    text: str
    """All of it, whether it was heard or not."""
    heard: str | None = None
    """What really left the speaker; None when nothing was spoken or all of it was heard."""
    started: float = 0.0
    """Seconds since 1970."""
    finished: float | None = None
    """Seconds since 1970; None while it goes on."""
    engines: Mapping[str, str] = field(default_factory=dict)
    """Who did which job: `{"stt": "whisper base", ...}`."""
    spoken: bool = False
    interrupted: bool = False
    tokens: int = 0
    timings: Mapping[str, Any] = field(default_factory=dict)
    """Milliseconds by stage, and what else JSON can hold: `calls`."""
    error: str = ""
    """Why there is no answer to it, or no more of it, in one sentence."""
    id: str = field(default_factory=new_id)

    @property
    def calls(self) -> tuple[KeptCall, ...]:
        """The tools that were called for it, in the order in which they were over."""
        kept = self.timings.get(CALLS)
        found = map(KeptCall.read, kept) if isinstance(kept, list | tuple) else ()
        return tuple(call for call in found if call is not None)

    @property
    def unfinished(self) -> bool:
        """A reply that was still being written or spoken when the program ended."""
        return self.role == "assistant" and self.finished is None


@dataclass(frozen=True, slots=True)
class Session:
    """One version of a conversation, with all its turns in order."""

    id: str
    title: str
    """From the first question unless the user chose one; empty before that."""
    created: float
    """Seconds since 1970; two sessions with one id but different `created` are not the same conversation."""
    last_active: float
    """Seconds since 1970 of the last change; never goes backwards, even when the clock does."""
    turns: tuple[Turn, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Snapshot of the settings it began with, and what is its own since then: its profile, its system prompt. No secrets."""
    version: int = 0
    """Counts the changes in the store; 0 before it is there."""

    @property
    def archived(self) -> bool:
        """Not among those that are listed first."""
        return self.settings.get(ARCHIVED) is True

    @property
    def tokens(self) -> int:
        return sum(turn.tokens for turn in self.turns)

    def summary(self) -> SessionSummary:
        return SessionSummary(
            self.id, self.title, self.created, self.last_active, len(self.turns), self.tokens, self.version
        )


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """A session without its turns, as lists show it."""

    id: str
    title: str
    created: float
    last_active: float
    turns: int
    """How many."""
    tokens: int
    version: int


@dataclass(frozen=True, slots=True)
class Hit:
    """Where a search found its words."""

    session_id: str
    title: str
    turn_id: str
    """Empty when the title matched."""
    role: str
    """`user`, `assistant`, or `title`."""
    started: float
    """When that was said, seconds since 1970."""
    snippet: str
    """The words around the first match, as plain text."""
    marks: tuple[tuple[int, int], ...] = ()
    """Start and end of each match in `snippet`, in characters."""


@dataclass(frozen=True, slots=True)
class SessionChange:
    """What is to be added to a session."""

    turns: tuple[Turn, ...] = ()
    """Added, or put in the place of the turn with the same id."""
    title: str | None = None
    """New title; None keeps the old one."""
    last_active: float = 0.0
    """Seconds since 1970; the later of this and what is stored wins."""
    settings: Mapping[str, Any] | None = None
    """All settings of the conversation; None keeps the old ones."""

    def joined(self, later: SessionChange) -> SessionChange:
        """Both changes as one; where they disagree `later` wins."""
        return SessionChange(
            turns=merge_turns(self.turns, later.turns),
            title=self.title if later.title is None else later.title,
            last_active=max(self.last_active, later.last_active),
            settings=self.settings if later.settings is None else later.settings,
        )


def new_session(settings: Mapping[str, Any], now: float, *, session_id: str | None = None) -> Session:
    """An empty session that began at `now` (seconds since 1970)."""
    return Session(session_id or new_id(), "", now, now, settings=dict(settings))


def title_from(turns: Iterable[Turn]) -> str:
    """The first question, on one line, cut at a word; empty when there is none."""
    question = next((turn.text for turn in turns if turn.role == "user" and turn.text.strip()), "")
    attached, asked = detach(question)
    line = _SPACE.sub(" ", asked).strip() or next((one.name for one in attached), "")
    if len(line) <= TITLE_LENGTH:
        return line
    cut = (
        line[: TITLE_LENGTH - 1].rsplit(" ", 1)[0]
        if " " in line[: TITLE_LENGTH - 1]
        else line[: TITLE_LENGTH - 1]
    )
    return cut.rstrip(",;:.- ") + "…"


def clean_title(title: str) -> str:
    """A title that the user gave, on one line and not endless."""
    return " ".join(title.split())[:200]


def merge_turns(old: tuple[Turn, ...], new: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """`old` in its order with those in `new` put in their places, and the rest of `new` behind."""
    if not new:
        return old
    newer = {turn.id: turn for turn in new}
    kept = tuple(newer.pop(turn.id, turn) for turn in old)
    return (*kept, *newer.values())


def apply(session: Session, change: SessionChange, *, version: int | None = None) -> Session:
    """`session` after `change`, as version `version` (unchanged when None)."""
    turns = merge_turns(session.turns, change.turns)
    title = session.title if change.title is None else change.title
    return replace(
        session,
        turns=turns,
        title=title or title_from(turns),
        last_active=max(session.last_active, change.last_active),
        settings=session.settings if change.settings is None else dict(change.settings),
        version=session.version if version is None else version,
    )


def encode_turn(turn: Turn) -> str:
    """One turn as a line of JSON."""
    return json.dumps(asdict(turn), ensure_ascii=False, separators=(",", ":"))


def decode_turn(text: str | bytes) -> Turn:
    """The opposite of `encode_turn`; keys of newer versions are left out.

    Raises:
        ValueError: it is not a turn.
    """
    data = json.loads(text)
    if not isinstance(data, dict):
        raise ValueError("a turn is a JSON object")
    return as_turn(data)


# ---- what something else has written into a store: one odd value must not cost the whole conversation


def as_turn(data: Mapping[str, Any]) -> Turn:
    """A turn from the fields that a store holds; a field that makes no sense counts as empty.

    Raises:
        ValueError: it has no text or no id, or nobody has said it.
    """
    role, text, turn_id = data.get("role"), as_text(data.get("text")), data.get("id")
    if role not in ("user", "assistant") or text is None or not isinstance(turn_id, str):
        raise ValueError(f"not a turn: said by {role!r:.40}")
    finished = data.get("finished")
    return Turn(
        role=role,
        text=text,
        heard=as_text(data.get("heard")),
        started=as_seconds(data.get("started")),
        finished=None if finished is None else as_seconds(finished),
        engines={job: name for job, name in as_mapping(data.get("engines")).items() if isinstance(name, str)},
        spoken=bool(data.get("spoken")),
        interrupted=bool(data.get("interrupted")),
        tokens=as_count(data.get("tokens")),
        timings=as_mapping(data.get("timings")),
        error=as_text(data.get("error")) or "",
        id=turn_id,
    )


def as_summary(
    session_id: object,
    title: object,
    created: object,
    last_active: object,
    turns: object,
    tokens: object,
    version: object,
) -> SessionSummary:
    """A summary from what a store holds.

    Raises:
        ValueError: the id is none.
    """
    if not isinstance(session_id, str):
        raise ValueError(f"not a conversation: {session_id!r:.40}")
    seconds = as_seconds(created), as_seconds(last_active)
    return SessionSummary(
        session_id, as_text(title) or "", *seconds, as_count(turns), as_count(tokens), as_count(version)
    )


def as_text(value: object) -> str | None:
    """Text, from bytes too; None when there is none."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) or value is None else str(value)


def as_seconds(value: object) -> float:
    """A moment; 0 when it is none."""
    try:
        seconds = float(value)  # type: ignore[arg-type]  # whatever it is: it is tried
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return seconds if math.isfinite(seconds) else 0.0


def as_count(value: object) -> int:
    """A number of something; 0 when it is none."""
    return max(0, min(int(as_seconds(value)), 2**53))


def as_mapping(value: object) -> dict[str, Any]:
    """An object, from its JSON too; empty when it is none. What JSON has no number for is left out."""
    if isinstance(value, str | bytes):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    if not isinstance(value, Mapping):
        return {}
    return {
        str(name): one
        for name, one in value.items()
        if not (isinstance(one, float) and not math.isfinite(one))
    }
