"""How late what was played comes back in what was captured: generalised cross-correlation with phase transform (GCC-PHAT)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vita_tui.audio.base import SAMPLE_RATE, Samples

__all__ = ["Delay", "find_delay"]

BAND = (200.0, 7000.0)
"""Hertz. Below is hum, above is what small speakers and resamplers leave out."""


@dataclass(frozen=True, slots=True)
class Delay:
    """Where two recordings match best."""

    seconds: float
    """By which the captured sound is later than the played one; negative when clocks were told wrong."""
    sharpness: float
    """Height of the peak over the standard deviation of all others: above 10 it is no accident."""


def find_delay(
    played: Samples, captured: Samples, *, least: float = -0.1, most: float = 0.6, rate: int = SAMPLE_RATE
) -> Delay:
    """The delay of `played` in `captured`, which begin at the same time, between `least` and `most` seconds.

    Knapp and Carter, "The generalized correlation method for estimation of time delay", 1976.
    """
    size = 1 << (len(played) + len(captured) - 1).bit_length()
    spectrum = np.fft.rfft(captured, size) * np.conj(np.fft.rfft(played, size))
    magnitude = np.abs(spectrum)
    hertz = np.fft.rfftfreq(size, 1 / rate)
    # What is hardly there has no phase worth counting.
    used = (hertz >= BAND[0]) & (hertz <= BAND[1]) & (magnitude > 1e-4 * float(magnitude.max(initial=0.0)))
    if not np.any(used):
        return Delay(0.0, 0.0)
    phase = np.zeros_like(spectrum)
    phase[used] = spectrum[used] / magnitude[used]
    correlation = np.fft.irfft(phase, size)
    first, last = round(least * rate), round(most * rate)
    searched = correlation[np.arange(first, last + 1) % size]
    place = int(np.argmax(np.abs(searched)))
    deviation = float(np.std(searched))
    return Delay((first + place) / rate, float(abs(searched[place])) / deviation if deviation else 0.0)
