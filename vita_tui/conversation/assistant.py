"""The assistant: one conversation, its state, and who has the floor.

Everything here runs on one asyncio loop; threads hand over with `call_soon_threadsafe`. At most one exchange is running; a new
question, the talk key or `stop` ends it first, and what was heard of it is kept.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial
from typing import Any

from vita_tui.audio import earcons
from vita_tui.audio.base import Microphone, Speaker
from vita_tui.audio.echo import HEADPHONES_DB
from vita_tui.clock import Clock, SystemClock
from vita_tui.conversation import memory_steps as savings
from vita_tui.conversation.hearing.backchannel import asks_to_go_on, asks_to_stop
from vita_tui.conversation.hearing.hearing import Hearing
from vita_tui.conversation.hearing.interruption import SHORT_SECONDS, Contest
from vita_tui.conversation.hearing.signals import (
    DraftTranscript,
    MicrophoneLost,
    Signal,
    SpeechBegan,
    Understood,
    UtteranceEnded,
    VoiceHint,
    VoiceOnset,
    WakeWordHeard,
    WordsSoFar,
)
from vita_tui.conversation.hearing.turn_detector import EDGE_SECONDS
from vita_tui.conversation.hearing.utterance import Utterance
from vita_tui.conversation.history import Record, engines_of, timings_of
from vita_tui.conversation.speaking.speech_output import SpeechOutput
from vita_tui.conversation.thinking.exchange import Exchange, Reason
from vita_tui.conversation.thinking.prefill import Mind
from vita_tui.conversation.timings import Stopwatch
from vita_tui.conversation.upkeep import Upkeep
from vita_tui.engines.chain import Chain
from vita_tui.engines.llm.base import Responder
from vita_tui.engines.stt.base import Recognizer
from vita_tui.engines.tts.base import Synthesizer
from vita_tui.errors import VitaError
from vita_tui.events import (
    ClauseStarted,
    Event,
    EventBus,
    FinalTranscript,
    HandsFree,
    Job,
    NothingHeard,
    Notice,
    State,
    StateChanged,
    TurnFailed,
    TurnFinished,
)
from vita_tui.health.process_memory import give_back
from vita_tui.health.tasks import Tasks, notice_of
from vita_tui.sessions.manager import SessionManager
from vita_tui.sessions.session import Session
from vita_tui.settings import Settings, TalkSettings

__all__ = ["Assistant"]

log = logging.getLogger(__name__)

AT_ONCE = frozenset(
    {"audio.speak", "audio.input", "audio.output", "audio.earcons", "tts.rate", "tts.volume", "stt.language"}
    | {f"talk.{name}" for name in TalkSettings.model_fields}
)
"""Settings that can change while the assistant runs."""
CERTAIN = 0.5
"""Confidence in words that may end a reply; coughs and hums that are taken for words have less."""
CERTAIN_OF_SHORT = 0.6
"""The same for less than half a second of voice: "oh" and "good" are taken for other words with less."""


class Assistant:
    """Listens, thinks and speaks. Made by `build`; `start` it once, `aclose` it at the end."""

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
        clock: Clock | None = None,
        upkeep: bool = False,
    ) -> None:
        """
        Args:
            upkeep: keep figures and watch memory, as a program does that is open for days.
        """
        self.settings = settings
        self.sessions = sessions
        self.bus = bus
        self.state = State.INITIALIZING
        self.chains: dict[Job, Chain[Any]] = {"stt": recognizers, "llm": responders, "tts": synthesizers}
        self.speaking_aloud = settings.audio.speak
        """Whether replies are spoken; may be changed at any time."""
        self.ready = asyncio.Event()
        """Set when every engine has been loaded, or has said why it was not."""
        self.last: Exchange | None = None
        """The exchange that ended last."""
        self._clock = clock or SystemClock()
        self._tasks = Tasks("conversation.assistant", self._failed)
        self._responders = responders
        self._speech = SpeechOutput(
            synthesizers,
            speaker,
            bus,
            ahead=settings.tts.ahead,
            clock=self._clock,
            on_ready=self._voice_loaded,
        )
        self._hearing: Hearing | None = None
        if microphone is not None:
            self._hearing = Hearing(
                microphone, recognizers, self.on_signal, bus, settings=settings, clock=self._clock
            )
        self.upkeep: Upkeep | None = None
        if upkeep:
            probes = {
                chain: partial(self._tasks.post, self._probe, job) for job, chain in self.chains.items()
            }
            on_loop = partial(self._tasks.wait_for, seconds=savings.PATIENCE)
            ladder = savings.steps(
                settings,
                recognizers=recognizers,
                synthesizers=synthesizers,
                hearing=self._hearing,
                speech=self._speech,
                limit_history=lambda most: on_loop(sessions.limit_memory(most)),
                free_mind=lambda free: on_loop(self._free_mind() if free else self._mind.keep()),
            )
            self.upkeep = Upkeep(settings.health, ladder, bus, self._clock, probes=probes)
        self._contest = Contest(
            bus,
            self._clock,
            duck=self._speech.duck,
            own=self._speech.own_words if self._hears_itself else None,
        )
        """Somebody speaks into a reply."""
        self._onset = 0
        """The utterance that voice began last, without a key."""
        self._carried = ""
        """What was said before a pause that was too short to be answered in: it belongs to what is said now."""
        self._record = Record(settings, sessions, self.chains, bus, self._clock, count_error=self._count)
        self._mind = Mind(
            responders,
            settings.llm,
            spawn=self._tasks.spawn,
            messages=self._record.messages,
            answering=lambda: self._running is not None,
            idle=lambda: self.state in (State.IDLE, State.INITIALIZING),
            on_loaded=partial(self._loaded, "llm"),
        )
        self._turns = 0
        self._exchange: Exchange | None = None
        self._draft: Exchange | None = None
        self._running: asyncio.Task[None] | None = None
        """The committed exchange, until its record is stored."""
        self._loading: set[str] = set()
        self._closed = False
        self._unsubscribe: Callable[[], None] = lambda: None

    # ---- life

    async def prepared(self) -> None:
        """Wait until the engines are ready and the model has read what a question begins with, for who asks at once and only once.

        A question need not wait for it; but then nothing is kept for the next start of what was read.
        """
        await self.ready.wait()
        await self._mind.read_up()

    async def start(self, *, resume: str | None = None) -> None:
        """Open the store, the devices and the engines; returns when the store is open, the rest is loaded behind.

        Typed questions may be asked at once; they wait for the model. `ready` tells when all is loaded.
        """
        self._tasks.begin()
        self._unsubscribe = self.bus.subscribe(self._on_event)
        if self.upkeep is not None:
            self.upkeep.start()
        self._loading = {"llm"} | ({"tts"} if self._speech.usable else set())
        if self._hearing is not None:
            self._loading.add("stt")
        self._mind.load_soon()
        if self._speech.usable:
            self._speech.start()
        if self._hearing is not None:
            self._hearing.start(on_ready=self._ears_loaded)
            if self.settings.talk.hands_free:
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
        self._abandon("stopped")
        await self._settled()
        await self._tasks.aclose()
        closing: list[Coroutine[Any, Any, Any]] = [asyncio.to_thread(self._speech.cleanup)]
        if self._hearing is not None:
            closing.append(asyncio.to_thread(self._hearing.cleanup))
        closing += [engine.cleanup() for engine in self._responders.engines]
        if self.upkeep is not None:
            closing.append(self.upkeep.aclose())
        for result in await asyncio.gather(*closing, return_exceptions=True):
            if isinstance(result, BaseException):
                log.error("cleanup failed", exc_info=result)
        await self.sessions.cleanup()
        self._unsubscribe()

    # ---- what the user does

    async def ask(self, text: str) -> None:
        """A typed question; returns when its turn is over."""
        question = text.strip()
        if not question or self._closed:
            return
        watch = Stopwatch()
        watch.zero = self._clock.monotonic()
        self._abandon("interrupted")
        exchange = self._new_exchange(question, watch, spoken=False)
        await self._hold_floor(exchange)

    def talk(self, *, kept: bool = False) -> None:
        """The talk key: start an utterance, or end the one that is being spoken.

        Args:
            kept: the key is held down: no pause ends what is said before `let_go` or the next `talk`.
        """
        if self._hearing is None:
            self.bus.publish(
                Notice("No microphone", "Type instead.", "vita devices", "warning", key="microphone")
            )
            return
        if self.state is State.LISTENING:
            self._hearing.end()
            return
        self._abandon("interrupted")
        self._carried = ""
        self._set_state(State.LISTENING)
        if self.settings.audio.earcons:
            self._speech.earcon(earcons.START, earcons.SAMPLE_RATE)
        self._hearing.begin(kept=kept)
        self._mind.expect()

    def let_go(self) -> None:
        """The talk key was not meant to be held: a pause may end what is said."""
        if self._hearing is not None:
            self._hearing.let_go()

    @property
    def session(self) -> Session | None:
        """The present conversation; None until the first word of a new one."""
        return self._record.session

    @property
    def hands_free(self) -> bool:
        """Whether the microphone listens without a key."""
        return self._hearing is not None and self._hearing.hands_free

    def set_hands_free(self, on: bool) -> None:
        """Listen without a key from now on, or only with one; says so, and what it depends on."""
        hearing = self._hearing
        if hearing is None:
            self.bus.publish(
                Notice("No microphone", "Type instead.", "vita devices", "warning", key="microphone")
            )
            return
        echo = hearing.echo
        if on and echo is not None and echo.mode == "push_to_talk":
            why = (
                echo.reason
                or "The settings, or vita calibrate, want the microphone to be opened by the key only."
            )
            self.bus.publish(
                Notice("Not hands-free", why, "Settings: audio.duplex", "warning", key="hands-free")
            )
            return
        hearing.hands_free = on
        if not on and self.state is State.LISTENING:
            self.stop()
        self.bus.publish(HandsFree(on))
        if on and echo is not None and echo.reason:
            self.bus.publish(Notice("One at a time", echo.reason, "", "information", key="duplex"))

    def hold_open(self) -> None:
        """Do not take the present pause for the end of what is said."""
        if self._hearing is not None and self.state is State.LISTENING:
            self._hearing.hold()

    @property
    def _hears_itself(self) -> bool:
        echo = self._hearing.echo if self._hearing is not None else None
        return echo is not None and self.settings.audio.echo_level > HEADPHONES_DB

    def stop(self) -> None:
        """Escape: silence, end the reply, forget what is being recorded."""
        if self.state is State.LISTENING:
            self.bus.publish(NothingHeard("Recording dropped."))
        self._abandon("stopped")
        self._carried = ""
        if self.state is not State.INITIALIZING:
            self._set_state(State.IDLE)

    async def new_session(self) -> None:
        """Leave the conversation, which is kept, and start an empty one."""
        self.stop()
        await self._settled()
        self._record.turn_to(None)

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
        await self._settled()
        self._record.turn_to(session)

    async def change(self, key: str, value: Any) -> None:
        """Have a setting apply from now on: those of `AT_ONCE`."""
        section, name = key.split(".")
        setattr(getattr(self.settings, section), name, value)
        if section == "talk" and self._hearing is not None:
            self._hearing.configure()
        if key in ("tts.rate", "tts.volume"):
            for voice in self.chains["tts"].engines:
                setattr(voice, name, value)
        elif key == "stt.language":
            for recognizer in self.chains["stt"].engines:
                recognizer.language = value
        elif key == "audio.speak":
            self.speaking_aloud = value
        elif key == "talk.hands_free":
            self.set_hands_free(value)
        elif key == "audio.output":
            await asyncio.to_thread(self._speech.use, value)
        elif key == "audio.input" and self._hearing is not None:
            await asyncio.to_thread(self._hearing.use, value)

    def wake(self, job: Job) -> None:
        """What an engine of `job` was missing is there now: load it."""
        self.chains[job].reset()
        if job == "llm":
            self._mind.load_soon()
        elif job == "tts":
            self._speech.reload()
        elif self._hearing is not None:
            self._hearing.worker.reload()

    # ---- what is heard

    def on_signal(self, signal: Signal) -> None:
        """What the microphone, its listener or speech recognition has to say; on the loop."""
        match signal:
            case VoiceOnset():
                self._on_onset(signal.number)
            case VoiceHint():
                self._on_hint()
            case WakeWordHeard():
                self._on_wake()
            case WordsSoFar():
                self._on_words(signal)
            case DraftTranscript():
                self._on_draft(signal.text)
            case SpeechBegan():
                self._drop_draft()  # the user goes on
            case UtteranceEnded():
                self._on_utterance(signal.utterance)
            case Understood():
                self._on_understood(signal)
            case MicrophoneLost():
                self._on_deaf()
            case _:
                pass

    def _on_onset(self, number: int) -> None:
        """Voice began without a key: somebody takes the floor, or speaks into our turn."""
        self._onset = number
        hearing = self._hearing
        if hearing is None or self.state is State.LISTENING:
            return
        if self.state is State.INITIALIZING or self._closed:
            hearing.cancel()
        elif self.state is State.IDLE:
            self._listen()
        else:
            hearing.private = True
            self._contest.begin(number, self._give_back)

    def _on_hint(self) -> None:
        """Perhaps somebody begins to speak: a reply makes a little room at once."""
        if self.state is State.SPEAKING and not self._closed:
            self._contest.hint()

    def _on_wake(self) -> None:
        """The wake word is the talk key, said aloud."""
        if self.state not in (State.LISTENING, State.INITIALIZING) and not self._closed:
            self.talk()

    def _on_words(self, words: WordsSoFar) -> None:
        """What was understood so far: enough to end our turn?"""
        if self._contest.number == words.number:
            voice = words.until - words.since - EDGE_SECONDS
            if self._contest.won_by(
                words.text, words.since, words.until, voice=voice, certain=bool(words.stable)
            ):
                self._give_floor()
        elif self.state is State.LISTENING and self._draft is None:
            self._mind.hear(words.text.split()[:-1], self._carried)

    def _listen(self) -> None:
        """The user has the floor, and speaks already."""
        assert self._hearing is not None
        self._hearing.private = False
        self._set_state(State.LISTENING)
        self._mind.expect()

    def _give_floor(self) -> None:
        """Our turn is over: somebody speaks."""
        if self._exchange is not None:
            self._exchange.stop("interrupted")
            self._exchange = None
        self._contest.end()
        self._listen()

    def _give_back(self) -> None:
        """What sounded like somebody was nobody for too long: go on."""
        if self._hearing is not None:
            self._hearing.forget_recording()
            self._hearing.private = False

    def _on_draft(self, text: str) -> None:
        """The user may have finished, and this is what they would have said: think ahead."""
        if self.state is not State.LISTENING or self._carried:
            return
        if self._draft is not None and _same(self._draft.question, text):
            return
        self._drop_draft()
        self._mind.stop_reading()
        self._draft = self._new_exchange(text, Stopwatch(), spoken=True)
        self._tasks.spawn(self._run_draft(self._draft), "draft")

    def _on_utterance(self, utterance: Utterance) -> None:
        """The user has finished; the words follow in `Understood`."""
        if self._contest.number == utterance.number:
            return
        if self.state is State.LISTENING:
            self._set_state(State.THINKING)
            if self.settings.audio.earcons and utterance.reason != "nothing":
                self._speech.earcon(earcons.END, earcons.SAMPLE_RATE)

    def _on_understood(self, understood: Understood) -> None:
        """The final transcript, or why there is none."""
        utterance = understood.utterance
        if self._contest.number == utterance.number:
            assert self._hearing is not None
            self._hearing.private = False
            since = utterance.last_speech - utterance.audio_seconds
            voice = utterance.speech_seconds
            certain = understood.confidence >= (CERTAIN if voice >= SHORT_SECONDS else CERTAIN_OF_SHORT)
            if not self._contest.won_by(
                understood.text, since, utterance.last_speech, voice=voice, certain=certain, final=True
            ):
                self._contest.end(ignored=True)
                return
            self._give_floor()
            self._set_state(State.THINKING)
        elif utterance.number == self._onset and self._is_own(understood):
            # It outlasted our turn, but was the end of it.
            self._drop_draft()
            self._set_state(State.IDLE)
            return
        elif self.state is State.LISTENING and self._contest.last != utterance.number:
            # The user went on before this was understood.
            self._carried = f"{self._carried} {understood.text}".strip()
            return
        if self.state is not State.THINKING or self._exchange is not None:
            return
        if understood.text and asks_to_stop(understood.text) and self._contest.last == utterance.number:
            self._drop_draft()
            self.bus.publish(NothingHeard("Stopped."))
            self._set_state(State.IDLE)
            return
        if not understood.text and self._carried:
            understood = replace(understood, text=self._carried)
        elif self._carried:
            understood = replace(understood, text=f"{self._carried} {understood.text}")
        self._carried = ""
        if not understood.text:
            self._drop_draft()
            self.bus.publish(NothingHeard(understood.problem))
            self._set_state(State.IDLE)
            return
        self.bus.publish(
            FinalTranscript(understood.text, understood.confidence, understood.utterance.audio_seconds)
        )
        exchange, self._draft = self._draft, None
        if exchange is not None and not _same(exchange.question, understood.text):
            exchange.stop("stopped")
            exchange = None
        if exchange is None:
            exchange = self._new_exchange(understood.text, Stopwatch(), spoken=True)
        watch = exchange.watch
        watch.zero = understood.utterance.ended
        watch.endpoint_wait = understood.utterance.endpoint_wait
        watch.guard = understood.guard
        watch.mark("stt", understood.at)
        self._tasks.spawn(self._hold_floor(exchange), "turn")

    def _is_own(self, understood: Understood) -> bool:
        until = understood.utterance.last_speech
        return self._contest.is_own(understood.text, until - understood.utterance.audio_seconds, until)

    def _on_deaf(self) -> None:
        """There is no microphone: nobody is being listened to."""
        if self.state is State.LISTENING:
            self._drop_draft()
            self._set_state(State.IDLE)

    # ---- exchanges

    def _new_exchange(self, question: str, watch: Stopwatch, *, spoken: bool) -> Exchange:
        turn = self._turns + 1
        aloud = self.speaking_aloud and self._speech.usable
        return Exchange(
            turn,
            question,
            spoken=spoken,
            responders=self._responders,
            speech=self._speech.begin(turn) if aloud else None,
            bus=self.bus,
            clock=self._clock,
            watch=watch,
            max_tokens=self.settings.llm.max_tokens,
            language=self.settings.spoken_language,
            early=self.settings.tts.early,
            opening=self._record.rest_of(self.last) if asks_to_go_on(question) else None,
        )

    async def _run_draft(self, exchange: Exchange) -> None:
        exchange.task = asyncio.current_task()
        await self._mind.end_probe()
        await exchange.run(await self._record.messages(exchange.question))

    def _drop_draft(self) -> None:
        if self._draft is not None:
            self._draft.stop("stopped")
            self._draft = None

    async def _hold_floor(self, exchange: Exchange) -> None:
        """Make `exchange` the running one, to its end and into the store."""
        self._turns = exchange.turn
        self._exchange = exchange
        self._set_state(State.THINKING)
        self._mind.stop_reading()
        await self._mind.end_probe()
        await self._settled()
        self._running = asyncio.current_task()
        try:
            exchange.commit()
            if exchange.task is not None:
                storing = self._tasks.spawn(self._record.keep_as_it_comes(exchange), "store")
                await asyncio.wait({exchange.task})
            else:
                # The model is asked first: neither the store nor counting tokens must keep the user waiting.
                messages = await self._record.messages(exchange.question)
                storing = self._tasks.spawn(self._record.keep_as_it_comes(exchange), "store")
                await exchange.run(messages)
            exchange.closed.set()
            first = await storing
            await self._record.keep_answer(exchange, first)
            self._finish_turn(exchange)
        finally:
            exchange.closed.set()
            self._running = None
            if self._exchange is exchange:  # nobody has taken the floor meanwhile
                self._exchange = None
                if self._contest.number and self._contest.outlasted():
                    self._listen()
                else:
                    self._set_state(State.IDLE)
            if not self._closed:
                self._mind.answered()

    def _finish_turn(self, exchange: Exchange) -> None:
        self.last = exchange
        engines = engines_of(exchange)
        if exchange.spoken:
            engines["stt"] = self.chains["stt"].active_name
        if exchange.error is not None:
            self.bus.publish(
                Notice("No answer", exchange.error.message, exchange.error.remedy, "error", key="answer")
            )
        failed: dict[Job, VitaError] = {}
        if exchange.error is not None:
            failed["llm"] = exchange.error
        if exchange.speech is not None and exchange.speech.error is not None:
            failed["tts"] = exchange.speech.error
        for job, error in failed.items():
            engine = engines.get(job) or self.chains[job].active_name
            self.bus.publish(TurnFailed(job, engine, type(error).__name__, str(error)))
        self.bus.publish(TurnFinished(exchange.turn, timings_of(exchange), engines, tuple(failed)))

    def _abandon(self, reason: Reason) -> None:
        """End whatever is going on: recording, recognition, draft, reply. Sound ends at once, book-keeping in its time."""
        self._contest.end()
        if self._hearing is not None:
            self._hearing.private = False
            self._hearing.cancel()
        self._drop_draft()
        if self._exchange is not None:
            self._exchange.stop(reason)
            self._exchange = None

    async def _settled(self) -> None:
        """Wait until the running exchange is in the store."""
        running = self._running
        if running is not None and running is not asyncio.current_task():
            await asyncio.wait({running})

    # ---- engines

    def _voice_loaded(self) -> None:
        self._tasks.post(self._loaded, "tts")

    def _ears_loaded(self) -> None:
        self._tasks.post(self._loaded, "stt")

    def _loaded(self, job: str) -> None:
        self._loading.discard(job)
        if not self._loading:
            if not self.ready.is_set():
                self._tasks.spawn(asyncio.to_thread(give_back), "give memory back")
            self.ready.set()
            if self.state is State.INITIALIZING:
                self._set_state(State.IDLE)

    def _probe(self, job: Job) -> None:
        """A rest is over: have the engine tried where it lives, unless somebody waits for an answer."""
        if self._closed or self.state is not State.IDLE or self._running is not None:
            return
        if job == "llm":
            self._mind.probe()
        elif job == "tts" and self._speech.usable:
            self._speech.probe()
        elif job == "stt" and self._hearing is not None:
            self._hearing.worker.probe()

    async def _free_mind(self) -> None:
        await self._settled()
        await self._mind.free()

    # ---- small things

    def _on_event(self, event: Event) -> None:
        if isinstance(event, ClauseStarted):
            self._tasks.post(self._speech_started, event.turn)

    def _speech_started(self, turn: int) -> None:
        if self._exchange is not None and self._exchange.turn == turn and self.state is State.THINKING:
            self._set_state(State.SPEAKING)

    def _set_state(self, state: State) -> None:
        if state is not self.state:
            previous, self.state = self.state, state
            self.bus.publish(StateChanged(state, previous))

    def _count(self, error: BaseException) -> None:
        """Note an error that the user is told of."""
        if self.upkeep is not None:
            self.upkeep.metrics.count_error(error)

    def _failed(self, error: BaseException) -> None:
        """A task of ours raised it."""
        self._count(error)
        self.bus.publish(notice_of(error))


def _same(a: str, b: str) -> bool:
    """Whether two transcripts ask the same, whatever their punctuation and case."""

    def words(text: str) -> str:
        return " ".join("".join(c if c.isalnum() or c == "'" else " " for c in text.lower()).split())

    return words(a) == words(b)
