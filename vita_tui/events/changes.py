"""Another conversation, another setting."""

from __future__ import annotations

from dataclasses import dataclass

from vita_tui.events.base import Event

__all__ = [
    "SessionChanged",
    "SettingChanged",
]


@dataclass(frozen=True, slots=True)
class SessionChanged(Event):
    session_id: str
    title: str
    turns: int
    tokens: int
    created: float
    """Seconds since 1970."""


@dataclass(frozen=True, slots=True)
class SettingChanged(Event):
    """A setting applies from now on, whoever has changed it."""

    key: str
    """Such as "tts.rate"."""
    value: object
