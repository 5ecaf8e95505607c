"""A recognizer that says what it is told to: for tests, demonstrations, and trying the program without weights."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vita_tui.engines.stt.base import SAMPLE_RATE, Transcription, Word

__all__ = ["Call", "FakeRecognizer", "ScriptedCall"]


@dataclass(frozen=True, slots=True)
class ScriptedCall:
    """What one call of `transcribe` does."""

    text: str = ""
    error: Exception | None = None
    """Raised instead of an answer."""
    until: threading.Event | None = None
    """The call returns only when this is set, whatever becomes of its `cancelled`: a decode in native code."""
    seconds: float = 0.0
    """How long it takes; ends early when cancelled."""
    guard: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """One call of `transcribe`, as it came."""

    audio_seconds: float
    prefix: str
    draft: str
    words: bool
    partial: bool
    language: str | None
    thread: str
    cancelled: threading.Event | None = field(repr=False, default=None)


class FakeRecognizer:
    """A `Recognizer` that follows a script.

    Each call takes the next step; a text alone is a step that answers at once, an exception one that fails. The last step is
    repeated; without a script nothing is understood.
    """

    def __init__(
        self,
        script: Iterable[str | Exception | ScriptedCall] = (),
        *,
        name: str = "fake",
        load_error: Exception | None = None,
        loading: threading.Event | None = None,
        notes: str = "",
    ) -> None:
        """
        Args:
            load_error: raised by every `load`; may be set to None later.
            loading: `load` returns only when this is set.
        """
        self.name = name
        self.notes = notes
        self.language = "auto"
        self.languages: tuple[str, ...] = ()
        self.words: tuple[str, ...] = ()
        self.load_error = load_error
        self.loads = 0
        """How often `load` did its work."""
        self.cleanups = 0
        self.calls: list[Call] = []
        self.began = threading.Semaphore(0)
        """Released when a call begins: `fake.began.acquire(timeout=5)` waits for the next one."""
        self.most_at_once = 0
        """The most calls that were running at the same time; a `Recognizer` is promised 1."""
        self._steps = [_step(entry) for entry in script] or [ScriptedCall()]
        self._loading = loading
        self._loaded = False
        self._running = 0
        self._lock = threading.Lock()

    @classmethod
    def from_file(cls, path: Path) -> FakeRecognizer:
        """One transcript a line; an empty line understands nothing.

        Raises:
            OSError: it cannot be read.
        """
        return cls(path.read_text(encoding="utf-8").splitlines(), name=f"script {path.name}")

    def load(self) -> None:
        if self._loaded:
            return
        if self._loading is not None:
            self._loading.wait()
        if self.load_error is not None:
            raise self.load_error
        self._loaded = True
        self.loads += 1

    def transcribe(
        self,
        audio: NDArray[np.float32],
        *,
        language: str | None = None,
        prefix: str = "",
        draft: str = "",
        words: bool = False,
        partial: bool = False,
        cancelled: threading.Event | None = None,
    ) -> Transcription:
        seconds = len(audio) / SAMPLE_RATE
        with self._lock:
            step = self._next()
            self._running += 1
            self.most_at_once = max(self.most_at_once, self._running)
            self.calls.append(
                Call(
                    seconds,
                    prefix,
                    draft,
                    words,
                    partial,
                    language,
                    threading.current_thread().name,
                    cancelled,
                )
            )
        self.began.release()
        try:
            return self._perform(step, seconds, words, cancelled)
        finally:
            with self._lock:
                self._running -= 1

    def _next(self) -> ScriptedCall:
        return self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]

    @staticmethod
    def _perform(
        step: ScriptedCall, seconds: float, words: bool, cancelled: threading.Event | None
    ) -> Transcription:
        if step.seconds:
            (cancelled or threading.Event()).wait(step.seconds)
        if step.until is not None:
            step.until.wait()
        if step.error is not None:
            raise step.error
        said = step.text.split()
        length = seconds / max(1, len(said))
        return Transcription(
            text=step.text,
            language="en",
            confidence=0.9 if said else 0.0,
            no_speech=0.0 if said else 1.0,
            audio_seconds=seconds,
            decode_seconds=step.seconds,
            windows=1 + len(step.guard),
            tokens=len(said),
            guard=step.guard,
            words=tuple(Word(word, i * length, (i + 1) * length) for i, word in enumerate(said))
            if words
            else (),
        )

    def cleanup(self) -> None:
        self._loaded = False
        self.cleanups += 1


def _step(entry: str | Exception | ScriptedCall) -> ScriptedCall:
    if isinstance(entry, ScriptedCall):
        return entry
    if isinstance(entry, str):
        return ScriptedCall(text=entry)
    return ScriptedCall(error=entry)
