"""What a person should know, once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vita_tui.events.base import Event

__all__ = [
    "Alert",
    "InternalError",
    "Notice",
    "Passed",
]


@dataclass(frozen=True, slots=True)
class Notice(Event):
    """Something the user should know once."""

    title: str
    """What."""
    message: str = ""
    """The number, the reason."""
    remedy: str = ""
    """The command or key that fixes it."""
    severity: Literal["information", "warning", "error"] = "information"
    key: str = ""
    """Notices with the same key are about the same thing: the newest takes the place of the one before, and information says that
    what was warned of has passed."""


@dataclass(frozen=True, slots=True)
class Alert(Notice):
    """A threshold of the metrics monitor was crossed."""


@dataclass(frozen=True, slots=True)
class Passed(Event):
    """What a notice with this key warned of has passed; nobody needs to be told, but it is not shown any longer."""

    key: str


@dataclass(frozen=True, slots=True)
class InternalError(Event):
    """A bug of ours was met and cost one thing that was to be done or shown; the program goes on."""

    where: str
    """Such as "screen"."""
    kind: str
    """Of the exception, such as "NoMatches"."""
