"""The screen."""

from __future__ import annotations

from vita_tui.settings.section import Live, SettingsSection

__all__ = ["UiSettings"]


class UiSettings(SettingsSection):
    """The screen."""

    theme: Live[str] = "textual-dark"
    """Name of a Textual theme; the palette (ctrl+p) shows them."""
    panel: bool = True
    """Show the live panel where the terminal is wide enough."""
    keys: dict[str, str] = {}
    """Other keys, by the name of what they do: [ui.keys] with "copy.reply" = "f10"; the help (f1) has the names. Several with commas."""
