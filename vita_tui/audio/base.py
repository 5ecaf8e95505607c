"""What a microphone and a speaker are, whether they are devices or files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BLOCK",
    "SAMPLE_RATE",
    "Frame",
    "Microphone",
    "PlaybackMark",
    "Samples",
    "Span",
    "Speaker",
    "Substitutable",
]

SAMPLE_RATE = 16_000
"""Hertz, of everything that comes from a microphone."""
BLOCK = 512
"""Samples in a frame: 32 ms, the chunk that Silero wants."""

Samples = NDArray[np.float32]
"""Mono, −1…1."""


@dataclass(frozen=True, slots=True)
class Frame:
    """32 ms from the microphone."""

    samples: Samples
    """`BLOCK` samples at `SAMPLE_RATE`."""
    position: int
    """Index of the first sample since the microphone was opened; samples that were lost are counted."""
    captured: float
    """Monotonic seconds at which the last sample was captured."""


class Microphone(Protocol):
    """Gives frames to one reading thread."""

    @property
    def name(self) -> str: ...

    def open(self) -> None:
        """Start capturing; does nothing when open.

        Raises:
            DeviceError: there is none, it is busy, or PortAudio is missing.
        """
        ...

    def read(self, timeout: float) -> Frame | None:
        """The next frame, resampled to `SAMPLE_RATE`; None when none came within `timeout` seconds.

        Raises:
            DeviceError: the device went away.
            EOFError: a file is at its end.
        """
        ...

    def close(self) -> None:
        """Stop capturing; may be called twice."""
        ...


@dataclass(frozen=True, slots=True)
class Span:
    """Where enqueued samples lie on the speaker's own timeline, in frames at its sample rate. Silence is not on it."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class PlaybackMark:
    """Something happened to a span."""

    kind: Literal["started", "finished", "dropped", "lost"]
    """First sample handed to the device; last sample heard; flushed before its end; the device went away."""
    span: Span | None
    at: float
    """Monotonic seconds."""
    reason: str = ""


class Speaker(Protocol):
    """Plays what is enqueued, in order, and knows what has been heard."""

    name: str
    sample_rate: int
    """Hertz; known after `open`."""

    def open(self) -> None:
        """Open the output stream, which then stays open; does nothing when open.

        Raises:
            DeviceError: there is none, it is busy, or PortAudio is missing.
        """
        ...

    def enqueue(self, samples: Samples) -> Span:
        """Play `samples` after all that is queued; returns at once.

        Raises:
            DeviceError: the device went away or was never opened.
        """
        ...

    def played(self) -> int:
        """Frames of the timeline that have been heard, by the device's clock."""
        ...

    def flush(self) -> int:
        """Fall silent within 50 ms and drop what is queued; returns the frames of the timeline that were heard."""
        ...

    def fade(self, gain: float, seconds: float) -> None:
        """Move the loudness to `gain` (0 to 1) over `seconds`."""
        ...

    def sound_over(self, samples: Samples) -> None:
        """Let `samples` sound at once, over what is said, which is turned down meanwhile; nothing where the speaker is not open."""
        ...

    def subscribe(self, callback: Callable[[PlaybackMark], None]) -> Callable[[], None]:
        """Have `callback` called with every mark, from the speaker's own notifying thread; returns how to end that."""
        ...

    def close(self) -> None:
        """Stop and release the device; may be called twice."""
        ...


@runtime_checkable
class Switchable(Protocol):
    """A microphone or speaker that can become another device while it is open."""

    def use(self, name: str) -> None:
        """Use the device of that name, or the default one when it is empty, from now on. From any thread; may block."""
        ...


@runtime_checkable
class Substitutable(Protocol):
    """A microphone or speaker that may be another device than the one that was asked for."""

    missing: str
    """Why it is not the one that was asked for: a sentence; empty when it is."""

    def on_change(self, tell: Callable[[], None]) -> None:
        """Have `tell` called whenever it has become another device while it was open, from any thread; it must not wait."""
        ...
