"""What the user wants of the assistant: asked at once, or as soon as there is one."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from textual.app import App

from vita_tui import clipboard
from vita_tui.clock import Clock
from vita_tui.events import Job
from vita_tui.health.tasks import Tasks, notice_of
from vita_tui.tui.core import Core
from vita_tui.tui.formatting import clean, count
from vita_tui.tui.held_key import HeldKey
from vita_tui.tui.screens.main import MainScreen

if TYPE_CHECKING:
    from vita_tui.sessions.session import Session

__all__ = ["Requests"]


class Requests(App[int]):
    """The part of `VitaApp` that hands wishes on; an app that has this has an assistant, or will have one."""

    def __init__(self, clock: Clock, *, panel: bool) -> None:
        super().__init__(watch_css=False)
        self.core: Core | None = None
        """None until it was built."""
        self.main: MainScreen = MainScreen(clock, panel=panel)
        self.talk_key = HeldKey(self)
        self._started = False
        self._turning = asyncio.Lock()
        """Held while another conversation is turned to: what is asked meanwhile belongs to that one."""
        self._waiting: list[str] = []
        """Questions that were asked before there was anyone to ask."""
        self._tasks = Tasks("tui.app", self._failed)

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> None:
        """Run `work` beside the screen; an error becomes a toast."""
        self._tasks.spawn(work, name)

    def _failed(self, error: BaseException) -> None:
        self.main.show_notice(notice_of(error))

    def ask(self, text: str) -> None:
        """A typed question; before there is an assistant it waits for it."""
        if self.core is None or not self._started:
            self._wait_for_answer(text)
            return
        if self.is_fetching("llm"):
            self.spawn(self._ask_without_model(self.core, text), "ask")
        else:
            self.spawn(self._ask(self.core, text), "ask")

    async def _ask_without_model(self, core: Core, text: str) -> None:
        """The model is on its way: what does not need it is asked, the rest waits for it."""
        if await core.needs_no_model(text) or not self.is_fetching("llm"):
            await self._ask(core, text)
            return
        self._wait_for_answer(text)
        self.notify(
            "Your question will be sent when the language model is ready.", title="Fetching", markup=False
        )

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

    def allow_tool(self, call: str, decision: Literal["yes", "no", "always", "looking"]) -> None:
        """The user's word about a tool that waits for it."""
        if self.core is None or not self.core.allow_tool(call, decision):
            return
        if decision == "looking":
            self.spawn(self._allow_looking(self.core), "allow looking")

    async def _allow_looking(self, core: Core) -> None:
        """What was allowed for good is kept, and the settings say so."""
        from vita_tui.settings import file as settings_file

        await core.change("tools.read_only", "allow")
        await asyncio.to_thread(settings_file.change, "tools.read_only", "allow")

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

    async def rename_conversation(self, title: str) -> None:
        """Give the present conversation another title."""
        if self.core is None or self.core.session is None:
            self.notify("Nothing was said yet.", title="No conversation", markup=False)
            return
        await self.core.rename(title)

    async def export_conversation(self, name: str) -> None:
        """Write the present conversation to the file `name`, by default one named for it; an existing file is kept."""
        session = self.core.session if self.core is not None else None
        if session is None:
            self.notify("Nothing was said yet.", title="No conversation", markup=False)
            return
        try:
            written = await asyncio.to_thread(_export, session, name)
        except FileExistsError as error:
            words = f"{error.filename} exists already: /export FILE"
            self.notify(words, title="Not exported", severity="warning", markup=False)
        except OSError as error:
            words = f"{error.filename}: {error.strerror}"
            self.notify(words, title="Not exported", severity="error", markup=False)
        else:
            self.notify(str(written), title="Exported", markup=False)

    def copy(self, text: str, what: str) -> None:
        """Put `text` on the clipboard and say so."""
        if not text:
            self.notify("There is nothing to copy yet.", title=what, severity="warning", markup=False)
            return
        self.spawn(self._copy(text, what), "copy")

    async def _copy(self, text: str, what: str) -> None:
        self.copy_to_clipboard(text)
        place = await asyncio.to_thread(clipboard.copy, text) or "the terminal"
        words = f"{count(len(text), 'character')}, to {place}"
        self.notify(words, title=f"{what} copied", timeout=3, markup=False)

    def _show_mode(self) -> None:
        from vita_tui.tui.widgets.status import StatusLine

        if self.core is not None:
            self.main.query_one(StatusLine).aloud = self.core.speaking_aloud


def _export(session: Session, name: str) -> Path:
    """Write `session` as Markdown; where.

    Raises:
        FileExistsError: there is such a file.
        OSError: it cannot be written.
    """
    from vita_tui import atomic_files
    from vita_tui.sessions.export import to_markdown

    target = Path(name or f"vita-{session.id[:8]}.md").expanduser().absolute()
    atomic_files.write_whole(target, clean(to_markdown(session)), replace=False)
    return target
