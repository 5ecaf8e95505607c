"""The screen."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vita_tui.settings.section import Live, SettingsSection

__all__ = ["NoticeWay", "UiSettings"]

NoticeWay = Literal["auto", "bell", "osc9", "osc777", "osc99", "off"]


class UiSettings(SettingsSection):
    """The screen."""

    theme: Live[str] = "textual-dark"
    """Name of a Textual theme; the palette (ctrl+p) shows them."""
    panel: Live[bool] = True
    """Show the live panel where the terminal is wide enough."""
    columns: Live[int] = Field(default=100, ge=0, le=1000)
    """Columns that the text of a reply takes at most, which tables and code may exceed; 0: as wide as the screen."""
    title: Live[bool] = True
    """Show the state in the title of the terminal's window."""
    notify: Live[NoticeWay] = "auto"
    """How a terminal that is not looked at is told that a reply is done: bell, or a notice by OSC 9, 777 or 99; auto takes what it knows."""
    keys: dict[str, str] = {}
    """Other keys, by the name of what they do: [ui.keys] with "copy.reply" = "f10"; the help (f1) has the names. Several with commas."""
