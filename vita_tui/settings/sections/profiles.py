"""Profiles: another model, voice, language and system prompt, by one name."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from vita_tui.settings.section import SettingsSection

__all__ = ["PROFILE_NAME", "Profile", "ProfileSettings"]

PROFILE_NAME = r"^[\w-]{1,40}$"
"""What a profile may be called."""


class Profile(SettingsSection):
    """What is another than in the settings while the profile is used; what it does not name stays."""

    base_url: str | None = None
    """llm.base_url; an empty one is the embedded model."""
    model: str | None = Field(default=None, min_length=1)
    """llm.model"""
    temperature: float | None = Field(default=None, ge=0.0, le=2.0)
    """llm.temperature"""
    system_prompt: str | None = None
    """What the model is told, whether its replies are spoken or shown only."""
    voice: str | None = None
    """tts.voice, or tts.remote_voice where a server speaks."""
    language: str | None = Field(default=None, min_length=1)
    """stt.language"""
    tools: bool | None = None
    """tools.enabled"""


class ProfileSettings(SettingsSection):
    """Profiles: another model, voice, language and system prompt, by one name."""

    use: str = ""
    """Profile that new conversations begin with; empty for none."""
    named: dict[Annotated[str, Field(pattern=PROFILE_NAME)], Profile] = {}
    """By name, each a table [profiles.named.NAME] with base_url, model, temperature, system_prompt, voice, language or tools."""

    @model_validator(mode="after")
    def _is_there(self) -> ProfileSettings:
        if self.use and self.use not in self.named:
            there = (
                f"there are {', '.join(self.named)}" if self.named else "none is written in the settings file"
            )
            raise ValueError(f"there is no profile {self.use}: {there}")
        return self
