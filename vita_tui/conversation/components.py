"""The components of an assistant, put together: which is given which, and who is told what by whom."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from functools import partial
from typing import Any

from vita_tui.abilities.service import Abilities
from vita_tui.audio.base import Microphone, Speaker
from vita_tui.audio.echo import HEADPHONES_DB, EchoMicrophone
from vita_tui.clock import Clock, SystemClock
from vita_tui.conversation import memory_steps
from vita_tui.conversation.built_in import BuiltIn
from vita_tui.conversation.built_in_requests import BuiltInRequests
from vita_tui.conversation.engine_care import EngineCare
from vita_tui.conversation.engine_replacing import Maker, Replacing
from vita_tui.conversation.following_language import FollowingLanguage
from vita_tui.conversation.hands_free import HandsFreeSwitch
from vita_tui.conversation.hearing.hearing import Hearing
from vita_tui.conversation.history import History
from vita_tui.conversation.live_settings import LiveSettings
from vita_tui.conversation.present_conversation import PresentConversation
from vita_tui.conversation.profiles import Profiles
from vita_tui.conversation.reading_on import ReadingOn
from vita_tui.conversation.replies import Replies
from vita_tui.conversation.ringing import Ringer
from vita_tui.conversation.speaking.aloud import Aloud
from vita_tui.conversation.speaking.speaking import Speaking
from vita_tui.conversation.speaking.speech import Speech
from vita_tui.conversation.speaking.voice_sample import VoiceSample
from vita_tui.conversation.thinking.consent import Consent
from vita_tui.conversation.thinking.language_model import LanguageModel
from vita_tui.conversation.thinking.tool_calls import ToolCalls
from vita_tui.conversation.turn_taking import TurnTaking
from vita_tui.conversation.upkeep import Upkeep
from vita_tui.engines.chain import Chain
from vita_tui.engines.llm.base import Responder
from vita_tui.engines.stt.base import Recognizer
from vita_tui.engines.tts.base import Synthesizer
from vita_tui.engines.turn.smart_turn import EndScorer
from vita_tui.events import EventBus, Job, State
from vita_tui.health.control_calls import RemoteCall, RemoteCalls
from vita_tui.health.tasks import Tasks, notice_of
from vita_tui.sessions.manager import SessionManager
from vita_tui.settings import Settings
from vita_tui.tools.toolbox import Toolbox

__all__ = ["Components"]


class Components:
    """Nothing is loaded or opened yet. What follows below uses what stands above it."""

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
        abilities: Abilities | None = None,
        tools: bool = False,
        asks: bool = False,
        makers: Mapping[Job, Maker] | None = None,
        profiles: Profiles | None = None,
    ) -> None:
        """
        Args:
            profiles: has changed the settings already by the profile that they want; None where nothing has.
            makers: make the engines of a job anew when settings change that they cannot follow; None where they stay what they are.
            scorer: judges by its sound whether a pause is the end of what is said.
            abilities: what is done without a model; None for nothing.
            tools: the model may call tools, as far as the settings allow.
            asks: somebody sees `ToolAsked` and answers with `Assistant.allow_tool`; otherwise what has to be asked for is denied.
        """
        self.settings, self.sessions, self.bus = settings, sessions, bus
        self.clock = clock = clock or SystemClock()
        self.recognizers, self.responders, self.synthesizers = recognizers, responders, synthesizers
        self.chains: dict[Job, Chain[Any]] = {"stt": recognizers, "llm": responders, "tts": synthesizers}
        self.tasks = tasks = Tasks("conversation.assistant", self._failed)
        self.upkeep: Upkeep | None = None
        """Figures, memory pressure and the control socket of a program that is open for days."""
        self.speaking = Speaking(
            synthesizers,
            speaker,
            bus,
            ahead=settings.tts.ahead,
            clock=clock,
            on_ready=partial(tasks.post, self._loaded, "tts"),
        )
        profiles = profiles or Profiles(settings)
        self.history = History(settings, sessions, self.chains, bus, clock, count_error=self.count_error)
        self.built_in = BuiltIn(
            settings,
            abilities,
            self.history,
            self.chains,
            lambda request: self.requests.do(request),
            bus,
            clock,
        )
        self.toolbox = Toolbox(settings, abilities, self.built_in.context, clock) if tools else None
        self.tool_calls = (
            ToolCalls(settings.tools, self.toolbox, Consent(settings.tools, bus, asks=asks), bus, clock)
            if self.toolbox is not None
            else None
        )
        self.model = LanguageModel(
            responders,
            settings.llm,
            spawn=tasks.spawn,
            messages=self.history.messages,
            answering=lambda: self.replies.running,
            idle=lambda: self.turn.state in (State.IDLE, State.INITIALIZING),
            on_loaded=partial(self._loaded, "llm"),
            offer=self.tool_calls.offer if self.tool_calls is not None else None,
        )
        self.replies = Replies(
            settings,
            responders,
            self.chains,
            self.speaking,
            self.history,
            self.model,
            tasks,
            bus,
            clock,
            self.built_in,
            self.tool_calls,
        )
        self.turn = TurnTaking(
            settings,
            self.replies,
            self.speaking,
            self.model,
            tasks,
            bus,
            clock,
            hears_itself=isinstance(microphone, EchoMicrophone) and settings.audio.echo_level > HEADPHONES_DB,
        )
        self.hearing: Hearing | None = None
        if microphone is not None:
            self.hearing = self.turn.hearing = Hearing(
                microphone, recognizers, self.turn.take, bus, settings=settings, clock=clock, scorer=scorer
            )
        replacing = Replacing(
            settings,
            makers or {},
            self.chains,
            self.speaking,
            self.hearing,
            self.model,
            bus,
            spawn=tasks.spawn,
            settled=self.replies.settled,
        )
        self.engines = EngineCare(
            self.chains, self.speaking, self.hearing, self.model, self.replies, self.turn, tasks, replacing
        )
        self.turn.follow_language = FollowingLanguage(settings, self.engines.order_voices).take
        self.aloud = Aloud(self.speaking, self._spoken_reply, bus)
        self.ringer: Ringer | None = None
        if abilities is not None and abilities.alarms is not None:
            self.ringer = Ringer(
                abilities.alarms, self.speaking, settings, lambda: self.turn.state, bus, clock
            )
        self.voice_sample = VoiceSample(settings, (makers or {}).get("tts"), self.speaking)
        self.hands_free = HandsFreeSwitch(self.turn, bus)
        self.live = LiveSettings(settings, self.engines, self.hands_free, profiles, bus)
        self.present = PresentConversation(
            sessions,
            self.history,
            self.replies,
            self.model,
            self.turn,
            self.aloud,
            self.tool_calls.consent if self.tool_calls is not None else None,
            profiles,
            self.live,
            bus,
        )
        self.reading_on = ReadingOn(
            settings, self.history, self.replies, self.model, self.turn, self.aloud, bus
        )
        self.requests = BuiltInRequests(
            self.live, self.hands_free, self.present, self.built_in, self.ringer, self.aloud
        )

    def make_upkeep(self, calls: Mapping[str, RemoteCall]) -> Upkeep:
        """What a program needs that is open for days.

        Args:
            calls: what other programs of this user may have done.
        """
        on_loop = partial(self.tasks.wait_for, seconds=memory_steps.FREE_SECONDS)
        ladder = memory_steps.steps(
            self.settings,
            recognizers=self.recognizers,
            synthesizers=self.synthesizers,
            hearing=self.hearing,
            speech=self.speaking,
            limit_history=lambda most: on_loop(self.sessions.limit_memory(most)),
            free_model=lambda free: on_loop(self.engines.free_model() if free else self.model.keep()),
        )
        probes = {
            chain: partial(self.tasks.post, self.engines.probe, job) for job, chain in self.chains.items()
        }
        self.upkeep = Upkeep(
            self.settings.health,
            ladder,
            self.bus,
            self.clock,
            probes=probes,
            sessions=self.sessions.stats,
            calls=RemoteCalls(calls, lambda work: self.tasks.post(self._serve, work)),
        )
        return self.upkeep

    def count_error(self, error: BaseException) -> None:
        """Note an error that the user is told of."""
        if self.upkeep is not None:
            self.upkeep.metrics.count_error(error)

    def _serve(self, work: Coroutine[Any, Any, None]) -> None:
        """Carry out what came over the control socket."""
        if self.replies.closed:
            work.close()
        else:
            self.tasks.spawn(work, "control")

    def _loaded(self, job: Job) -> None:
        self.engines.loaded(job)

    def _spoken_reply(self) -> Speech | None:
        return self.replies.current.speech if self.replies.current is not None else None

    def _failed(self, error: BaseException) -> None:
        """A task raised it."""
        self.count_error(error)
        self.bus.publish(notice_of(error))
