"""What a speech recognizer is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["SAMPLE_RATE", "Expected", "Expects", "Recognizer", "Stop", "Transcription", "Word"]

SAMPLE_RATE = 16_000
"""Hertz; what Whisper and Silero were trained on."""


class Stop(Event):
    """An event that can also tell native code, which looks at no events, to stop."""

    def __init__(self) -> None:
        super().__init__()
        self._tell: Callable[[], None] | None = None

    def set(self) -> None:
        super().set()
        if (tell := self._tell) is not None:
            tell()

    @contextmanager
    def telling(self, tell: Callable[[], None]) -> Iterator[None]:
        """Have `tell` called, in the thread that calls `set`, if it is or gets set meanwhile. One thing at a time is told."""
        self._tell = tell
        try:
            if self.is_set():
                tell()
            yield
        finally:
            self._tell = None


@dataclass(frozen=True, slots=True)
class Word:
    text: str
    start: float
    """Seconds from the start of the audio."""
    end: float


@dataclass(frozen=True, slots=True)
class Transcription:
    """What was understood."""

    text: str
    """Empty when there were no words."""
    language: str
    confidence: float
    """Mean token probability, 0 to 1; 0 when there were no words."""
    no_speech: float
    """Probability that there was no speech at all, 0 to 1."""
    audio_seconds: float
    decode_seconds: float
    windows: int = 1
    """Windows that were encoded, decodes that were thrown away included."""
    tokens: int = 0
    """Tokens that were decoded, thrown-away ones included."""
    guard: tuple[str, ...] = ()
    """Why decodes were thrown away and done again; empty in the normal case."""
    words: tuple[Word, ...] = ()
    """Only when they were asked for."""
    engine: str = ""
    """Name of the recognizer, where more than one may have been asked."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Something that may have been said where a transcript says something else that sounds like it."""

    text: str
    meaning: str
    """The same for texts that ask for the same."""
    usable: bool
    """Whether the transcript may become it; otherwise it only speaks against the others."""


Expects = Callable[[str, str], Sequence[Expected]]
"""What may have been meant by a transcript in a language, a two-letter code; from any thread, in some tens of milliseconds."""


class Recognizer(Protocol):
    """Turns speech into text. Called by one thread at a time."""

    name: str
    """Such as "whisper base"."""
    notes: str
    """What is not as asked for ("tiny.en because base did not load: …"); empty normally."""
    language: str
    """A language code or "auto", for what is transcribed without one; may be changed from any thread."""
    languages: tuple[str, ...]
    """Codes of those that "auto" chooses from, none for all; a recognizer may ignore them. May be changed from any thread."""
    words: tuple[str, ...]
    """Names and such that are preferred where they may have been said; a recognizer may ignore them. May be changed from any thread."""

    def load(self) -> None:
        """Load and warm up with real work; does nothing when loaded already.

        Raises:
            ModelError: what failed, why, and what to do.
        """
        ...

    def transcribe(
        self,
        audio: NDArray[np.float32],
        *,
        language: str | None = None,
        prefix: str = "",
        draft: str = "",
        words: bool = False,
        partial: bool = False,
        cancelled: Event | None = None,
    ) -> Transcription:
        """Transcribe mono audio at `SAMPLE_RATE`, values in −1…1, of any length.

        Args:
            language: a language code, "auto", or None for the setting.
            prefix: what is known to have been said at the start of the audio; it is not decoded again, but is part of the result.
            draft: what may have been said after that, such as the last partial's tail. It saves time where it is right and changes nothing
                else; a recognizer may ignore it.
            words: also find out when each word was said.
            partial: the audio ends amid speech and more of it will come: a quick answer is worth more than a good one.
            cancelled: checked now and then, and at once by what knows a `Stop`; when set, the result so far is returned.

        Raises:
            EngineError: the decode failed.
        """
        ...

    def cleanup(self) -> None:
        """Free the model; may be called twice. `load` works again afterwards."""
        ...
