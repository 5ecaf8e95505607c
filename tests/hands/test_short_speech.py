"""Short speech is written down once: the rows of short_speech.toml, and spoken words through the real recognizer."""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vita_tui import paths
from vita_tui.audio.base import SAMPLE_RATE, Samples
from vita_tui.audio.files import read_audio
from vita_tui.bench.word_errors import normalised
from vita_tui.engines.stt.decoding.runaway import DecodedWindow, doubled, once, reasons
from vita_tui.engines.stt.decoding.windows import WindowRule
from vita_tui.engines.stt.runtime.loading import WhisperWeights
from vita_tui.engines.stt.runtime.whisper import WhisperRecognizer

CASES: list[dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("short_speech.toml").read_text(encoding="utf-8")
)["case"]
DIGITS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['text']} in {case['seconds']} s")
def test_words_that_do_not_fit_twice_into_the_speech_are_looked_at_again(case: dict[str, Any]) -> None:
    attempt = DecodedWindow(case["text"], (1,), -0.1, 0.0, 5.0, 0.0, full=False, seconds=case["seconds"])
    wanted = case.get("once", "")
    assert doubled(attempt) is bool(wanted)
    assert bool(reasons(attempt)) is bool(wanted)
    if wanted:
        assert once(case["text"]) == wanted


def spoken(word: str, voice: str, file: Path) -> Samples:
    subprocess.run(["espeak-ng", "-v", voice, "-s", "160", "-w", str(file), word], check=True)
    return read_audio(file)


def in_a_room(audio: Samples, lead: float, lot: np.random.Generator) -> Samples:
    """`audio` after `lead` seconds of room, and before half a second of it, at -60 dBFS."""
    before, after = round(lead * SAMPLE_RATE), SAMPLE_RATE // 2
    padded = np.concatenate([np.zeros(before), audio, np.zeros(after)])
    return (padded + 0.001 * lot.standard_normal(len(padded))).astype(np.float32)


def never_doubled(clips: list[tuple[str, Samples]]) -> tuple[int, int]:
    """How many are right as in use, and on the window that Whisper was trained on; none is written twice."""
    weights = WhisperWeights("base", paths.models_dir() / "whisper-base")
    right = []
    for rule in (None, 30.0):
        engine = WhisperRecognizer(weights, rule=None if rule is None else WindowRule(least=rule))
        engine.load()
        heard = [normalised(engine.transcribe(audio).text) for _, audio in clips]
        if rule is None:
            assert [text for text in heard if len(text) > 1 and len(set(text)) == 1] == []
        right.append(sum(text == normalised(word) for (word, _), text in zip(clips, heard, strict=True)))
        engine.cleanup()
    return right[0], right[1]


@pytest.mark.models
@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")
def test_a_spoken_digit_is_written_once_and_as_well_as_on_a_whole_window(tmp_path: Path) -> None:
    lot = np.random.default_rng(1)
    clips = [
        (digit, in_a_room(spoken(digit, voice, tmp_path / "digit.wav"), lead, lot))
        for voice, lead in (("en-us+f2", 0.3), ("en-gb", 0.7))
        for digit in DIGITS
    ]
    ours, whole = never_doubled(clips)
    assert ours >= whole - 1


@pytest.mark.models
@pytest.mark.speech
def test_a_digit_that_people_say_is_written_once_and_as_well_as_on_a_whole_window(speech: Path) -> None:
    lot = np.random.default_rng(1)
    files = sorted((speech / "digits").glob("*_[23].flac"))[::4]
    clips = [
        (("zero", *DIGITS)[int(file.name[0])], in_a_room(read_audio(file), lot.uniform(0.3, 0.7), lot))
        for file in files
    ]
    ours, whole = never_doubled(clips)
    assert ours >= whole - 1
