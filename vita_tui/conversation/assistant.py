"""The assistant: one conversation, as the screen and the commands use it.

Everything here runs on one asyncio loop; threads hand over with `call_soon_threadsafe`. Whose turn it is decides `TurnTaking`; what is
heard comes from `Hearing`, replies are run by `Replies`, spoken by `Speaking` and kept by `History`. `Components` puts them together.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from typing import Any

from vita_tui.conversation.components import Components
from vita_tui.conversation.dictation import Dictation, dictating
from vita_tui.conversation.remote_calls import calls
from vita_tui.conversation.speaking.aloud import Aloud
from vita_tui.conversation.thinking.consent import Decision
from vita_tui.conversation.thinking.exchange import Exchange
from vita_tui.conversation.thinking.prompt_builder import LeftOut
from vita_tui.engines.chain import Chain
from vita_tui.errors import DeviceError, VitaError
from vita_tui.events import EventBus, Job, Notice, Part, State
from vita_tui.sessions.manager import SessionManager
from vita_tui.sessions.session import Session
from vita_tui.settings import Settings

__all__ = ["Assistant"]

log = logging.getLogger(__name__)

SETTLE_SECONDS = 0.2
"""At the end, for the running turn to be stored."""


class Assistant:
    """Listens, answers and speaks. Made by `build`; `start` it once, `aclose` it at the end."""

    def __init__(self, parts: Components, *, upkeep: bool = False) -> None:
        """
        Args:
            upkeep: keep figures and watch memory, as a program does that is open for days.
        """
        self._parts = parts
        self.upkeep = parts.make_upkeep(calls(self)) if upkeep else None
        self._closed = False

    # ---- what there is to see

    @property
    def settings(self) -> Settings:
        return self._parts.settings

    @property
    def bus(self) -> EventBus:
        return self._parts.bus

    @property
    def sessions(self) -> SessionManager:
        return self._parts.sessions

    @property
    def chains(self) -> Mapping[Job, Chain[Any]]:
        """The engines of each job, in the order in which they are tried."""
        return self._parts.chains

    @property
    def state(self) -> State:
        return self._parts.turn.state

    @property
    def ready(self) -> asyncio.Event:
        """Set when every engine has been loaded, or has said why it was not."""
        return self._parts.engines.ready

    @property
    def session(self) -> Session | None:
        """The present conversation; None until the first word of a new one."""
        return self._parts.history.session

    @property
    def last(self) -> Exchange | None:
        """The exchange that ended last."""
        return self._parts.replies.last

    @property
    def aloud(self) -> Aloud:
        """What is being said, to be paused, gone on with, skipped and said again."""
        return self._parts.aloud

    @property
    def speaking_aloud(self) -> bool:
        """Whether replies are spoken; may be changed at any time."""
        return self.settings.audio.speak

    @speaking_aloud.setter
    def speaking_aloud(self, on: bool) -> None:
        self._parts.live.speak(on)

    @property
    def muted(self) -> bool:
        """Whether nothing is spoken for now, while replies are otherwise; may be changed at any time."""
        return self.aloud.muted

    @muted.setter
    def muted(self, on: bool) -> None:
        self.aloud.mute(on)

    @property
    def hands_free(self) -> bool:
        """Whether the microphone listens without a key."""
        return self._parts.hands_free.on

    # ---- life

    async def prepared(self) -> None:
        """Wait until the engines are ready and the model has read what a question begins with, for who asks at once and only once.

        A question need not wait for it; but then nothing is kept for the next start of what was read.
        """
        await self.ready.wait()
        await self._parts.model.read_up()

    async def start(self, *, resume: str | None = None) -> None:
        """Open the store, the devices and the engines; returns when the store is open, the rest is loaded behind.

        Typed questions may be asked at once; they wait for the model. `ready` tells when all is loaded.

        Args:
            resume: the conversation to go on with, or "latest"; None for what `sessions.resume_last` wants.
        """
        parts = self._parts
        parts.tasks.begin()
        parts.turn.start()
        if self.upkeep is not None:
            self.upkeep.start()
        parts.engines.start()
        parts.built_in.warm()
        if parts.ringer is not None and self.upkeep is not None:
            parts.tasks.spawn(parts.ringer.run(), "alarms")
        if parts.hearing is not None and self.settings.talk.hands_free:
            self.set_hands_free(True)
        try:
            await self.sessions.open()
            if resume is not None or self.settings.sessions.resume_last:
                await self.resume(resume or "latest")
        except VitaError as error:
            parts.count_error(error)
            self.bus.publish(Notice("Conversations are not kept", error.message, error.remedy, "warning"))

    async def aclose(self) -> None:
        """Silence, end the running turn and store what was heard of it, stop threads and children; within a second."""
        if self._closed:
            return
        self._closed = True
        parts = self._parts
        parts.turn.close()
        settled = asyncio.ensure_future(parts.replies.settled())
        if not (await asyncio.wait({settled}, timeout=SETTLE_SECONDS))[0]:
            # It waits for a model that hangs: without that, it goes on.
            await parts.engines.close_models()
            await asyncio.wait({settled}, timeout=SETTLE_SECONDS)
        await parts.tasks.aclose()
        closing: list[Coroutine[Any, Any, Any]] = [asyncio.to_thread(parts.speaking.cleanup)]
        if parts.hearing is not None:
            closing.append(asyncio.to_thread(parts.hearing.cleanup))
        closing.append(parts.engines.close_models())
        if parts.toolbox is not None:
            closing.append(parts.toolbox.close())
        if self.upkeep is not None:
            closing.append(self.upkeep.aclose())
        closing.append(self.sessions.cleanup())
        results = await asyncio.gather(*closing, return_exceptions=True)
        for result in (*results, *(one for some in results if isinstance(some, list) for one in some)):
            if isinstance(result, BaseException):
                log.error("cleanup failed", exc_info=result)

    # ---- questions

    async def ask(self, text: str) -> None:
        """A typed question; returns when its turn is over."""
        question = text.strip()
        if question and not self._closed:
            await self._parts.turn.ask(question)

    def allow_tool(self, call: str, decision: Decision) -> bool:
        """The user's answer to a `ToolAsked`, given by key; False when that is not what is asked now."""
        tool_calls = self._parts.tool_calls
        return tool_calls is not None and tool_calls.consent.answer(call, decision)

    async def needs_no_model(self, text: str) -> bool:
        """Whether `text` is a request that is carried out without the language model."""
        return await self._parts.built_in.understands(text.strip())

    async def fits(self, text: str) -> LeftOut | None:
        """What of a typed question the model would not see, because it is too long; None when all fits."""
        return await self._parts.history.fits(text.strip())

    # ---- the microphone, and what sounds

    def talk(self, *, kept: bool = False) -> None:
        """The talk key: start an utterance, or end the one that is being spoken.

        Args:
            kept: the key is held down: no pause ends what is said before `let_go` or the next `talk`.
        """
        self.aloud.hush()
        self._parts.turn.talk(kept=kept)

    def let_go(self) -> None:
        """The talk key was not meant to be held: a pause may end what is said."""
        if self._parts.hearing is not None:
            self._parts.hearing.let_go()

    def hold_open(self) -> None:
        """Do not take the present pause for the end of what is said."""
        if self._parts.hearing is not None and self.state is State.LISTENING:
            self._parts.hearing.hold()

    def stop(self) -> None:
        """Escape: silence, end the reply, forget what is being recorded; what rings is silenced first, and alone."""
        if self._parts.ringer is None or not self._parts.ringer.stop():
            self.aloud.hush()
            self._parts.turn.stop()

    async def say(self, text: str, language: str = "") -> bool:
        """Say `text` behind what is being said; returns when it is over, with whether all of it was heard. Cancelling ends it.

        Raises:
            VitaError: there is no voice or no speaker, or replies are shown only.
        """
        if self.muted:
            raise VitaError("VITA is muted.", remedy="vita ctl mute off, or /mute")
        if not self.speaking_aloud:
            raise VitaError("VITA shows its replies and does not speak.", remedy="vita ctl mute off, or f9")
        return await self.aloud.say(text, language or self.settings.spoken_language)

    async def read(self, text: str = "") -> bool:
        """Read `text` aloud, or the last reply from where the voice stopped, or all of it; False when there is nothing to read.

        Raises:
            VitaError: there is no voice or no speaker.
        """
        return await self._parts.reading_on.read(text)

    @contextlib.asynccontextmanager
    async def dictation(
        self, on_words: Callable[[str, str], None] = lambda stable, tail: None, *, by_voice: bool = False
    ) -> AsyncIterator[Dictation]:
        """While it lasts, what is said is for the caller and not for the model; see `dictating`."""
        async with dictating(
            self._parts.turn, on_words, by_voice=by_voice, begin=self.aloud.hush
        ) as dictation:
            yield dictation

    async def dictate(self, on_words: Callable[[str, str], None] = lambda stable, tail: None) -> str:
        """Take down one utterance, which begins now, instead of asking it; its words, or none when the user gave up.

        Raises:
            VitaError: there is no microphone, or it is needed for something else.
        """
        async with self.dictation(on_words) as dictation:
            said = asyncio.ensure_future(dictation.next())
            await asyncio.wait({said})
            if isinstance(error := said.exception(), DeviceError):
                raise error
            return "" if error is not None else said.result().text

    def set_hands_free(self, on: bool) -> None:
        """Listen without a key from now on, or only with one; says so, and what it depends on."""
        self._parts.hands_free.set(on)

    # ---- conversations and choices

    async def new_session(self) -> None:
        """Leave the conversation, which is kept, and start an empty one."""
        await self._parts.present.new()

    async def resume(self, session_id: str) -> None:
        """Go on with an earlier conversation; "latest" for the last one, if there is one.

        Raises:
            VitaError: there is no such conversation, or the store cannot be read.
        """
        await self._parts.present.resume(session_id)

    async def branch(self, before: str) -> None:
        """Go on from before the turn with the id `before` in a conversation of its own; the present one is kept as it is.

        Raises:
            StoreError: there is no such turn, or it cannot be kept.
        """
        await self._parts.present.branch(before)

    async def rename(self, title: str) -> None:
        """Give the present conversation another title; an empty one brings back its first question.

        Raises:
            StoreError: there is no conversation yet, or it cannot be kept.
        """
        await self._parts.history.rename(title)

    async def change(self, key: str, value: Any) -> None:
        """Have a setting apply from now on, one of those that `settings.at_once`.

        Raises:
            SettingsError: it cannot have this value.
        """
        await self._parts.live.change({key: value})

    async def change_all(self, values: Mapping[str, Any]) -> None:
        """As `change`, for settings that belong together: none of them changes when one cannot have its value."""
        await self._parts.live.change(values)

    async def use_profile(self, name: str) -> None:
        """Use a profile from now on; the conversation remembers it. An empty name is none.

        Raises:
            SettingsError: there is no such profile, or a setting cannot be what it says.
        """
        await self._parts.present.use_profile(name)

    @property
    def system_prompt(self) -> str:
        """What the model is told before the conversation, as it is now."""
        return self._parts.history.system_prompt

    async def set_system_prompt(self, prompt: str) -> None:
        """Give the conversation a system prompt of its own, from the next question on; an empty one is that of the settings."""
        await self._parts.present.set_system_prompt(prompt)

    async def sample(self, values: Mapping[str, Any], language: str) -> None:
        """Say a sentence in the voice that is used with `values`, which are not changed.

        Raises:
            VitaError: the voice cannot be loaded, or there is no speaker.
        """
        await self._parts.voice_sample.play(values, language)

    def wake(self, part: Part) -> None:
        """What an engine of `part` was missing is there now: load it."""
        self._parts.engines.wake(part)
