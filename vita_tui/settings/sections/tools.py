"""What the language model may call."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vita_tui.settings.section import Live, SettingsSection

__all__ = ["ToolSettings"]


class ToolSettings(SettingsSection):
    """What the language model may do besides answering, where it knows how to call tools."""

    enabled: Live[bool] = True
    """Offer tools to language models that can call them; off: none."""
    read_only: Live[Literal["ask", "allow"]] = "ask"
    """Whether tools that only look (files below the folder, pages, servers that say so) ask before each call."""
    folder: str = ""
    """Folder below which files may be listed, read and searched; empty for the one that VITA was started in."""
    network: Live[bool] = False
    """Offer reading web pages, as text."""
    write: Live[bool] = False
    """Offer writing files below the folder; each call is asked for."""
    shell: Live[bool] = False
    """Offer running commands in the folder; each call is asked for."""
    rounds: Live[int] = Field(default=8, ge=1, le=50)
    """How often in one answer the model may call tools and go on with what they returned."""
    timeout: Live[float] = Field(default=60.0, gt=0, le=3600)
    """Seconds after which a call has timed out."""
    longest_result: Live[int] = Field(default=8000, ge=200, le=1_000_000)
    """Characters of a result that the model is given; of a longer one the beginning and the end."""
    waiting_sound: Live[bool] = True
    """A soft sound while a tool makes you wait."""
