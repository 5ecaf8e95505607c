"""Conversations and their store."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr

from vita_tui.settings.section import SettingsSection

__all__ = ["SessionSettings"]


class SessionSettings(SettingsSection):
    """Conversations and where they are kept."""

    store: Literal["sqlite", "memory", "redis"] = "sqlite"
    """sqlite keeps them on this machine, redis keeps them on a server that terminals share, memory forgets them at the end."""
    redis_url: SecretStr = SecretStr("redis://127.0.0.1:6379/0")
    """Server for the redis store."""
    max_live: int = Field(default=1000, ge=1)
    """Conversations in memory at once; the longest idle leaves first, its record stays."""
    idle_hours: float = Field(default=24.0, gt=0)
    """After this long without a word a conversation is closed and leaves memory; in the store it stays."""
    sweep_seconds: float = Field(default=3600.0, gt=0)
    """How often idle conversations are looked for."""
    resume_last: bool = False
    """Open with the last conversation instead of a new one."""
