"""What sounds of a reply, and what of it was heard."""

from __future__ import annotations

from dataclasses import dataclass

from vita_tui.events.base import Event

__all__ = [
    "ClauseFinished",
    "ClauseStarted",
    "Heard",
    "Muted",
    "Paused",
]


@dataclass(frozen=True, slots=True)
class Paused(Event):
    """What is being said is silent until it is told to go on, or goes on."""

    on: bool


@dataclass(frozen=True, slots=True)
class ClauseStarted(Event):
    """The first sample of a clause was handed to the device."""

    turn: int
    index: int
    text: str
    engine: str


@dataclass(frozen=True, slots=True)
class Muted(Event):
    """Replies that are otherwise spoken are not for now, or are again."""

    on: bool


@dataclass(frozen=True, slots=True)
class ClauseFinished(Event):
    turn: int
    index: int
    gap_seconds: float
    """Silence between this clause and the one before it; 0 for the first."""


@dataclass(frozen=True, slots=True)
class Heard(Event):
    """How much of the reply has left the speaker, by the device clock."""

    turn: int
    heard: str
    """The part of the reply's text that was heard."""
    unheard: str
    final: bool
    """True when nothing more of this reply will be played."""
