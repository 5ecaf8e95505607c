"""Another conversation, another setting."""

from __future__ import annotations

from dataclasses import dataclass

from vita_tui.events.base import Event

__all__ = [
    "ConversationChanged",
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
class ConversationChanged(Event):
    """What is the present conversation's own, and no other's."""

    profile: str
    """The profile that it uses; empty for none."""
    system_prompt: str
    """Its own system prompt; empty for that of the profile or of the settings."""


@dataclass(frozen=True, slots=True)
class SettingChanged(Event):
    """A setting applies from now on, whoever has changed it."""

    key: str
    """Such as "tts.rate"."""
    value: object
