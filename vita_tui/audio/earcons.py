"""Short sounds that say the microphone is open or closed: made once, in memory, quiet and brief."""

from __future__ import annotations

import functools

import numpy as np

from vita_tui.audio.base import Samples

__all__ = ["ALARM", "END", "SAMPLE_RATE", "START", "WAIT"]

SAMPLE_RATE = 24_000
"""Hertz."""
_LEVEL = 0.08


def _tone(frequencies: tuple[float, ...], seconds: float) -> Samples:
    """Sine tones one after the other, each with a soft start and end so that it does not click."""
    parts = []
    for frequency in frequencies:
        t = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
        parts.append(np.sin(2 * np.pi * frequency * t) * np.hanning(len(t)))
    return (np.concatenate(parts) * _LEVEL).astype(np.float32)


@functools.cache
def _make(name: str) -> Samples:
    if name == "ALARM":
        bell = _tone((880.0, 1174.7, 1568.0), 0.12)
        return (np.concatenate([bell, bell]) * 3.0).astype(np.float32)
    if name == "WAIT":
        return (_tone((523.3, 587.3), 0.09) * 0.4).astype(np.float32)
    return _tone((660.0, 880.0), 0.045) if name == "START" else _tone((880.0, 660.0), 0.045)


def __getattr__(name: str) -> Samples:
    """`START`, `END`, `WAIT` and `ALARM` are made when they are first asked for."""
    if name in ("START", "END", "WAIT", "ALARM"):
        return _make(name)
    raise AttributeError(name)


ALARM: Samples
START: Samples
END: Samples
WAIT: Samples
