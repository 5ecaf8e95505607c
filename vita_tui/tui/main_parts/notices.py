"""What asks for attention on the main screen: engines, devices, and whatever else is wrong."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import get_args

from textual.message import Message

from vita_tui.errors import NO_SOUND
from vita_tui.events import EngineStatus, Event, Health, Job, Notice, Passed
from vita_tui.tui.formatting import clean
from vita_tui.tui.main_parts.screen_part import ScreenPart
from vita_tui.tui.widgets.panel import EngineRows, Panel
from vita_tui.tui.widgets.prompt import PLACEHOLDER, Prompt
from vita_tui.tui.widgets.status import StatusLine
from vita_tui.tui.widgets.welcome import Welcome

__all__ = ["Notices"]


class Notices(ScreenPart):
    """Toasts, and the panel's section for what is wrong for longer."""

    def __init__(self) -> None:
        super().__init__()
        self._without_sound = False
        """It was told that this machine has no sound."""
        self._withheld: dict[str, Notice] = {}
        """By key: what is shown only if nothing better comes."""

    async def show(self, event: Event) -> None:
        match event:
            case EngineStatus():
                if event.health is Health.MISSING and not self.app.is_fetching(event.job):
                    self._tell_withheld(f"engine:{event.job}")  # it came, and does not work all the same
                if event.health is Health.MISSING and self.app.is_fetching(event.job):
                    event = replace(event, health=Health.LOADING, reason="being fetched")
                self.query_one(Panel).show_engine(event)
                for welcome in self.query(Welcome):
                    welcome.show_engine(event)
            case Notice():
                if not self._withholds(event):
                    self.show_notice(event)
            case Passed():
                self.query_one(Panel).passed(event.key)
                if event.key == "microphone":
                    self._show_microphone(there=True)
            case _:
                pass
        await super().show(event)

    def _withholds(self, notice: Notice) -> bool:
        """Whether the notice is of a fallback while the first choice is fetched, or of the first choice that then came."""
        if any(notice.key == f"engine:{job}" and self.app.is_fetching(job) for job in get_args(Job)):
            self._withheld[notice.key] = notice
            return True
        return notice.severity == "information" and self._withheld.pop(notice.key, None) is not None

    def on_fetch_stopped(self, _message: Message) -> None:
        """Nothing better is on its way any more: what was being fetched is missing."""
        for chain in self.app.core.chains.values() if self.app.core is not None else ():
            for status in chain.statuses():
                self.bridge(status)
        self._tell_withheld(*self._withheld)

    def _tell_withheld(self, *keys: str) -> None:
        for key in keys:
            if (notice := self._withheld.pop(key, None)) is not None:
                self.show_notice(notice)

    def show_none(self, jobs: Iterable[Job]) -> None:
        """The settings name no engine for `jobs`."""
        without = list(jobs)
        for rows in self.query(EngineRows):
            rows.show_none(without)

    def _show_microphone(self, *, there: bool) -> None:
        self.query_one(StatusLine).microphone = self.query_one(Panel).microphone = there
        self.query_one(Prompt).placeholder = PLACEHOLDER[there]
        for welcome in self.query(Welcome):
            welcome.show_microphone(there)

    def note(self, notice: Notice) -> None:
        """A place in the panel, and nothing more."""
        self.query_one(Panel).show_notice(notice)

    def show_notice(self, notice: Notice) -> None:
        """A toast, and a place in the panel when it is more than information."""
        again = False
        if notice.message.startswith(NO_SOUND):  # of microphone and speaker alike: once is enough
            again, self._without_sound = self._without_sound, True
            message = f"{notice.message} Type your questions."
            notice = replace(notice, title="No sound", message=message, key="microphone")
        self.note(notice)
        if notice.key == "microphone":
            self._show_microphone(there=notice.severity == "information")
        if again:
            return
        lines = [
            clean(part) for part in (notice.message, f"→ {notice.remedy}" if notice.remedy else "") if part
        ]
        self.app.notify(
            "\n".join(lines) or " ",
            title=clean(notice.title),
            severity=notice.severity,
            timeout=6 if notice.severity == "information" else 12,
            markup=False,
        )
