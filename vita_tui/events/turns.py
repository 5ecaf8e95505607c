"""Whose turn it is, and how a turn went."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from vita_tui.events.base import Event, Job

__all__ = [
    "DraftOver",
    "State",
    "StateChanged",
    "TurnFailed",
    "TurnFinished",
    "TurnTimings",
    "UserSaid",
]


class State(StrEnum):
    """The assistant is always in exactly one of these."""

    INITIALIZING = "initializing"
    IDLE = "idle"
    LISTENING = "listening"
    THINKING = "thinking"
    SPEAKING = "speaking"


@dataclass(frozen=True, slots=True)
class StateChanged(Event):
    state: State
    previous: State


@dataclass(frozen=True, slots=True)
class UserSaid(Event):
    """A question enters the conversation, spoken or typed."""

    turn: int
    text: str
    spoken: bool


@dataclass(frozen=True, slots=True)
class DraftOver(Event):
    """An answer that was begun before the question was known to be whole has come to be the answer, or was thrown away."""

    used: bool


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
