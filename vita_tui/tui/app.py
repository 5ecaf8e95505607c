"""The Textual app: it owns the assistant from the first paint to the last, and hands what the user wants to it.

The screen is painted before anything else is imported. Then a thread of the app's own reads the settings and builds the
assistant; from there on all runs on this loop. `run` is the way in.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import threading
from collections.abc import Callable, Container, Coroutine, Iterable, Mapping
from typing import Any, ClassVar

from textual import events
from textual.app import App, SystemCommand
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.message import Message
from textual.screen import Screen

from vita_tui.clock import Clock, SystemClock
from vita_tui.errors import VitaError
from vita_tui.events import InternalError, Job, Notice
from vita_tui.health.tasks import Tasks, notice_of
from vita_tui.tui.containment import Mishaps, contain_messages
from vita_tui.tui.core import Build, Core, Weights
from vita_tui.tui.held_key import HeldKey
from vita_tui.tui.input_order import at_least, points_at_something, press
from vita_tui.tui.keyboard import REPORT_EVENTS, Edge
from vita_tui.tui.memory_use import MemoryUse, measure
from vita_tui.tui.messages import Built, NotBuilt
from vita_tui.tui.screens.main import MainScreen
from vita_tui.tui.terminal import TerminalFile, driver_class, private_terminal

__all__ = ["VitaApp", "run"]

log = logging.getLogger(__name__)

GONE = 0.9
"""Seconds from the wish to leave to the end of the process, whatever hangs."""
CLOSING = 0.65
"""Of them, for the assistant to close itself in good order."""
MEASURE = 2.0
"""Seconds between two looks at the memory."""


def _commands() -> type[Provider]:
    from vita_tui.tui.commands import ByUse

    return ByUse


class VitaApp(App[int]):
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
        theme: str = "",
        panel: bool = True,
        terminal: TerminalFile | None = None,
        clock: Clock | None = None,
        measure: Callable[[], MemoryUse] = measure,
    ) -> None:
        self._terminal = terminal
        self.mishaps = Mishaps(self._tell_mishap)
        contain_messages()
        super().__init__(watch_css=False)
        self.core: Core | None = None
        """None until it was built."""
        self.weights = weights
        """None: nothing is ever fetched."""
        self.error: Exception | None = None
        """Why there is no assistant."""
        self.main = MainScreen(clock or SystemClock(), panel=panel)
        self.overrides = dict(overrides or {})
        self.talk_key = HeldKey(self)
        self.quitting = False
        self._painted = False
        self._early = 0
        """The exit code of who left before the first paint."""
        self._quit_keys = frozenset(
            binding.key for binding in self.BINDINGS if isinstance(binding, Binding) and binding.id == "quit"
        )
        self._build = build
        self._measure_memory = measure
        self._resume = resume
        self._started = False
        self._own_loop: asyncio.AbstractEventLoop | None = None
        """The one that all runs on; None before it does."""
        self._turning = asyncio.Lock()
        """Held while another conversation is turned to: what is asked meanwhile belongs to that one."""
        self._waiting: list[str] = []
        """Questions that were asked before there was anyone to ask."""
        self._tasks = Tasks("tui.app", self._failed)
        self._unsubscribe: Callable[[], None] = lambda: None
        self._no_theme = theme if theme not in self.available_themes else ""
        """The theme of the settings, where there is none of that name."""
        if theme in self.available_themes:
            self.theme = theme

    def get_driver_class(self) -> Any:
        if self._terminal is None:
            return super().get_driver_class()
        return driver_class(self._terminal, self)

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
            for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM), signal.SIGINT):
                with contextlib.suppress(NotImplementedError, RuntimeError):
                    loop.add_signal_handler(number, self._signalled, number)
        self.call_after_refresh(self._begin)
        self.theme_changed_signal.subscribe(self, self._keep_theme)

    def _keep_theme(self, _theme: object) -> None:
        """What is chosen in the palette is chosen for good."""
        from vita_tui.tui import settings_file

        if not self._painted or self.core is None:
            return
        try:
            if settings_file.read().get("ui", {}).get("theme") != self.theme:
                settings_file.change("ui.theme", self.theme)
        except VitaError as error:
            self.main.show_notice(Notice("The theme is not kept", error.message, error.remedy, "warning"))

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
        threading.Thread(target=self._build_core, name="build", daemon=True).start()

    def _build_core(self) -> None:
        from vita_tui.health.registry import registry
        from vita_tui.tui.logs import log_to_file

        entry = registry.register(threading.current_thread(), kind="thread", name="build", owner="tui.app")
        if not self.is_headless:
            log_to_file()
            if self._terminal is not None:
                self._terminal.on_log()
        try:
            message: Message = Built(self._build(self.overrides))
        except Exception as error:
            log.exception("the assistant could not be built")
            message = NotBuilt(error)
        finally:
            entry.leave()
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
        self._show_mode()
        if self._no_theme:
            notice = Notice("No such theme", f"ui.theme is “{self._no_theme}”.", "f2 has a list", "warning")
            self.main.show_notice(notice)
        self.talk_key.configure(core.settings.talk.key, core.settings.talk.key_mode)
        self.spawn(self._start(core), "start")
        self.set_interval(MEASURE, self._measure)
        self._measure()
        from vita_tui.tui.prompt_history import PromptHistory
        from vita_tui.tui.widgets.prompt import Prompt

        self.main.query_one(Prompt).recall = PromptHistory()

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
        self._ask_waiting()
        if isinstance(offered, BaseException):
            raise offered

    def _ask_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for text in waiting:
            self.ask(text)

    def on_fetch_arrived(self, message: Message) -> None:
        """Weights that were missing are here: their engines are tried again."""
        if self.core is None:
            return
        job = message.job  # type: ignore[attr-defined]  # a Fetch.Arrived, which is not imported for this
        self.core.wake(job)
        if job == "llm":
            self._ask_waiting()

    def on_not_built(self, message: NotBuilt) -> None:
        self.error = message.error
        self.exit(1, return_code=1)

    async def action_quit(self) -> None:
        await self._leave(0)

    async def _leave(self, code: int) -> None:
        """Close the assistant and go."""
        if self.quitting:
            return
        self.quitting = True
        self._in_time(code)
        if not self._painted:  # Textual takes no end in the middle of its beginning
            self._early = code
            return
        self.workers.cancel_all()
        await self._close(code)
        self.exit(code, return_code=code)

    async def run_async(self, *arguments: Any, **keywords: Any) -> int | None:
        """As Textual's; the assistant is closed also when the screen has crashed."""
        self._own_loop = asyncio.get_running_loop()
        try:
            return await super().run_async(*arguments, **keywords)
        finally:
            if not self.quitting:
                self._in_time(self.return_code or 0)
                await self._close(self.return_code or 0)

    def _in_time(self, code: int) -> None:
        """From now on the process is gone within a second, whatever hangs."""
        if not self.is_headless:
            from vita_tui.health.ending import end_within
            from vita_tui.tui import guard

            end_within(GONE, code, last=self._give_back)
            guard.leaving()

    def _give_back(self) -> None:
        """The terminal, of which Textual may not get the chance to let go."""
        if self._terminal is not None:
            from vita_tui.tui import guard

            guard.restore(
                self._terminal.fileno(), getattr(getattr(self, "_driver", None), "attrs_before", None)
            )

    async def _close(self, code: int) -> None:
        self._unsubscribe()
        if self.core is not None:
            try:
                await asyncio.wait_for(self.core.aclose(), CLOSING)
            except TimeoutError:
                log.error("the assistant did not close within %.1f s", CLOSING)
                if not self.is_headless:
                    # Its threads may still run: Python would take native libraries apart under their feet.
                    from vita_tui.health.ending import end_now

                    end_now(code, last=self._give_back)
            except Exception:
                log.exception("closing the assistant failed")
        self._tasks.cancel()

    def _signalled(self, number: int) -> None:
        # SIGINT is the user at another terminal; after the others nobody is left to read an exit code.
        self.spawn(self._leave(130 if number == signal.SIGINT else 0), "quit")

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

    # ---- from the driver's threads

    def on_terminal_lost(self) -> None:
        self._soon(self._signalled, signal.SIGTERM)

    def on_quit_key(self) -> None:
        self._in_time(0)

    def quit_keys(self) -> Container[str]:
        return self._quit_keys

    def on_key_flags(self, flags: int) -> None:
        self._soon(self.talk_key.found, bool(flags & REPORT_EVENTS))

    def on_talk_edge(self, edge: Edge) -> None:
        self._soon(self.talk_key.edge, edge)

    def holds(self) -> bool:
        return self.talk_key.holds

    def talk_keys(self) -> Container[str]:
        return self.talk_key.keys

    def _soon(self, work: Callable[..., None], *arguments: object) -> None:
        if (loop := self._own_loop) is not None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(work, *arguments)

    # ----

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> None:
        """Run `work` beside the screen; an error becomes a toast."""
        self._tasks.spawn(work, name)

    def _failed(self, error: BaseException) -> None:
        self.main.show_notice(notice_of(error))

    # ---- what the user wants

    def ask(self, text: str) -> None:
        """A typed question; before there is an assistant it waits for it."""
        if self.core is None or not self._started:
            self._wait_for_answer(text)
            return
        if self.is_fetching("llm"):
            self._wait_for_answer(text)
            self.notify(
                "Your question will be sent when the language model is ready.", title="Fetching", markup=False
            )
            return
        self.spawn(self._ask(self.core, text), "ask")

    def _wait_for_answer(self, text: str) -> None:
        self._waiting.append(text)
        self.spawn(self.main.await_answer(text), "show what waits")

    async def _ask(self, core: Core, text: str) -> None:
        async with self._turning:
            pass
        await core.ask(text)

    def is_fetching(self, job: Job) -> bool:
        """Whether what `job` needs is on its way."""
        from vita_tui.tui.widgets.fetch import Fetch

        return any(fetch.brings(job) for fetch in self.main.query(Fetch))

    def talk(self, *, kept: bool = False) -> bool:
        """The talk key; False when nobody is there yet to listen."""
        if self.core is None or not self._started:
            self.notify("Not ready yet. Press again in a moment.", title="Starting", markup=False)
            return False
        self.core.talk(kept=kept)
        return True

    def stop(self) -> None:
        if self.core is not None:
            self.core.stop()

    def toggle_hands_free(self) -> None:
        if self.core is None or not self._started:
            self.notify("Not ready yet. Press again in a moment.", title="Starting", markup=False)
            return
        self.core.set_hands_free(not self.core.hands_free)

    def hold_open(self) -> None:
        """Keep the microphone open through the present pause."""
        if self.core is not None:
            self.core.hold_open()

    def toggle_voice(self) -> None:
        if self.core is None:
            return
        aloud = not self.core.speaking_aloud
        self.set_voice(aloud)
        self.notify(
            "Replies are spoken." if aloud else "Replies are shown only.",
            title="Voice" if aloud else "Text",
            timeout=3,
            markup=False,
        )

    def set_voice(self, aloud: bool) -> None:
        """Speak replies from now on, or only show them."""
        if self.core is not None:
            self.core.speaking_aloud = aloud
            self._show_mode()

    def change(self, key: str, value: Any) -> None:
        """Have a setting apply from now on."""
        if self.core is not None:
            self.spawn(self._change(self.core, key, value), f"change {key}")

    async def _change(self, core: Core, key: str, value: Any) -> None:
        await core.change(key, value)
        if key in ("talk.key", "talk.key_mode"):
            self.talk_key.configure(core.settings.talk.key, core.settings.talk.key_mode)
        self._show_mode()

    def new_session(self) -> None:
        if self.core is not None:
            self.spawn(self._new_session(self.core), "new conversation")

    async def _new_session(self, core: Core) -> None:
        async with self._turning:
            await core.new_session()
            await self.main.clear()

    async def resume(self, session_id: str) -> None:
        """Go on with an earlier conversation."""
        if self.core is not None:
            async with self._turning:
                await self.core.resume(session_id)
                await self._show_session(self.core)

    async def _show_session(self, core: Core) -> None:
        if core.session is not None:
            await self.main.show_turns(core.session.turns)

    def copy(self, text: str, what: str) -> None:
        """Put `text` on the clipboard and say so."""
        if not text:
            self.notify("There is nothing to copy yet.", title=what, severity="warning", markup=False)
            return
        self.copy_to_clipboard(text)
        self.notify(f"{len(text):,} characters", title=f"{what} copied", timeout=3, markup=False)

    def _show_mode(self) -> None:
        from vita_tui.tui.widgets.status import StatusLine

        if self.core is not None:
            self.main.query_one(StatusLine).aloud = self.core.speaking_aloud

    def _measure(self) -> None:
        if not self.quitting:
            self.run_worker(self._take_measure(), group="memory", exclusive=True)

    async def _take_measure(self) -> None:
        from vita_tui.tui.widgets.panel import Panel

        self.main.query_one(Panel).memory = await asyncio.to_thread(self._measure_memory)

    # ---- other screens, and the palette

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

    def _has_core(self) -> bool:
        if self.core is None:
            self.notify("Not ready yet. Try again in a moment.", title="Starting", markup=False)
        return self.core is not None

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

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        from vita_tui.tui.commands import commands

        yield from commands(self)


