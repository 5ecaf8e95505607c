"""The utterance that is being spoken, and what its pauses are judged by."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from vita_tui.audio.base import Samples
from vita_tui.conversation.hearing.end_wait import Evidence, of_sound
from vita_tui.conversation.hearing.utterance import FRAME_SECONDS, UtteranceAudio

__all__ = ["EDGE_SECONDS", "OpenUtterance"]

EDGE_SECONDS = 0.3
"""Silence that is kept before the first and after the last speech: Whisper hears plosives and breath in it."""


@dataclass(slots=True)
class OpenUtterance:
    """The utterance that is being spoken."""

    number: int
    wait: float
    """Seconds of silence that end it."""
    by_voice: bool = False
    """Voice began it, not a key."""
    kept: bool = False
    """A key that is held keeps it open, whatever is heard."""
    held: bool = False
    """A key keeps it open through this pause."""
    announced: float | None = None
    """The wait for silence that was told last."""
    text: str = ""
    """What has been understood so far."""
    language: str = "en"
    """Of `text`."""
    scores: list[float] = field(default_factory=list)
    """How likely the sound makes it that this pause is the end, each time that it was judged."""
    model: float | None = None
    """How likely it is, as a request or by the language model, that the message ends with `text`."""
    since_score: float = math.inf
    """Seconds of this pause since the sound was given to be judged."""
    recording: UtteranceAudio = field(default_factory=UtteranceAudio)
    first_speech: int | None = None
    """Index of a frame."""
    last_speech: int | None = None
    last_speech_at: float = 0.0
    silence: float = 0.0
    waited: float = 0.0
    speech_seconds: float = 0.0
    paused: bool = False
    since_partial: float = 0.0
    key_at: float | None = None

    def evidence(self, asked: str) -> Evidence:
        return Evidence(self.text, self.language, asked, of_sound(self.scores), self.model)

    def audio(self) -> Samples:
        """From a little before the first voice to a little after the last."""
        if self.first_speech is None or self.last_speech is None:
            return self.recording.slice(0, 0)
        edge = round(EDGE_SECONDS / FRAME_SECONDS)
        return self.recording.slice(self.first_speech - edge, self.last_speech + 1 + edge)
