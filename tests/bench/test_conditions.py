"""Recordings under harder conditions."""

from __future__ import annotations

import numpy as np
import pytest

from vita_tui.audio.base import SAMPLE_RATE
from vita_tui.bench.conditions import CONDITIONS, TEMPO, under
from vita_tui.bench.recordings import SpokenSample


def tones(*hertz: float, seconds: float = 2.0) -> SpokenSample:
    t = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    waves = np.sin(2 * np.pi * np.outer(hertz, t))
    return SpokenSample("tones", (0.2 * waves.sum(axis=0)).astype(np.float32), "beep")


def strength(sample: SpokenSample, hertz: float) -> float:
    """Amplitude at a frequency."""
    t = np.arange(len(sample.audio)) / SAMPLE_RATE
    return float(2 * np.abs(np.mean(sample.audio * np.exp(-2j * np.pi * hertz * t))))


def test_a_telephone_passes_the_middle_and_nothing_else() -> None:
    heard = under(tones(100, 1_000, 5_000), "telephone")
    assert (heard.text, heard.seconds) == ("beep", 2.0)
    assert strength(heard, 1_000) == pytest.approx(0.2, rel=0.1)
    assert strength(heard, 100) < 0.01
    assert strength(heard, 5_000) < 0.01


@pytest.mark.parametrize(("condition", "db"), [("noise10", 10), ("noise5", 5)])
def test_noise_lies_so_far_below_the_speech(condition: str, db: float) -> None:
    quiet = tones(440)
    noise = under(quiet, condition).audio - quiet.audio
    ratio = np.sqrt(np.mean(quiet.audio**2) / np.mean(noise**2))
    assert 20 * np.log10(ratio) == pytest.approx(db, abs=1.0)
    assert np.array_equal(under(quiet, condition).audio, under(quiet, condition).audio)


@pytest.mark.parametrize(("condition", "factor"), [("quick", 1 / TEMPO), ("slow", TEMPO)])
def test_tempo_changes_and_pitch_does_not(condition: str, factor: float) -> None:
    heard = under(tones(440), condition)
    assert heard.seconds == pytest.approx(2.0 * factor, rel=0.05)
    spectrum = np.abs(np.fft.rfft(heard.audio))
    assert np.argmax(spectrum) / heard.seconds == pytest.approx(440, abs=5)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_silence_stays_silence(condition: str) -> None:
    silent = SpokenSample("nothing", np.zeros(SAMPLE_RATE, np.float32))
    assert np.abs(under(silent, condition).audio).max() < 1e-3
