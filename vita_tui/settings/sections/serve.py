"""What one client of `vita serve`, and all of them together, may have."""

from __future__ import annotations

from pydantic import Field

from vita_tui.settings.section import SettingsSection

__all__ = ["ServeSettings"]


class ServeSettings(SettingsSection):
    """Limits of vita serve. A client is a key, or the address of one that needs none."""

    connections: int = Field(default=1200, ge=1)
    """Connections that are open at once; one more gets 429."""
    connections_per_client: int = Field(default=1200, ge=1)
    """Connections of one client that are open at once."""
    waiting: int = Field(default=128, ge=1)
    """Pieces of work (utterances, clauses, replies) that may wait for an engine; one more gets 429."""
    waiting_per_client: int = Field(default=8, ge=1)
    """Pieces of work of one client that may wait for an engine."""
    upload_mb: int = Field(default=100, ge=1, le=10_000)
    """Size of one request, in MB."""
    upload_seconds: float = Field(default=300.0, gt=0)
    """Seconds in which all of a request must have arrived."""
    audio_seconds: float = Field(default=4 * 3600.0, gt=0)
    """Length of one recording in seconds, however few bytes it is packed into."""
    speech_characters: int = Field(default=16_384, ge=1)
    """Characters of one text that is to be spoken."""
    stalled_seconds: float = Field(default=30.0, gt=0)
    """Seconds in which a client must have taken something of what is sent to it; otherwise its connection is cut."""
    idle_seconds: float = Field(default=24 * 3600.0, gt=0)
    """Seconds after which a connection on which nothing happens is closed."""
    drain_seconds: float = Field(default=30.0, ge=0)
    """Seconds that replies in progress have when the server ends."""
