"""A scripted voice, for tests and for trying out the screen: a tone for each word, each a little higher than the one before."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator

import numpy as np

from vita_tui.engines.tts.base import Pcm

__all__ = ["LOWEST", "WORD_SECONDS", "FakeSynthesizer"]

WORD_SECONDS = 0.1
"""Length of a word; the last fifth of it is silence."""
LOWEST = 220.0
"""Hertz of the first word's tone."""


class FakeSynthesizer:
    """Speaks each word as a tenth of a second of sound, and fails or hangs as it was told to."""

    def __init__(
        self,
        *,
        name: str = "fake voice",
        sample_rate: int = 24_000,
        failures: Iterable[Exception | threading.Event | None] = (),
        gate: threading.Event | None = None,
    ) -> None:
        """
        Args:
            failures: what becomes of the next clauses, in order: an exception is raised, an event is waited for even when the
                clause is cancelled (the engine hangs), None is speech. After the last all is speech.
            gate: waited for before each clause when given; a clause that is cancelled meanwhile gives nothing.
        """
        self.name = name
        self.sample_rate = sample_rate
        self.notes = ""
        self.rate = self.volume = self.pace = 1.0
        self.clauses: list[str] = []
        """What it was asked to speak, in order."""
        self.loads = 0
        self.cleanups = 0
        self.asked = threading.Event()
        """Set when the first clause arrives."""
        self._loaded = False
        self._failures = list(failures)
        self._gate = gate

    def load(self) -> None:
        if not self._loaded:
            self._loaded = True
            self.loads += 1

    def speak(self, clause: str, *, cancelled: threading.Event) -> Iterator[Pcm]:
        self.clauses.append(clause)
        self.asked.set()
        failure = self._failures.pop(0) if self._failures else None
        if isinstance(failure, threading.Event):
            failure.wait()
        elif failure is not None:
            raise failure
        while self._gate is not None and not self._gate.wait(0.01):
            if cancelled.is_set():
                return
        if cancelled.is_set():
            return
        yield np.concatenate(
            [self._tone(place) for place in range(len(clause.split()))] or [np.zeros(0, np.float32)]
        )

    def cleanup(self) -> None:
        self._loaded = False
        self.cleanups += 1

    def _tone(self, place: int) -> Pcm:
        length = round(WORD_SECONDS * self.sample_rate)
        time = np.arange(length) / self.sample_rate
        tone = 0.2 * np.sin(2 * np.pi * LOWEST * 2 ** (place % 12 / 12) * time)
        tone[round(0.8 * length) :] = 0.0
        return np.asarray(tone, np.float32)
