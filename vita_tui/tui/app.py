"""The Textual app: it owns the assistant from the first paint to the last.

The screen is painted before anything else is imported. Then a thread of the app's own reads the settings and builds the
assistant; from there on all runs on this loop. `start.run` is the way in.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import threading
from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any, ClassVar

from textual import events
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.message import Message
from textual.screen import Screen

from vita_tui.clock import Clock, SystemClock
from vita_tui.events import InternalError, Notice
from vita_tui.tui.choosing import Choosing
from vita_tui.tui.containment import Mishaps, contain_messages
from vita_tui.tui.core import Build, Core, Weights
from vita_tui.tui.driver_calls import DriverCalls
from vita_tui.tui.input_order import at_least, points_at_something, press
from vita_tui.tui.kept_conversations import KeptConversations
from vita_tui.tui.leaving import ENDING
from vita_tui.tui.memory_use import MemoryUse, measure
from vita_tui.tui.messages import Built, NotBuilt
from vita_tui.tui.other_screens import OtherScreens
from vita_tui.tui.own_keys import OwnKeys
from vita_tui.tui.terminal import TerminalFile, driver_class

__all__ = ["VitaApp"]

log = logging.getLogger(__name__)

MEASURE = 2.0
"""Seconds between two looks at the memory."""


def _commands() -> type[Provider]:
    from vita_tui.tui.commands import ByUse

    return ByUse


class VitaApp(OtherScreens, OwnKeys, Choosing, KeptConversations, DriverCalls):
    """One conversation on one terminal."""

    TITLE = "VITA"
    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = True
    COMMANDS = {_commands}  # noqa: RUF012 - as the base class declares it
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "help", "Help", id="help", tooltip="All keys, and how to talk"),
        Binding(
            "f2", "settings", "Settings", id="settings", tooltip="See and change the settings", show=False
        ),
        Binding(
            "f4",
            "history",
            "History",
            id="history",
            tooltip="Find and continue earlier conversations",
            show=False,
        ),
        Binding(
            "f5",
            "diagnostics",
            "Diagnostics",
            id="diagnostics",
            tooltip="Is everything working? Engines, memory and open resources",
            show=False,
        ),
        Binding("ctrl+l", "log", "Log", id="log", tooltip="What VITA wrote to its log", show=False),
        Binding("ctrl+q", "quit", "Quit", id="quit", tooltip="Leave VITA", priority=True),
    ]

    def __init__(
        self,
        build: Build,
        *,
        weights: Weights | None = None,
        resume: str | None = None,
        overrides: Mapping[str, Any] | None = None,
        question: str = "",
        theme: str = "",
        panel: bool = True,
        terminal: TerminalFile | None = None,
        clock: Clock | None = None,
        measure: Callable[[], MemoryUse] = measure,
    ) -> None:
        self.mishaps = Mishaps(self._tell_mishap)
        contain_messages()
        super().__init__(clock or SystemClock(), panel=panel, terminal=terminal)
        self.weights = weights
        """None: nothing is ever fetched."""
        self.error: Exception | None = None
        """Why there is no assistant."""
        self.overrides = dict(overrides or {})
        self._quit_keys = frozenset(
            binding.key for binding in self.BINDINGS if isinstance(binding, Binding) and binding.id == "quit"
        )
        self._build = build
        self.measure_memory = measure
        self._resume = resume
        self._question = question
        self._no_theme = theme if theme not in self.available_themes else ""
        """The theme of the settings, where there is none of that name."""
        if theme in self.available_themes:
            self.theme = theme

    def get_driver_class(self) -> Any:
        if self._terminal is None:
            return super().get_driver_class()
        return driver_class(self._terminal, self)

    def quit_keys(self) -> Container[str]:
        return self._quit_keys

    def get_default_screen(self) -> Screen[Any]:
        return self.main

    # ---- life

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Resize):
            event = at_least(event)
        elif (
            isinstance(event, events.MouseEvent)
            and not event.is_forwarded
            and not points_at_something(self, event)
        ) or (isinstance(event, events.Key) and not event.is_forwarded and await press(self, event)):
            return
        await super().on_event(event)

    def on_mount(self) -> None:
        loop = self._own_loop = asyncio.get_running_loop()
        if threading.current_thread() is threading.main_thread() and not self.is_headless:
            for number in (getattr(signal, name, signal.SIGTERM) for name in ENDING):
                with contextlib.suppress(NotImplementedError, RuntimeError):
                    loop.add_signal_handler(number, self._signalled, number)
        self.call_after_refresh(self._begin)
        self.theme_changed_signal.subscribe(self, lambda _: self.keep_theme())

    def _begin(self) -> None:
        """The screen is painted: now the slow things, in a thread that posts what it has made and ends."""
        if self.overrides.get("audio", {}).get("speak") is False:
            from vita_tui.tui.widgets.status import StatusLine

            self.main.query_one(StatusLine).aloud = False
        self._painted = True
        gc.freeze()
        gc.enable()
        if self.quitting:
            self.exit(self._early, return_code=self._early)
            return
        if self._question:
            from vita_tui.tui.widgets.prompt import Prompt

            prompt = self.main.query_one(Prompt)
            prompt.put(self._question)
            prompt.action_send()
        from vita_tui.health.threads import RegisteredThread

        RegisteredThread(self._build_core, name="build", owner="tui.app").start()

    def _build_core(self) -> None:
        from vita_tui.tui.logs import log_to_file

        if not self.is_headless:
            log_to_file()
            if self._terminal is not None:
                self._terminal.on_log()
        try:
            message: Message = Built(self._build(self.overrides))
        except Exception as error:
            log.exception("the assistant could not be built")
            message = NotBuilt(error)
        with contextlib.suppress(RuntimeError):  # the loop is closed: the user was quicker
            self.post_message(message)

    async def on_built(self, message: Built) -> None:
        if self.quitting:
            return
        core = self.core = message.core
        self._unsubscribe = core.bus.subscribe(self.main.bridge)
        for chain in core.chains.values():
            for status in chain.statuses():
                self.main.bridge(status)
        self.main.show_none(job for job, chain in core.chains.items() if not chain.statuses())
        self._show_mode()
        if self._no_theme:
            notice = Notice("No such theme", f"ui.theme is “{self._no_theme}”.", "f2 has a list", "warning")
            self.main.show_notice(notice)
        self.use_keys(core.settings.ui.keys)
        self.limit_replies(core.settings.ui.columns)
        self.talk_key.configure(core.settings.talk.key, core.settings.talk.key_mode)
        self.spawn(self._start(core), "start")
        self.set_interval(MEASURE, self._measure)
        self._measure()
        from vita_tui.tui.prompt_history import PromptHistory
        from vita_tui.tui.widgets.prompt import Prompt

        recall = self.main.query_one(Prompt).recall = PromptHistory()
        if self._question:
            recall.add(self._question)

    async def _start(self, core: Core) -> None:
        from vita_tui.tui.widgets.fetch import offer

        # Together: what an engine lacks that is on its way is no cause for alarm.
        offered, started = await asyncio.gather(
            offer(self), core.start(resume=self._resume), return_exceptions=True
        )
        if isinstance(started, BaseException):
            raise started
        self._started = True
        if core.session is not None:
            await self._show_session(core)
        self.main.run_worker(self.main.greet(), group="greet", exclusive=True)
        self._ask_waiting()
        if isinstance(offered, BaseException):
            raise offered

    def on_fetch_arrived(self, message: Message) -> None:
        """Weights that were missing are here: their engines are tried again."""
        if self.core is None:
            return
        job, names = message.job, message.names  # type: ignore[attr-defined]  # a Fetch.Arrived, which is not imported for this
        if not self.arrived(names):
            self.core.wake(job)
        if job == "llm":
            self._ask_waiting()

    def on_not_built(self, message: NotBuilt) -> None:
        self.error = message.error
        self.exit(1, return_code=1)

    # ---- what goes wrong

    def contain(self, error: Exception, what: str) -> bool:
        """Whether the program goes on in spite of `error`: always, once there is a screen to go on with."""
        if not self._painted:
            return False
        self.mishaps.note(error, what)
        return True

    def _handle_exception(self, error: Exception) -> None:
        if not self.contain(error, "the screen"):
            super()._handle_exception(error)

    def _tell_mishap(self, kind: str, total: int) -> None:
        if self.core is not None:
            self.core.bus.publish(InternalError("screen", kind))
        times = "" if total == 1 else f" {total} times so far."
        notice = Notice(
            "Something could not be shown",
            f"An internal error ({kind}); VITA goes on.{times}",
            "ctrl+l has the details",
            "warning",
            key="screen",
        )
        self.main.note(notice)

    def _measure(self) -> None:
        if not self.quitting:
            self.run_worker(self._take_measure(), group="memory", exclusive=True)

    async def _take_measure(self) -> None:
        from vita_tui.tui.widgets.panel import Panel

        self.main.query_one(Panel).memory = await asyncio.to_thread(self.measure_memory)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        from vita_tui.tui.commands import commands

        yield from commands(self)
