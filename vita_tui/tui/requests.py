"""What the user wants of the assistant: asked at once, or as soon as there is one."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from vita_tui.clock import Clock
from vita_tui.events import State
from vita_tui.tui.base_app import BaseApp
from vita_tui.tui.core import Core
from vita_tui.tui.held_key import HeldKey

__all__ = ["Requests"]


class Requests(BaseApp):
    """The part of `VitaApp` that hands wishes on."""

    def __init__(self, clock: Clock, *, panel: bool) -> None:
        super().__init__(clock, panel=panel)
        self.talk_key = HeldKey(self)
        self._waiting: list[str] = []
        """Questions that were asked before there was anyone to ask."""

    def ask(self, text: str) -> None:
        """A typed question; before there is an assistant it waits for it."""
        if self.core is None or not self._started:
            self._wait_for_answer(text)
            return
        if self.is_fetching("llm"):
            self.spawn(self._ask_without_model(self.core, text), "ask")
        else:
            self.spawn(self._ask(self.core, text), "ask")

    def _ask_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for text in waiting:
            self.ask(text)

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
        if (core := self._listener()) is None:
            return False
        if core.settings.talk.to_prompt and core.state is not State.LISTENING:
            self.dictate()
        else:
            core.talk(kept=kept)
        return True

    def dictate(self) -> None:
        """Put what is said next into the prompt; while it is being said, that was all of it."""
        if (core := self._listener()) is None:
            return
        if core.state is State.LISTENING:
            core.talk()
        else:
            self.spawn(self._dictate(core), "dictate")

    async def _dictate(self, core: Core) -> None:
        if words := await core.dictate(self.main.show_words):
            self.main.add_words(words)

    def stop(self) -> None:
        if self.core is not None:
            self.core.stop()

    def toggle_hands_free(self) -> None:
        if (core := self._listener()) is not None:
            core.set_hands_free(not core.hands_free)

    def _listener(self) -> Core | None:
        """Who listens; None, which is said, while nobody is there yet."""
        if self.core is None or not self._started:
            self.notify("Not ready yet. Press again in a moment.", title="Starting", markup=False)
            return None
        return self.core

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
        """Have a setting apply from now on, beside the screen."""
        self.spawn(self.apply(key, value), f"change {key}")

    async def apply(self, key: str, value: Any) -> None:
        """Have a setting apply from now on.

        Raises:
            SettingsError: it cannot have this value.
        """
        if (core := self.core) is None:
            return
        await core.change(key, value)
        if key in ("talk.key", "talk.key_mode"):
            self.talk_key.configure(core.settings.talk.key, core.settings.talk.key_mode)
        elif key == "ui.theme" and value in self.available_themes:
            self.theme = value
        elif key == "ui.columns":
            self.limit_replies(value)
        self._show_mode()
