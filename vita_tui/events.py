"""What happens in a conversation, as data; and the bus that tells whoever listens.

The conversation publishes; the TUI, the metrics monitor, the log and recorders subscribe. Events are frozen, carry no engine
or widget, and may be published from any thread.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

__all__ = [
    "Alarm",
    "AlarmsChanged",
    "Alert",
    "ClauseFinished",
    "ClauseStarted",
    "DraftOver",
    "EngineStatus",
    "EngineWorked",
    "Event",
    "EventBus",
    "FinalTranscript",
    "HandsFree",
    "Health",
    "Heard",
    "Interjection",
    "InternalError",
    "Job",
    "LevelChanged",
    "NothingHeard",
    "Notice",
    "Part",
    "PartialTranscript",
    "Passed",
    "Paused",
    "Pausing",
    "QuestionShortened",
    "ReasoningDelta",
    "ReplyDelta",
    "ReplyFinished",
    "ReplyRetracted",
    "ReplyStarted",
    "Ringing",
    "SessionChanged",
    "SettingChanged",
    "State",
    "StateChanged",
    "ToolAnswered",
    "ToolAsked",
    "ToolFinished",
    "ToolOutcome",
    "ToolProgress",
    "ToolStarted",
    "TurnFailed",
    "TurnFinished",
    "TurnTimings",
    "UserSaid",
]

log = logging.getLogger(__name__)


class State(StrEnum):
    """The assistant is always in exactly one of these."""

    INITIALIZING = "initializing"
    IDLE = "idle"
    LISTENING = "listening"
    THINKING = "thinking"
    SPEAKING = "speaking"


class Health(StrEnum):
    """How an engine is doing."""

    LOADING = "loading"
    READY = "ready"
    DEGRADED = "degraded"
    """It answers, but not as asked for: a smaller model, another compute type."""
    DISABLED = "disabled"
    """Its breaker is open; it is tried again when the countdown ends."""
    MISSING = "missing"
    """Not installed, or its weights are not there."""


Job = Literal["stt", "llm", "tts"]
Part = Literal["stt", "llm", "tts", "turn"]
"""What weights are for: a job, or judging the end of a turn."""


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events."""


@dataclass(frozen=True, slots=True)
class StateChanged(Event):
    state: State
    previous: State


@dataclass(frozen=True, slots=True)
class LevelChanged(Event):
    """The microphone's level, some ten times a second while it is open."""

    dbfs: float
    """Root mean square of the last tenth of a second, dB below full scale (0 loudest, −90 silent)."""
    speech: float
    """Probability of speech, 0 to 1."""


@dataclass(frozen=True, slots=True)
class HandsFree(Event):
    """Whether the microphone listens without a key from now on."""

    on: bool


@dataclass(frozen=True, slots=True)
class Paused(Event):
    """What is being said is silent until it is told to go on, or goes on."""

    on: bool


@dataclass(frozen=True, slots=True)
class SettingChanged(Event):
    """A setting applies from now on, whoever has changed it."""

    key: str
    """Such as "tts.rate"."""
    value: object


@dataclass(frozen=True, slots=True)
class Pausing(Event):
    """The user has paused, and what they said ends soon; or they go on."""

    seconds: float | None
    """Until it ends; None when there is no such wait, or no longer."""
    probability: float | None = None
    """That it has ended already, 0 to 1; None when that is not known."""


@dataclass(frozen=True, slots=True)
class DraftOver(Event):
    """An answer that was begun before the question was known to be whole has come to be the answer, or was thrown away."""

    used: bool


@dataclass(frozen=True, slots=True)
class Interjection(Event):
    """Somebody speaks while an answer is thought about or sounds, without a key."""

    kind: Literal["onset", "stopped", "ignored"]
    """Voice began, and the reply was turned down; it was words, and the reply stopped; it was not, and the reply goes on."""
    text: str
    """What has been understood; empty at the onset."""
    seconds: float
    """Since the voice began in the microphone."""


@dataclass(frozen=True, slots=True)
class PartialTranscript(Event):
    """What has been understood so far of the utterance that is still being spoken."""

    stable: str
    """The prefix that two decodes agreed on: it will not change any more."""
    tail: str
    audio_seconds: float
    """How much of the utterance this covers."""
    lag_seconds: float
    """From the end of that audio's capture to this event."""


@dataclass(frozen=True, slots=True)
class FinalTranscript(Event):
    """The user has finished: this is what they said."""

    text: str
    confidence: float
    """Mean token probability, 0 to 1."""
    audio_seconds: float