def _look() -> tuple[str, bool]:
    """The theme and whether the panel is shown, without the cost of reading all settings: those are checked later, and told about."""
    theme, panel = os.environ.get("VITA_UI__THEME", ""), True
    from vita_tui import paths

    with contextlib.suppress(OSError, ValueError):
        file = paths.config_file()
        if file.is_file():
            import tomllib

            section = tomllib.loads(file.read_text(encoding="utf-8")).get("ui", {})
            if isinstance(section, dict):
                theme = theme or str(section.get("theme", ""))
                panel = section.get("panel") is not False
    return theme, panel


def _build(overrides: Mapping[str, Any]) -> Core:
    """The real assistant. Called in a thread."""
    from vita_tui import settings
    from vita_tui.conversation.build import build

    return build(settings.load(overrides=overrides), upkeep=True)


def run(
    resume: str | None = None, overrides: Mapping[str, Any] | None = None, *, build: Build | None = None
) -> int:
    """Open the screen; returns the exit code when the user has left.

    Args:
        resume: id of the conversation to go on with; "latest" for the last one.
        overrides: settings from the command line, as nested dictionaries.
        build: makes the assistant; the real one when None.

    Raises:
        VitaError: the assistant could not be built (a wrong settings file, for one).
    """
    from vita_tui.tui.weights import ModelStore

    theme, panel = _look()
    with private_terminal() as terminal:
        app = VitaApp(
            build or _build,
            weights=ModelStore() if build is None else None,
            resume=resume,
            overrides=overrides,
            theme=theme,
            panel=panel,
            terminal=terminal,
        )
        app.run()
    if app.error is not None:
        if isinstance(app.error, VitaError):
            raise app.error
        from vita_tui import paths

        raise VitaError(
            f"VITA could not start: {app.error}.", remedy=f"The log has the details: {paths.log_file()}"
        )
    if app.return_code not in (0, None, 130):
        from vita_tui import paths

        raise VitaError(
            "VITA crashed because of a bug.", remedy=f"The log has the details: {paths.log_file()}"
        )
    return app.return_code or 0
