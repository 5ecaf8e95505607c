"""The window around the main screen: its title tells the state, and a notice tells that a reply is done to whoever looks elsewhere."""

from __future__ import annotations

import os

from vita_tui.events import Event, SessionChanged, SettingChanged, StateChanged, ToolAsked, TurnFinished
from vita_tui.tui import terminal_notices
from vita_tui.tui.formatting import one_line
from vita_tui.tui.look import shown
from vita_tui.tui.main_parts.screen_part import ScreenPart

__all__ = ["TerminalWindow"]

TITLE_WIDTH = 40
"""Characters of the conversation's title."""


class TerminalWindow(ScreenPart):
    """What is told beyond the screen."""

    def __init__(self) -> None:
        super().__init__()
        self._named = ""
        """Title of the present one."""
        self._title = ""
        """That the window has; empty for its own."""

    async def show(self, event: Event) -> None:
        match event:
            case SessionChanged():
                self._named = event.title if event.session_id else ""
                self._name_window()
            case StateChanged() | SettingChanged(key="ui.title"):
                self._name_window()
            case TurnFinished():
                self._notice("The reply is done.")
            case ToolAsked():
                self._notice("A tool waits for your answer.")
            case SettingChanged(key="ui.panel"):
                self.set_class(not event.value, "panel-off")
            case _:
                pass
        await super().show(event)

    def _name_window(self) -> None:
        if (core := self.app.core) is None:
            return
        if not core.settings.ui.title:
            self.leave_window()
            return
        words = f"{shown(core.state)} · VITA"
        if self._named:
            words += f" · {one_line(self._named, TITLE_WIDTH)}"
        if words != self._title:
            before = "" if self._title else terminal_notices.KEEP_TITLE
            self._title = words
            self.app.tell_terminal(before + terminal_notices.title(words))

    def leave_window(self) -> None:
        """Give the window the title back that it had."""
        if self._title:
            self._title = ""
            self.app.tell_terminal(terminal_notices.OLD_TITLE)

    def _notice(self, words: str) -> None:
        """Say `words` where nobody looks at this terminal."""
        core = self.app.core
        if core is not None and not self.app.app_focus:
            self.app.tell_terminal(terminal_notices.notice(words, core.settings.ui.notify, os.environ))