@dataclass(frozen=True, slots=True)
class NothingHeard(Event):
    """The microphone was on but there were no words; nothing was sent."""

    reason: str


@dataclass(frozen=True, slots=True)
class UserSaid(Event):
    """A question enters the conversation, spoken or typed."""

    turn: int
    text: str
    spoken: bool


@dataclass(frozen=True, slots=True)
class QuestionShortened(Event):
    """What is sent to the model is not all that there is: it does not fit."""

    turn: int
    fit: int
    """Tokens of the question that are sent, its end."""
    tokens: int
    """Tokens of the whole question; as many as `fit` when only earlier turns were left out."""
    turns: int
    """Earlier turns that were left out."""


@dataclass(frozen=True, slots=True)
class ReplyStarted(Event):
    turn: int
    engine: str
    instead_of: str = ""
    """The engine that should have answered; empty when this is it."""
    because: str = ""
    """Why it did not."""


@dataclass(frozen=True, slots=True)
class ReasoningDelta(Event):
    """The next piece of the model's reasoning before its reply: never spoken, and not a part of the reply."""

    turn: int
    text: str


@dataclass(frozen=True, slots=True)
class ReplyRetracted(Event):
    """What came so far was no reply but reasoning, of which only the end was marked."""

    turn: int
    text: str
    """What stays of the reply."""


@dataclass(frozen=True, slots=True)
class ReplyDelta(Event):
    """The next piece of the reply: already cleaned of control characters, Markdown as the model wrote it."""

    turn: int
    text: str


@dataclass(frozen=True, slots=True)
class ReplyFinished(Event):
    """No more text comes; speech may still be playing."""

    turn: int
    text: str
    reason: Literal["complete", "stopped", "interrupted", "length", "filtered", "failed"]
    error: str = ""
    note: str = ""
    """Why the reply is not whole, for "length" and "filtered"."""


ToolOutcome = Literal["done", "failed", "denied", "cancelled"]


@dataclass(frozen=True, slots=True)
class ToolAsked(Event):
    """The model wants to call a tool, and the user has to allow it."""

    turn: int
    call: str
    """Names this call."""
    tool: str
    source: str
    """ "VITA", or the MCP server that offers it."""
    arguments: str
    """In full, to be shown: what cannot be seen stands there as an escape."""
    effect: str
    """ "look": it only looks, "act": it changes something."""


@dataclass(frozen=True, slots=True)
class ToolAnswered(Event):
    """What was asked is asked no more."""

    turn: int
    call: str
    decision: str
    """ "yes", "no", "always" (for this tool in this conversation) or "looking" (all that only looks)."""


@dataclass(frozen=True, slots=True)
class ToolStarted(Event):
    """A tool runs."""

    turn: int
    call: str
    tool: str
    source: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolProgress(Event):
    """How far a call is, in a few words."""

    turn: int
    call: str
    text: str


@dataclass(frozen=True, slots=True)
class ToolFinished(Event):
    """A call is over; one that was denied or had no such tool was never started."""

    turn: int
    call: str
    tool: str
    source: str
    seconds: float
    outcome: ToolOutcome
    summary: str
    """The beginning of what it returned, or why it failed, on one line."""


@dataclass(frozen=True, slots=True)
class ClauseStarted(Event):
    """The first sample of a clause was handed to the device."""

    turn: int
    index: int
    text: str
    engine: str


@dataclass(frozen=True, slots=True)
class ClauseFinished(Event):
    turn: int
    index: int
    gap_seconds: float
    """Silence between this clause and the one before it; 0 for the first."""


@dataclass(frozen=True, slots=True)
class Heard(Event):
    """How much of the reply has left the speaker, by the device clock."""

    turn: int
    heard: str
    """The part of the reply's text that was heard."""
    unheard: str
    final: bool
    """True when nothing more of this reply will be played."""


@dataclass(frozen=True, slots=True)
class TurnTimings:
    """Where the time of one turn went, each in milliseconds from the end of the user's speech or key (typed: from enter).

    A stage that did not happen is None.
    """

    endpoint: float | None = None
    """Waiting for silence after the last word; None when a key ended the utterance."""
    stt: float | None = None
    """The final transcript was there."""
    tools: float | None = None
    """The last tool that the model called before its first word had returned."""
    llm_first_token: float | None = None
    first_clause: float | None = None
    """The first clause was cut from the reply."""
    tts_first_audio: float | None = None
    """The first clause's first sample was synthesised."""
    voice_to_voice: float | None = None
    """The first sample of speech was handed to the device."""
    causes: tuple[str, ...] = ()
    """Why it was slow, in words; empty when it was not."""


