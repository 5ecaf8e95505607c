"""What the microphone hears, and what is understood of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vita_tui.events.base import Event

__all__ = [
    "FinalTranscript",
    "HandsFree",
    "Interjection",
    "LevelChanged",
    "NothingHeard",
    "PartialTranscript",
    "Pausing",
]


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
class Pausing(Event):
    """The user has paused, and what they said ends soon; or they go on."""

    seconds: float | None
    """Until it ends; None when there is no such wait, or no longer."""
    probability: float | None = None
    """That it has ended already, 0 to 1; None when that is not known."""


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
    engine: str = ""
    """Who understood it."""
    instead_of: str = ""
    """The recognizer that should have; empty when this is it."""
    because: str = ""
    """Why it did not."""


@dataclass(frozen=True, slots=True)
class NothingHeard(Event):
    """The microphone was on but there were no words; nothing was sent."""

    reason: str
