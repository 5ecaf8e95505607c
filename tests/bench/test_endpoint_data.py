"""Turns for measuring their ends: what three voices say, numbers from digits, and what is written for other benchmarks."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import numpy as np
import pytest

from vita_tui.audio.base import SAMPLE_RATE
from vita_tui.bench.endpoint_data import MARK, _marked, export, numbers_of, series, turns
from vita_tui.bench.holds import Silence
from vita_tui.bench.recordings import SpokenSample

SOUND = np.full(SAMPLE_RATE // 2, 0.1, np.float32)


def digits() -> list[SpokenSample]:
    return [SpokenSample(f"{n}_{who}_0.flac", SOUND) for who in ("anna", "ben") for n in range(10)]


def test_three_voices_say_at_least_two_hundred_turns() -> None:
    assert 3 * len(turns()) >= 200
    assert len(set(turns())) == len(turns())
    for turn in turns():
        assert all(part.strip() for part in turn.split(MARK)), turn


def test_a_mark_is_a_share_of_the_letters() -> None:
    samples = [SpokenSample(turn, SOUND) for turn in turns()]
    for turn, sample in zip(turns(), _marked("voice", samples), strict=True):
        assert len(sample.holds) == turn.count(MARK)
        assert list(sample.holds) == sorted(sample.holds)
        assert all(0.0 < share < 1.0 for share in sample.holds)


def test_digits_become_numbers_by_one_speaker_each_and_other_recordings_stay() -> None:
    made = numbers_of(digits())
    assert [one.text for one in made] == [one.text for one in series(digits())], "repeatable"
    assert all(6 <= len(one.text.split()) <= 10 for one in made)
    assert {one.name.split()[0] for one in made} == {"anna", "ben"}
    assert any(one.seconds > len(one.text.split()) * 0.55 + 0.8 for one in made), "with pauses"
    others = [SpokenSample("a.wav", SOUND), *digits()]
    assert numbers_of(others) == others


@pytest.mark.parametrize("natural", [True, False])
def test_what_is_written_has_every_silence_and_the_end_last(natural: bool, tmp_path: Path) -> None:
    hold = Silence("a", "hold", 0.8, "I", (), natural=natural, at=0.2)
    end = Silence("a", "end", float("inf"), "I see", (), at=0.5)
    file = export([SpokenSample("a", SOUND), SpokenSample("unheard", SOUND)], [hold, end], tmp_path / "out")
    (line,) = file.read_text("utf-8").splitlines()
    row = json.loads(line)
    assert {"id", "language", "audio", "silence_spans"} <= set(row)
    first, last = row["silence_spans"]
    assert (first["start"], first["end"]) == pytest.approx((0.2, 1.0))
    assert last["start"] == pytest.approx(0.5 + (0.0 if natural else 0.8), abs=0.01)
    with wave.open(row["audio"]) as sound:
        assert sound.getnframes() / sound.getframerate() == pytest.approx(last["end"], abs=0.01)
