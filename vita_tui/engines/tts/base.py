"""What a voice is."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

__all__ = ["Multilingual", "Pcm", "Synthesizer"]

Pcm = NDArray[np.float32]
"""Mono samples, −1…1."""


class Synthesizer(Protocol):
    """Turns a clause into speech. Called by one thread at a time."""

    name: str
    """Such as "piper"."""
    sample_rate: int
    """Hertz; known after `load`."""
    notes: str
    """What is not as asked for; empty normally."""
    rate: float
    """Of the speech, 1 being the voice's own; may be changed from any thread, for the next clause."""
    volume: float
    """Of the speech, 0 to 1; may be changed like `rate`."""
    pace: float
    """Seconds that a second of sound takes to compute; known after `load`, and 1 where nobody measures it."""

    def load(self) -> None:
        """Load and warm up with real work; does nothing when loaded already.

        Raises:
            EngineError | ModelError: what failed, why, and what to do.
        """
        ...

    def speak(self, clause: str, *, cancelled: Event) -> Iterator[Pcm]:
        """Synthesise one clause, already in words that can be spoken. Ends early when `cancelled` is set.

        Raises:
            EngineError: it failed or took longer than its limit; nothing more will come.
        """
        ...

    def cleanup(self) -> None:
        """Free the voice and end its process; may be called twice. `load` works again afterwards."""
        ...


@runtime_checkable
class Multilingual(Protocol):
    """A voice that speaks another language when it is told to."""

    language: str
    """Its code; the next clause is spoken so."""
