"""The screens that lie over the main one: one at a time, opened and closed by the same key."""

from __future__ import annotations

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

    def pop_screen(self) -> AwaitComplete:
        """What closes a screen may be pressed twice before it is closed."""
        return super().pop_screen() if len(self.screen_stack) > 1 else AwaitComplete.nothing()  # type: ignore[no-untyped-call]  # it has none

    def _open(self, kind: type[Screen[Any]]) -> None:
        """Open a screen, or close it when it is the one that is open; one over the main screen at a time."""
        if isinstance(self.screen, kind):
            self.pop_screen()
            return
        while len(self.screen_stack) > 1:
            self.pop_screen()
        self.push_screen(kind())
