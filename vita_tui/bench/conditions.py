"""The same recordings under harder conditions: over a telephone, in noise, spoken quickly and slowly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from vita_tui.audio.base import SAMPLE_RATE, Samples
from vita_tui.bench.recordings import SpokenSample

__all__ = ["CONDITIONS", "under"]

TELEPHONE_RATE = 8_000
TELEPHONE_BAND = (300.0, 3_400.0)
"""Hertz."""
MU = 255
"""Of the telephone's logarithmic 8 bits (ITU-T G.711)."""
ACTIVE = 0.05
"""Of the loudest sample: louder ones are speech, whose level noise is measured by."""
TEMPO = 1.3
"""How much quicker, or slower, is quick or slow speech; the pitch stays."""


def under(recording: SpokenSample, condition: str) -> SpokenSample:
    """`recording` under one of `CONDITIONS`."""
    audio = CONDITIONS[condition](recording.audio)
    return replace(recording, audio=audio.astype(np.float32))


def _telephone(audio: Samples) -> Samples:
    """8 kHz, 300 to 3,400 Hz, in 8 bits by the logarithm."""
    import soxr

    narrow: Any = soxr.resample(audio, SAMPLE_RATE, TELEPHONE_RATE)
    spectrum = np.fft.rfft(narrow)
    hertz = np.fft.rfftfreq(len(narrow), 1 / TELEPHONE_RATE)
    spectrum[(hertz < TELEPHONE_BAND[0]) | (hertz > TELEPHONE_BAND[1])] = 0
    narrow = np.clip(np.fft.irfft(spectrum, len(narrow)), -1, 1)
    coded = np.round(np.sign(narrow) * np.log1p(MU * np.abs(narrow)) / np.log1p(MU) * 127) / 127
    narrow = np.sign(coded) * ((1 + MU) ** np.abs(coded) - 1) / MU
    wide: Samples = soxr.resample(narrow, TELEPHONE_RATE, SAMPLE_RATE)
    return wide


def _noise(db: float) -> Callable[[Samples], Samples]:
    """Pink noise, as that of many people or of traffic, so many dB below the speech."""

    def noisy(audio: Samples) -> Samples:
        if not len(audio):
            return audio
        white = np.fft.rfft(np.random.default_rng(1).standard_normal(len(audio)))
        white[1:] /= np.sqrt(np.arange(1, len(white)))
        pink = np.fft.irfft(white, len(audio))
        speech = audio[np.abs(audio) > ACTIVE * np.abs(audio).max(initial=0.0)]
        level = np.sqrt(np.mean(speech**2)) if len(speech) else 0.0
        noise = pink * (level / 10 ** (db / 20) / max(1e-9, float(np.sqrt(np.mean(pink**2)))))
        mixed: Samples = audio + noise
        return mixed / max(1.0, float(np.abs(mixed).max()))

    return noisy


def _tempo(factor: float) -> Callable[[Samples], Samples]:
    """So many times as quick, by FFmpeg's atempo."""

    def changed(audio: Samples) -> Samples:
        import av
        import av.error
        import av.filter

        graph = av.filter.Graph()
        source = graph.add_abuffer(
            sample_rate=SAMPLE_RATE, format="flt", layout="mono", time_base=Fraction(1, SAMPLE_RATE)
        )
        tempo, sink = graph.add("atempo", str(factor)), graph.add("abuffersink")
        source.link_to(tempo)
        tempo.link_to(sink)
        graph.configure()
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(audio[None], np.float32), "flt", "mono")
        frame.sample_rate, frame.pts = SAMPLE_RATE, 0
        source.push(frame)
        source.push(None)
        found = []
        while True:
            try:
                pulled: Any = sink.pull()
                found.append(pulled.to_ndarray().reshape(-1))
            except (av.error.EOFError, av.error.BlockingIOError):
                return np.concatenate(found) if found else audio[:0]

    return changed


CONDITIONS: Mapping[str, Callable[[Samples], Samples]] = {
    "telephone": _telephone,
    "noise10": _noise(10.0),
    "noise5": _noise(5.0),
    "quick": _tempo(TEMPO),
    "slow": _tempo(1 / TEMPO),
}
