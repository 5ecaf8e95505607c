"""What the language model calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vita_tui.events.base import Event

__all__ = [
    "ToolAnswered",
    "ToolAsked",
    "ToolFinished",
    "ToolOutcome",
    "ToolProgress",
    "ToolStarted",
]

ToolOutcome = Literal["done", "failed", "denied", "cancelled"]


@dataclass(frozen=True, slots=True)
class ToolAsked(Event):
    """The model wants to call a tool, and the user has to allow it."""

    turn: int
    call: str
    """Names this call."""
    tool: str
    source: str
    """ "VITA", or the MCP server that offers it."""
    arguments: str
    """In full, to be shown: what cannot be seen stands there as an escape."""
    effect: str
    """ "look": it only looks, "act": it changes something."""


@dataclass(frozen=True, slots=True)
class ToolAnswered(Event):
    """What was asked is asked no more."""

    turn: int
    call: str
    decision: str
    """ "yes", "no", "always" (for this tool in this conversation) or "looking" (all that only looks)."""


@dataclass(frozen=True, slots=True)
class ToolStarted(Event):
    """A tool runs."""

    turn: int
    call: str
    tool: str
    source: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolProgress(Event):
    """How far a call is, in a few words."""

    turn: int
    call: str
    text: str


@dataclass(frozen=True, slots=True)
class ToolFinished(Event):
    """A call is over; one that was denied or had no such tool was never started."""

    turn: int
    call: str
    tool: str
    source: str
    seconds: float
    outcome: ToolOutcome
    summary: str
    """The beginning of what it returned, or why it failed, on one line."""
