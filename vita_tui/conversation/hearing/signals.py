"""What the listener thread says, in order, as one stream of frozen values.

`TurnDetector` decides most of them; the listener adds what concerns the microphone, the transcriber what was understood.
"""

from __future__ import annotations

from dataclasses import dataclass

from vita_tui.audio.base import Samples
from vita_tui.conversation.hearing.utterance import Utterance
from vita_tui.errors import DeviceError, EngineError

__all__ = [
    "DraftTranscript",
    "EchoNotCancelled",
    "EndExpected",
    "Level",
    "MicrophoneFound",
    "MicrophoneLost",
    "MicrophoneSilent",
    "PauseBegan",
    "PauseSoFar",
    "Signal",
    "SpeechBegan",
    "SpeechSoFar",
    "Understood",
    "UtteranceEnded",
    "VoiceHint",
    "VoiceOnset",
    "WakeWordHeard",
    "WakeWordUnavailable",
    "WordsSoFar",
]


@dataclass(frozen=True, slots=True)
class VoiceHint:
    """The first frame that may be somebody who begins to speak without a key; `VoiceOnset` follows if it goes on."""


@dataclass(frozen=True, slots=True)
class VoiceOnset:
    """Somebody began to speak without a key: this is the number of their utterance."""

    number: int


@dataclass(frozen=True, slots=True)
class SpeechBegan:
    """The first voice of an utterance, or voice again after a pause."""

    number: int


@dataclass(frozen=True, slots=True)
class SpeechSoFar:
    """The utterance so far, while there is voice: something to make a partial transcript of."""

    number: int
    audio: Samples
    captured: float
    """Monotonic seconds of its last sample."""


@dataclass(frozen=True, slots=True)
class PauseBegan:
    """Voice has just ceased: the utterance may be over, and this is what it would be."""

    number: int
    audio: Samples
    speech_seconds: float = 0.0
    """How much of it was voice."""
    last_speech: float = 0.0
    """Monotonic seconds at which the last voice was captured."""


@dataclass(frozen=True, slots=True)
class PauseSoFar:
    """The last seconds of sound, up to now, of a pause that may be the end: to be judged by its sound."""

    number: int
    audio: Samples


@dataclass(frozen=True, slots=True)
class EndExpected:
    """The utterance ends after `seconds` more of silence; None: only by a key, or when voice has come again."""

    number: int
    seconds: float | None
    probability: float | None = None
    """That it has ended already, 0 to 1; None while only the words are known."""


@dataclass(frozen=True, slots=True)
class UtteranceEnded:
    """The user has finished; `Understood` follows."""

    utterance: Utterance

    @property
    def number(self) -> int:
        return self.utterance.number


@dataclass(frozen=True, slots=True)
class MicrophoneSilent:
    """A microphone that is listened to without a key has given nothing but digital silence for long."""


@dataclass(frozen=True, slots=True)
class MicrophoneLost:
    """There is no microphone (any more)."""

    error: DeviceError


@dataclass(frozen=True, slots=True)
class MicrophoneFound:
    """The microphone is open (again)."""

    name: str


@dataclass(frozen=True, slots=True)
class EchoNotCancelled:
    """Echo cancelling has failed: from now on the microphone is off while the assistant speaks."""

    reason: str
    """A sentence for the screen."""


@dataclass(frozen=True, slots=True)
class WakeWordHeard:
    """The wake word was said."""


@dataclass(frozen=True, slots=True)
class WakeWordUnavailable:
    """The wake word is not listened for."""

    error: EngineError


@dataclass(frozen=True, slots=True)
class Level:
    """How loud it is, some ten times a second."""

    dbfs: float
    speech: float
    """Probability of speech, 0 to 1."""


@dataclass(frozen=True, slots=True)
class WordsSoFar:
    """A partial transcript."""

    number: int
    stable: str
    """The beginning, which will not change any more."""
    tail: str
    since: float
    """Monotonic seconds at which the sound that it is made of began."""
    until: float
    language: str = "en"
    confidence: float = 0.0
    """Mean token probability of the newest decode, 0 to 1."""

    @property
    def text(self) -> str:
        return f"{self.stable} {self.tail}".strip()


@dataclass(frozen=True, slots=True)
class DraftTranscript:
    """The user may have finished with this."""

    number: int
    text: str
    language: str = "en"
    confidence: float = 0.0
    """Mean token probability, 0 to 1."""
    speech_seconds: float = 0.0
    """How much voice there was."""
    since: float = 0.0
    """Monotonic seconds at which the sound that it is made of began."""
    until: float = 0.0
    """The same for its last voice."""


@dataclass(frozen=True, slots=True)
class Understood:
    """The final transcript of an utterance."""

    utterance: Utterance
    text: str
    """Empty when there were no words; then `problem` says why."""
    problem: str
    confidence: float
    """Mean token probability, 0 to 1."""
    guard: tuple[str, ...]
    """Decodes that were thrown away, and why."""
    at: float
    """Monotonic seconds at which it was known."""
    engine: str = ""
    """Who understood it."""
    instead_of: str = ""
    """The recognizer that should have; empty when this is it."""
    because: str = ""
    """Why it did not."""
    language: str = ""
    """Code of the language that it was taken for; empty when nothing was understood."""

    @property
    def number(self) -> int:
        return self.utterance.number


Signal = (
    VoiceHint
    | VoiceOnset
    | SpeechBegan
    | SpeechSoFar
    | PauseBegan
    | PauseSoFar
    | EndExpected
    | UtteranceEnded
    | MicrophoneSilent
    | MicrophoneLost
    | MicrophoneFound
    | EchoNotCancelled
    | WakeWordHeard
    | WakeWordUnavailable
    | Level
    | WordsSoFar
    | DraftTranscript
    | Understood
)
