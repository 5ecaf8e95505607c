"""What the parts of the app have in common: the assistant, the main screen, and work beside the screen."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from textual.app import App
from textual.notifications import Notify

from vita_tui.clock import Clock
from vita_tui.events import Job
from vita_tui.health.tasks import Tasks, notice_of
from vita_tui.tui import private_textual
from vita_tui.tui.contrast import readable
from vita_tui.tui.core import Core
from vita_tui.tui.screens.main import MainScreen

__all__ = ["BaseApp"]

REPLY_COLUMNS = 100
"""The default of `ui.columns`, known before the settings are read: the styles need not be read again."""
TAKES_AWAY = private_textual.toasts() is not None
"""Whether a toast can be taken away before its time."""


class BaseApp(App[int]):
    """An app that has an assistant, or will have one. `VitaApp` is made of parts that each know this and no other part."""

    def __init__(self, clock: Clock, *, panel: bool) -> None:
        self._columns = REPLY_COLUMNS
        # Without colours Textual would still paint greys, which leave it open what the terminal can show.
        super().__init__(watch_css=False, ansi_color=True if os.environ.get("NO_COLOR") else None)
        self._clock = clock
        self.core: Core | None = None
        """None until it was built."""
        self.main: MainScreen = MainScreen(clock, panel=panel)
        self.own_keys: Mapping[str, str] = {}
        """Keys that the settings give to actions, by their names."""
        self.quitting = False
        self._started = False
        """The assistant was: questions can be asked."""
        self._turning = asyncio.Lock()
        """Held while another conversation is turned to: what is asked meanwhile belongs to that one."""
        self._own_loop: asyncio.AbstractEventLoop | None = None
        """The one that all runs on; None before it does."""
        self._tasks = Tasks("tui.app", self._failed)

    def get_css_variables(self) -> dict[str, str]:
        """The theme's colours, as they can be read, and how wide a reply is."""
        colours = readable(super().get_css_variables(), colourless=self.no_color)
        self.theme_variables = colours | {"reply-columns": str(self._columns or "100%")}
        return self.theme_variables

    def limit_replies(self, columns: int) -> None:
        """Have the text of replies take so many columns at most; 0: as wide as the screen."""
        if columns != self._columns:
            self._columns = columns
            self.refresh_css(animate=False)

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> None:
        """Run `work` beside the screen; an error becomes a toast."""
        self._tasks.spawn(work, name)

    def tell_terminal(self, sequence: str) -> None:
        """Write what changes nothing on the screen, between two frames."""
        driver = getattr(self, "_driver", None)
        if sequence and driver is not None and not self.is_headless:
            driver.write(sequence)

    def on_notify(self, event: Notify) -> None:
        """A toast takes the place of what is still shown under the same title: ten failures are one."""
        if not TAKES_AWAY:
            return
        new = event.notification
        for earlier in [one for one in self._notifications if new.title and one.title == new.title]:
            self._unnotify(earlier, refresh=False)

    def _failed(self, error: BaseException) -> None:
        self.main.show_notice(notice_of(error))

    def is_fetching(self, job: Job) -> bool:
        """Whether what `job` needs is on its way."""
        from vita_tui.tui.widgets.fetch import Fetch

        return any(fetch.brings(job) for fetch in self.main.query(Fetch))

    def _has_core(self) -> bool:
        if self.core is None:
            self.notify("Not ready yet. Try again in a moment.", title="Starting", markup=False)
        return self.core is not None

    def _soon(self, work: Callable[..., None], *arguments: object) -> None:
        if (loop := self._own_loop) is not None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(work, *arguments)

    def _show_mode(self) -> None:
        from vita_tui.settings.destinations import leaving
        from vita_tui.tui.widgets.status import StatusLine

        if self.core is not None:
            status = self.main.query_one(StatusLine)
            status.aloud = self.core.speaking_aloud
            status.leaving = leaving(self.core.settings)
