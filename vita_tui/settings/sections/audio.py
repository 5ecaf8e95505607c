"""Microphone and speaker."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vita_tui.settings.section import Live, SettingsSection

__all__ = ["AudioSettings", "DuplexMode"]


DuplexMode = Literal["full_duplex", "half_duplex", "push_to_talk"]


class AudioSettings(SettingsSection):
    """Microphone and speaker."""

    input: Live[str] = ""
    """Name of the microphone, or a part of it; empty for the system's default."""
    output: Live[str] = ""
    """Name of the speaker, or a part of it; empty for the system's default."""
    pre_roll: float = Field(default=0.5, ge=0.0, le=3.0)
    """Seconds before the key that belong to what you say: the first word is never lost."""
    earcons: Live[bool] = True
    """Short sounds when the microphone opens and closes."""
    speak: Live[bool] = True
    """Speak the replies aloud; off shows them only."""
    duplex: Literal["auto", "full_duplex", "half_duplex", "push_to_talk"] = "auto"
    """full_duplex: talk into the reply; half_duplex: the microphone is off while it sounds; push_to_talk: only the key opens it."""
    echo_delay: float = Field(default=0.0, ge=-0.5, le=2.0)
    """Seconds until what is played is heard by the microphone; measured by vita calibrate."""
    echo_level: float = Field(default=-20.0, ge=-90.0, le=30.0)
    """What the microphone hears of the speaker, in dB over what is played; measured by vita calibrate."""
    noise_floor: float = Field(default=-60.0, ge=-90.0, le=0.0)
    """Loudness of the room when nobody speaks, in dBFS; measured by vita calibrate."""
