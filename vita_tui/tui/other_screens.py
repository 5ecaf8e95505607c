"""The screens that lie over the main one: one at a time, opened and closed by the same key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.await_complete import AwaitComplete
from textual.screen import Screen

from vita_tui.tui.base_app import BaseApp

__all__ = ["OtherScreens"]


class OtherScreens(BaseApp):
    """The part of `VitaApp` that opens help, settings, log, history and diagnostics."""

    def action_help(self) -> None:
        from vita_tui.tui.screens.help import HelpScreen

        self._open(HelpScreen)

    def action_settings(self) -> None:
        from vita_tui.tui.screens.settings import SettingsScreen

        if self._has_core():
            self._open(SettingsScreen)

    def action_log(self) -> None:
        from vita_tui.tui.screens.log import LogScreen

        self._open(LogScreen)

    def action_history(self) -> None:
        from vita_tui.tui.screens.history import HistoryScreen

        if self._has_core():
            self._open(HistoryScreen)

    def action_diagnostics(self) -> None:
        from vita_tui.tui.screens.diagnostics import DiagnosticsScreen

        if self._has_core():
            self._open(DiagnosticsScreen)

    def action_choose(self, what: str, words: str = "") -> None:
        """Open a picker: "model", "voice", "language", "theme", "profile", or the "system" prompt.

        Args:
            words: that the list is filtered by at first.
        """
        if self._has_core():
            kind = _picker(what)
            self._open(kind, (lambda: kind(words)) if words else kind)

    def action_change_theme(self) -> None:
        self.action_choose("theme")

    def pop_screen(self) -> AwaitComplete:
        """What closes a screen may be pressed twice before it is closed."""
        return super().pop_screen() if len(self.screen_stack) > 1 else AwaitComplete.nothing()  # type: ignore[no-untyped-call]  # it has none

    def _open(self, kind: type[Screen[Any]], make: Callable[[], Screen[Any]] | None = None) -> None:
        """Open a screen, which `make` makes, or close it when it is the one that is open; one over the main screen at a time."""
        if isinstance(self.screen, kind):
            self.pop_screen()
            return
        while len(self.screen_stack) > 1:
            self.pop_screen()
        self.push_screen((make or kind)())


def _picker(what: str) -> type[Any]:
    from vita_tui.tui.screens.model_picker import ModelPicker
    from vita_tui.tui.screens.prompt_editor import PromptEditor
    from vita_tui.tui.screens.quick_pickers import LanguagePicker, ProfilePicker, ThemePicker
    from vita_tui.tui.screens.voice_picker import VoicePicker

    pickers: dict[str, type[Any]] = {
        "model": ModelPicker,
        "voice": VoicePicker,
        "language": LanguagePicker,
        "theme": ThemePicker,
        "profile": ProfilePicker,
        "system": PromptEditor,
    }
    return pickers[what]
