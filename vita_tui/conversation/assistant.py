"""The assistant: one conversation, as the screen and the commands use it.

Everything here runs on one asyncio loop; threads hand over with `call_soon_threadsafe`. Whose turn it is decides `TurnTaking`; what is
heard comes from `Hearing`, replies are run by `Replies`, spoken by `Speaking` and kept by `History`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from functools import partial
from typing import Any

from vita_tui.abilities.base import Request
from vita_tui.abilities.service import Abilities
from vita_tui.audio.base import Microphone, Speaker
from vita_tui.audio.echo import HEADPHONES_DB, EchoMicrophone
from vita_tui.clock import Clock, SystemClock
from vita_tui.conversation import memory_steps
from vita_tui.conversation.built_in import BuiltIn
from vita_tui.conversation.dictation import Dictation, dictating
from vita_tui.conversation.engine_care import EngineCare
from vita_tui.conversation.engine_replacing import Maker, Replacing
from vita_tui.conversation.hearing.hearing import Hearing
from vita_tui.conversation.history import History
from vita_tui.conversation.remote_calls import calls
from vita_tui.conversation.replies import Replies
from vita_tui.conversation.ringing import Ringer
from vita_tui.conversation.speaking.aloud import Aloud
from vita_tui.conversation.speaking.speaking import Speaking
from vita_tui.conversation.speaking.speech import Speech
from vita_tui.conversation.thinking.consent import Consent, Decision
from vita_tui.conversation.thinking.exchange import Exchange
from vita_tui.conversation.thinking.language_model import LanguageModel
from vita_tui.conversation.thinking.prompt_builder import LeftOut
from vita_tui.conversation.thinking.tool_calls import ToolCalls
from vita_tui.conversation.turn_taking import TurnTaking
from vita_tui.conversation.upkeep import Upkeep
from vita_tui.engines.chain import Chain
from vita_tui.engines.llm.base import Responder
from vita_tui.engines.stt.base import Recognizer
from vita_tui.engines.tts.base import Synthesizer
from vita_tui.engines.turn.smart_turn import EndScorer
from vita_tui.errors import SettingsError, VitaError
from vita_tui.events import (
    ClauseStarted,
    Event,
    EventBus,
    HandsFree,
    Job,
    Notice,
    Part,
    SettingChanged,
    State,
)
from vita_tui.health.control_calls import RemoteCalls
from vita_tui.health.process_memory import give_back
from vita_tui.health.tasks import Tasks, notice_of
from vita_tui.sessions.manager import SessionManager
from vita_tui.sessions.session import Session
from vita_tui.settings import Settings, assign, value_of
from vita_tui.tools.toolbox import Toolbox

__all__ = ["Assistant"]

log = logging.getLogger(__name__)

SETTLE_SECONDS = 0.2
"""At the end, for the running turn to be stored."""


class Assistant:
    """Listens, answers and speaks. Made by `build`; `start` it once, `aclose` it at the end."""

    def __init__(
        self,
        settings: Settings,
        *,
        responders: Chain[Responder],
        synthesizers: Chain[Synthesizer],
        recognizers: Chain[Recognizer],
        sessions: SessionManager,
        microphone: Microphone | None,
        speaker: Speaker | None,
        bus: EventBus,
        scorer: EndScorer | None = None,
        clock: Clock | None = None,
        upkeep: bool = False,
        abilities: Abilities | None = None,
        tools: bool = False,
        asks: bool = False,
        makers: Mapping[Job, Maker] | None = None,
    ) -> None:
        """
        Args:
            makers: make the engines of a job anew when settings change that they cannot follow; None where they stay what they are.
            scorer: judges by its sound whether a pause is the end of what is said.
            abilities: what is done without a model; None for nothing.
            tools: the model may call tools, as far as the settings allow.
            asks: somebody sees `ToolAsked` and answers with `allow_tool`; otherwise what has to be asked for is denied.
            upkeep: keep figures and watch memory, as a program does that is open for days.
        """
        self.settings = settings
        self.sessions = sessions
        self.bus = bus
        self.chains: dict[Job, Chain[Any]] = {"stt": recognizers, "llm": responders, "tts": synthesizers}
        self._clock = clock or SystemClock()
        self._tasks = Tasks("conversation.assistant", self._failed)
        self._recognizers, self._responders, self._synthesizers = recognizers, responders, synthesizers
        self._speech = Speaking(
            synthesizers,
            speaker,
            bus,
            ahead=settings.tts.ahead,
            clock=self._clock,
            on_ready=partial(self._tasks.post, self._loaded, "tts"),
        )
        self._history = History(settings, sessions, self.chains, bus, self._clock, count_error=self._count)
        self._model = LanguageModel(
            responders,
            settings.llm,
            spawn=self._tasks.spawn,
            messages=self._history.messages,
            answering=lambda: self._replies.running,
            idle=lambda: self.state in (State.IDLE, State.INITIALIZING),
            on_loaded=partial(self._loaded, "llm"),
            offer=self._offer_tools if tools else None,
        )
        self._built_in = BuiltIn(settings, abilities, self._history, self.chains, self._do, bus, self._clock)
        self._toolbox: Toolbox | None = None
        self._tool_calls: ToolCalls | None = None
        if tools:
            self._toolbox = Toolbox(settings, abilities, self._built_in.context, self._clock)
            consent = Consent(settings.tools, bus, asks=asks)
            self._tool_calls = ToolCalls(settings.tools, self._toolbox, consent, bus, self._clock)
        self._replies = Replies(
            settings,
            responders,
            self.chains,
            self._speech,
            self._history,
            self._model,
            self._tasks,
            bus,
            self._clock,
            self._built_in,
            self._tool_calls,
        )
        self._ringer: Ringer | None = None
        if abilities is not None and abilities.alarms is not None:
            self._ringer = Ringer(
                abilities.alarms, self._speech, settings, lambda: self.state, bus, self._clock
            )
        echoes = isinstance(microphone, EchoMicrophone) and settings.audio.echo_level > HEADPHONES_DB
        self._turn = TurnTaking(
            settings,
            self._replies,
            self._speech,
            self._model,
            self._tasks,
            bus,
            self._clock,
            hears_itself=echoes,
        )
        self._hearing: Hearing | None = None
        if microphone is not None:
            self._hearing = self._turn.hearing = Hearing(
                microphone,
                recognizers,
                self._turn.take,
                bus,
                settings=settings,
                clock=self._clock,
                scorer=scorer,
            )
        replacing = Replacing(
            settings,
            makers or {},
            self.chains,
            self._speech,
            self._hearing,
            self._model,
            bus,
            spawn=self._tasks.spawn,
            settled=self._replies.settled,
        )
        self._engines = EngineCare(
            self.chains,
            self._speech,
            self._hearing,
            self._model,
            on_ready=self._all_loaded,
            replacing=replacing,
        )
        self.ready = self._engines.ready
        """Set when every engine has been loaded, or has said why it was not."""
        self.aloud = Aloud(self._speech, self._spoken_reply, bus)
        """What is being said, to be paused, gone on with, skipped and said again."""
        self.upkeep = self._upkeep() if upkeep else None
        self._closed = False
        self._unsubscribe: Callable[[], None] = lambda: None

    def _upkeep(self) -> Upkeep:
        on_loop = partial(self._tasks.wait_for, seconds=memory_steps.FREE_SECONDS)
        ladder = memory_steps.steps(
            self.settings,
            recognizers=self._recognizers,
            synthesizers=self._synthesizers,
            hearing=self._hearing,
            speech=self._speech,
            limit_history=lambda most: on_loop(self.sessions.limit_memory(most)),
            free_model=lambda free: on_loop(self._free_model() if free else self._model.keep()),
        )
        probes = {chain: partial(self._tasks.post, self._probe, job) for job, chain in self.chains.items()}
        return Upkeep(
            self.settings.health,
            ladder,
            self.bus,
            self._clock,
            probes=probes,
            sessions=self.sessions.stats,
            calls=RemoteCalls(calls(self), lambda work: self._tasks.post(self._serve, work)),
        )

    def _serve(self, work: Coroutine[Any, Any, None]) -> None:
        """Carry out what came over the control socket."""
        if self._closed:
            work.close()
        else:
            self._tasks.spawn(work, "control")

    # ---- what there is to see

    @property
    def state(self) -> State:
        return self._turn.state

    @property
    def session(self) -> Session | None:
        """The present conversation; None until the first word of a new one."""
        return self._history.session

    @property
    def last(self) -> Exchange | None:
        """The exchange that ended last."""
        return self._replies.last

    @property
    def speaking_aloud(self) -> bool:
        """Whether replies are spoken; may be changed at any time."""
        return self.settings.audio.speak

    @speaking_aloud.setter
    def speaking_aloud(self, on: bool) -> None:
        self.settings.audio.speak = on
        self.bus.publish(SettingChanged("audio.speak", on))

    @property
    def hands_free(self) -> bool:
        """Whether the microphone listens without a key."""
        return self._hearing is not None and self._hearing.hands_free

    # ---- life

    async def prepared(self) -> None:
        """Wait until the engines are ready and the model has read what a question begins with, for who asks at once and only once.

        A question need not wait for it; but then nothing is kept for the next start of what was read.
        """
        await self.ready.wait()
        await self._model.read_up()

    async def start(self, *, resume: str | None = None) -> None:
        """Open the store, the devices and the engines; returns when the store is open, the rest is loaded behind.

        Typed questions may be asked at once; they wait for the model. `ready` tells when all is loaded.
        """
        self._tasks.begin()
        self._unsubscribe = self.bus.subscribe(self._on_event)
        if self.upkeep is not None:
            self.upkeep.start()
        self._engines.start(partial(self._tasks.post, self._loaded, "stt"))
        self._built_in.warm()
        if self._ringer is not None and self.upkeep is not None:
            self._tasks.spawn(self._ringer.run(), "alarms")
        if self._hearing is not None and self.settings.talk.hands_free:
            self.set_hands_free(True)
        try:
            await self.sessions.open()
            if resume is not None:
                await self.resume(resume)
            elif self.settings.sessions.resume_last and (last := await self.sessions.latest()) is not None:
                await self.resume(last.id)
        except VitaError as error:
            self._count(error)
            self.bus.publish(Notice("Conversations are not kept", error.message, error.remedy, "warning"))

    async def aclose(self) -> None:
        """Silence, end the running turn and store what was heard of it, stop threads and children; within a second."""
        if self._closed:
            return
        self._closed = True
        self._turn.close()
        settled = asyncio.ensure_future(self._replies.settled())
        if not (await asyncio.wait({settled}, timeout=SETTLE_SECONDS))[0]:
            # It waits for a model that hangs: without that, it goes on.
            await self._engines.close_models()
            await asyncio.wait({settled}, timeout=SETTLE_SECONDS)
        await self._tasks.aclose()
        closing: list[Coroutine[Any, Any, Any]] = [asyncio.to_thread(self._speech.cleanup)]
        if self._hearing is not None:
            closing.append(asyncio.to_thread(self._hearing.cleanup))
        closing.append(self._engines.close_models())
        if self._toolbox is not None:
            closing.append(self._toolbox.close())
        if self.upkeep is not None:
            closing.append(self.upkeep.aclose())
        closing.append(self.sessions.cleanup())
        results = await asyncio.gather(*closing, return_exceptions=True)
        for result in (*results, *(one for some in results if isinstance(some, list) for one in some)):
            if isinstance(result, BaseException):
                log.error("cleanup failed", exc_info=result)
        self._unsubscribe()

    # ---- what the user does

    async def ask(self, text: str) -> None:
        """A typed question; returns when its turn is over."""
        question = text.strip()
        if question and not self._closed:
            await self._turn.ask(question)

    def allow_tool(self, call: str, decision: Decision) -> bool:
        """The user's answer to a `ToolAsked`, given by key; False when that is not what is asked now."""
        return self._tool_calls is not None and self._tool_calls.consent.answer(call, decision)

    async def needs_no_model(self, text: str) -> bool:
        """Whether `text` is a request that is carried out without the language model."""
        return await self._built_in.understands(text.strip())

    async def fits(self, text: str) -> LeftOut | None:
        """What of a typed question the model would not see, because it is too long; None when all fits."""
        return await self._history.fits(text.strip())

    def talk(self, *, kept: bool = False) -> None:
        """The talk key: start an utterance, or end the one that is being spoken.

        Args:
            kept: the key is held down: no pause ends what is said before `let_go` or the next `talk`.
        """
        self.aloud.hush()
        if self._hearing is None:
            self._no_microphone()
        else:
            self._turn.talk(kept=kept)

    def let_go(self) -> None:
        """The talk key was not meant to be held: a pause may end what is said."""
        if self._hearing is not None:
            self._hearing.let_go()

    def hold_open(self) -> None:
        """Do not take the present pause for the end of what is said."""
        if self._hearing is not None and self.state is State.LISTENING:
            self._hearing.hold()

    def stop(self) -> None:
        """Escape: silence, end the reply, forget what is being recorded; what rings is silenced first, and alone."""
        if self._ringer is None or not self._ringer.stop():
            self.aloud.hush()
            self._turn.stop()

    async def say(self, text: str, language: str = "") -> bool:
        """Say `text` behind what is being said; returns when it is over, with whether all of it was heard. Cancelling ends it.

        Raises:
            VitaError: there is no voice or no speaker, or replies are shown only.
        """
        if not self.speaking_aloud:
            raise VitaError("VITA shows its replies and does not speak.", remedy="vita ctl mute off, or f9")
        return await self.aloud.say(text, language or self.settings.spoken_language)

    @contextlib.asynccontextmanager
    async def dictation(
        self, on_words: Callable[[str, str], None] = lambda stable, tail: None, *, by_voice: bool = False
    ) -> AsyncIterator[Dictation]:
        """While it lasts, what is said is for the caller and not for the model; see `dictating`."""
        async with dictating(self._turn, on_words, by_voice=by_voice, begin=self.aloud.hush) as dictation:
            yield dictation

    def set_hands_free(self, on: bool) -> None:
        """Listen without a key from now on, or only with one; says so, and what it depends on."""
        if self._hearing is None:
            self._no_microphone()
            return
        echo = self._hearing.echo.status if self._hearing.echo is not None else None
        if on and echo is not None and echo.mode == "push_to_talk":
            why = (
                echo.reason
                or "The settings, or vita calibrate, want the microphone to be opened by the key only."
            )
            self.bus.publish(
                Notice("Not hands-free", why, "Settings: audio.duplex", "warning", key="hands-free")
            )
            return
        self._hearing.hands_free = on
        if not on and self.state is State.LISTENING:
            self.stop()
        self.bus.publish(HandsFree(on))
        if on and echo is not None and echo.reason:
            self.bus.publish(Notice("Half duplex", echo.reason, "", "information", key="duplex"))

    async def new_session(self) -> None:
        """Leave the conversation, which is kept, and start an empty one."""
        self.stop()
        await self._replies.settled()
        self._history.turn_to(None)
        self._forget_consent()

    async def resume(self, session_id: str) -> None:
        """Go on with an earlier conversation; "latest" for the last one.

        Raises:
            VitaError: there is no such conversation, or the store cannot be read.
        """
        if session_id == "latest":
            last = await self.sessions.latest()
            if last is None:
                return
            session_id = last.id
        session = await self.sessions.get(session_id)
        self.stop()
        await self._replies.settled()
        self._history.turn_to(session)
        self._forget_consent()

    def _forget_consent(self) -> None:
        if self._tool_calls is not None:
            self._tool_calls.consent.new_conversation()

    async def _offer_tools(self, responder: Responder) -> None:
        if self._tool_calls is not None:
            await self._tool_calls.offer(responder)

    async def rename(self, title: str) -> None:
        """Give the present conversation another title; an empty one brings back its first question.

        Raises:
            StoreError: there is no conversation yet, or it cannot be kept.
        """
        await self._history.rename(title)

    async def change(self, key: str, value: Any) -> None:
        """Have a setting apply from now on, one of those that `settings.at_once`.

        Raises:
            SettingsError: it cannot have this value.
        """
        await self.change_all({key: value})

    async def change_all(self, values: Mapping[str, Any]) -> None:
        """As `change`, for settings that belong together: none of them changes when one cannot have its value."""
        before = [(key, value_of(self.settings, key)) for key in values]
        try:
            for key, value in values.items():
                assign(self.settings, key, value)
        except SettingsError:
            for key, value in before:
                assign(self.settings, key, value)
            raise
        for key, value in values.items():
            await self._engines.apply(key, value)
            if key in ("stt.language", "tts.engines"):
                self._engines.order_voices(self.settings)
            elif key == "talk.hands_free":
                self.set_hands_free(value)
            self.bus.publish(SettingChanged(key, value))

    def wake(self, part: Part) -> None:
        """What an engine of `part` was missing is there now: load it."""
        self._engines.wake(part)

    # ---- engines

    def _loaded(self, job: str) -> None:
        if job == "llm" and job in self._engines.loading:
            self._replies.loaded()
        self._engines.loaded(job)

    def _all_loaded(self) -> None:
        if not self.ready.is_set():
            self._tasks.spawn(asyncio.to_thread(give_back), "give memory back")
        self._turn.loaded()

    def _probe(self, job: Job) -> None:
        """An engine may be tried again: where it lives, unless somebody waits for an answer."""
        if not self._closed and self.state is State.IDLE and not self._replies.running:
            self._engines.probe(job)

    async def _free_model(self) -> None:
        await self._replies.settled()
        await self._model.free()

    async def _do(self, request: Request) -> None:
        """What a request without a model wants of the conversation."""
        match request.name:
            case "volume" | "rate":
                await self.change(f"tts.{request.name}", request.value)
            case "language" | "next_language":
                await self.change("stt.language", request.value)
                self._built_in.warm()
            case "voices":
                await self.change("tts.engines", request.value)
            case "hands_free":
                self.set_hands_free(request.value)
            case "mute":
                self.speaking_aloud = not request.value
            case "stop":
                if self._ringer is not None:
                    self._ringer.stop()
            case "new_conversation":
                await self.new_session()
            case _:
                log.warning("no such request: %s", request.name)

    # ----

    def _on_event(self, event: Event) -> None:
        """From any thread."""
        if isinstance(event, ClauseStarted):
            self._tasks.post(self._turn.sounds, event.turn)

    def _spoken_reply(self) -> Speech | None:
        return self._replies.current.speech if self._replies.current is not None else None

    def _no_microphone(self) -> None:
        self.bus.publish(
            Notice("No microphone", "Type instead.", "vita devices", "warning", key="microphone")
        )

    def _count(self, error: BaseException) -> None:
        """Note an error that the user is told of."""
        if self.upkeep is not None:
            self.upkeep.metrics.count_error(error)

    def _failed(self, error: BaseException) -> None:
        """A task of ours raised it."""
        self._count(error)
        self.bus.publish(notice_of(error))
