"""Timers, alarms and reminders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vita_tui.events.base import Event

__all__ = [
    "Alarm",
    "AlarmsChanged",
    "Ringing",
]


@dataclass(frozen=True, slots=True)
class Alarm:
    """A timer, an alarm or a reminder."""

    id: int
    """0 before it is kept."""
    kind: Literal["timer", "alarm", "reminder"]
    name: str
    """What a timer is for, or what is to be remembered; may be empty."""
    due: float
    """Seconds since 1970."""
    length: float
    """Seconds for which a timer was set; 0 for others."""
    left: float | None = None
    """Seconds that a timer has to go which is paused."""
    at: str = ""
    """The time of day, "HH:MM", of what comes again."""
    days: str = ""
    """The weekdays on which it comes again, such as "01234"; Monday is 0."""
    language: str = "en"
    """In which it was asked for."""


@dataclass(frozen=True, slots=True)
class AlarmsChanged(Event):
    """What is to ring from now on, the next one first."""

    alarms: tuple[Alarm, ...]


@dataclass(frozen=True, slots=True)
class Ringing(Event):
    """An alarm begins to ring, or ends."""

    alarm: Alarm
    text: str
    """What is said of it."""
    on: bool