@dataclass(frozen=True, slots=True)
class TurnFinished(Event):
    turn: int
    timings: TurnTimings
    engines: dict[str, str] = field(default_factory=dict)
    """Who answered for `stt`, `llm` and `tts`."""
    failed: tuple[Job, ...] = ()
    """Jobs of which a part or all was not done; a `TurnFailed` came for each."""


@dataclass(frozen=True, slots=True)
class TurnFailed(Event):
    """A job of a turn was not done by any engine, and the user was told: not understood, no answer, no voice."""

    job: Job
    engine: str
    """The last that was asked, or that would have been asked first if none was."""
    error: str
    """Kind of the error, such as "NoEngineError"."""
    message: str


@dataclass(frozen=True, slots=True)
class EngineStatus(Event):
    """An engine's standing changed, or it has just done a piece of work."""

    job: Job
    engine: str
    health: Health
    active: bool
    """This is the engine of its job that answers now."""
    reason: str = ""
    retry_seconds: float | None = None
    """Until a disabled engine is tried again."""
    last_ms: float | None = None
    median_ms: float | None = None


@dataclass(frozen=True, slots=True)
class EngineWorked(Event):
    """An engine has been asked for one piece of work, and has done it or failed; for the figures."""

    job: Job
    engine: str
    seconds: float | None
    """Until it answered; None when it failed, or when loading it was a part of the work."""
    error: str = ""
    """Kind of the failure, such as "EngineTimeoutError"; empty when it worked."""
    called: bool = True
    """False when there was nothing to ask: its weights do not load, or are still being fetched. A server that is away was called."""


@dataclass(frozen=True, slots=True)
class SessionChanged(Event):
    session_id: str
    title: str
    turns: int
    tokens: int
    created: float
    """Seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """A timer, an alarm or a reminder."""

    id: int
    """0 before it is kept."""
    kind: Literal["timer", "alarm", "reminder"]
    name: str
    """What a timer is for, or what is to be remembered; may be empty."""
    due: float
    """Seconds since 1970."""
    length: float
    """Seconds for which a timer was set; 0 for others."""
    left: float | None = None
    """Seconds that a timer has to go which is paused."""
    at: str = ""
    """The time of day, "HH:MM", of what comes again."""
    days: str = ""
    """The weekdays on which it comes again, such as "01234"; Monday is 0."""
    language: str = "en"
    """In which it was asked for."""


@dataclass(frozen=True, slots=True)
class AlarmsChanged(Event):
    """What is to ring from now on, the next one first."""

    alarms: tuple[Alarm, ...]


@dataclass(frozen=True, slots=True)
class Ringing(Event):
    """An alarm begins to ring, or ends."""

    alarm: Alarm
    text: str
    """What is said of it."""
    on: bool


@dataclass(frozen=True, slots=True)
class Notice(Event):
    """Something the user should know once."""

    title: str
    """What."""
    message: str = ""
    """The number, the reason."""
    remedy: str = ""
    """The command or key that fixes it."""
    severity: Literal["information", "warning", "error"] = "information"
    key: str = ""
    """Notices with the same key are about the same thing: the newest takes the place of the one before, and information says that
    what was warned of has passed."""


@dataclass(frozen=True, slots=True)
class Alert(Notice):
    """A threshold of the metrics monitor was crossed."""


@dataclass(frozen=True, slots=True)
class Passed(Event):
    """What a notice with this key warned of has passed; nobody needs to be told, but it is not shown any longer."""

    key: str


@dataclass(frozen=True, slots=True)
class InternalError(Event):
    """A bug of ours was met and cost one thing that was to be done or shown; the program goes on."""

    where: str
    """Such as "screen"."""
    kind: str
    """Of the exception, such as "NoMatches"."""


Subscriber = Callable[[Event], None]


class EventBus:
    """Hands each event to every subscriber, in the thread that published it.

    Subscribers are called in the order in which they came; they must be quick and safe to call from any thread. One that
    raises is logged and does not keep the event from the others.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscribers: tuple[Subscriber, ...] = ()

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call `subscriber` with every event from now on; the returned function ends that and may be called twice."""
        with self._lock:
            self._subscribers = (*self._subscribers, subscriber)

        def unsubscribe() -> None:
            with self._lock, contextlib.suppress(ValueError):
                remaining = list(self._subscribers)
                remaining.remove(subscriber)
                self._subscribers = tuple(remaining)

        return unsubscribe

    def publish(self, event: Event) -> None:
        for subscriber in self._subscribers:
            try:
                subscriber(event)
            except Exception:
                log.exception("subscriber failed on %s", type(event).__name__)
