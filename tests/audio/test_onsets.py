"""Where speech starts and ends, and how little an idle detector works."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vita_tui.audio.base import BLOCK, SAMPLE_RATE, Samples
from vita_tui.audio.files import read_audio
from vita_tui.audio.voice import FRAME_SECONDS, NoiseFloor, Onsets, VoiceActivity, VoiceChange


def changes(probabilities: list[float], onsets: Onsets | None = None) -> list[tuple[int, VoiceChange]]:
    onsets = onsets or Onsets(0.5)
    found = [(n, onsets.feed(p, n * FRAME_SECONDS)) for n, p in enumerate(probabilities)]
    return [(n, change) for n, change in found if change is not None]


def test_speech_starts_and_ends_once() -> None:
    onsets = Onsets(0.5)
    found = changes([0.0] * 5 + [0.9] * 20 + [0.0] * 20, onsets)
    assert [change for _, change in found] == [VoiceChange.STARTED, VoiceChange.ENDED]
    assert found[0][0] == 7, "three frames of voice"
    assert onsets.since == pytest.approx(25 * FRAME_SECONDS), "it is told when it really ended"


def test_a_click_does_not_start_it_and_a_plosive_does_not_end_it() -> None:
    assert changes([0.0] * 3 + [0.9] * 2 + [0.0] * 20) == []
    stops = [0.9] * 10 + [0.1] * 6 + [0.9] * 10
    assert [change for _, change in changes(stops)] == [VoiceChange.STARTED]


def test_what_continues_speech_may_be_weaker_than_what_starts_it() -> None:
    assert [c for _, c in changes([0.9] * 5 + [0.4] * 50)] == [VoiceChange.STARTED]
    assert changes([0.4] * 50) == []


def test_the_noise_floor_follows_the_room() -> None:
    floor = NoiseFloor()
    random = np.random.default_rng(1)
    for level in -50 + random.standard_normal(200):
        floor.feed(float(level))
    assert floor.dbfs == pytest.approx(-50, abs=0.5)
    assert not floor.stands_out(-49)
    assert floor.stands_out(-44)
    for level in -30 + random.standard_normal(400):
        floor.feed(float(level))
    assert floor.dbfs == pytest.approx(-30, abs=0.5)


def test_a_room_that_has_become_louder_hides_no_speech() -> None:
    floor = NoiseFloor()
    for level in [-70.0] * 100 + [-50.0] * 30:
        floor.feed(level)
    assert floor.stands_out(-40)


def blocks(samples: Samples) -> list[Samples]:
    return [samples[at : at + BLOCK] for at in range(0, len(samples) - BLOCK + 1, BLOCK)]


def quiet_room(seconds: float, dbfs: float = -55.0) -> Samples:
    made = np.random.default_rng(2).standard_normal(round(seconds * SAMPLE_RATE)) * 10 ** (dbfs / 20)
    return np.asarray(made, np.float32)


def test_a_thrifty_detector_rests_in_a_quiet_room() -> None:
    thrifty, usual = VoiceActivity(thrifty=True), VoiceActivity()
    frames = blocks(quiet_room(60))
    for frame in frames:
        thrifty.probability(frame)
        usual.probability(frame)
    assert usual.inferences == len(frames)
    assert thrifty.inferences < len(frames) / 5
    assert thrifty.floor == pytest.approx(-55, abs=1)


def test_an_hour_of_idle_listening_begins_no_speech() -> None:
    onsets, voice = Onsets(0.5), VoiceActivity(thrifty=True)
    minute = blocks(quiet_room(60))
    for place in range(60 * len(minute)):
        probability = voice.probability(minute[place % len(minute)])
        assert onsets.feed(probability, place * FRAME_SECONDS) is None
    assert voice.inferences < 60 * len(minute) / 5


@pytest.mark.speech
@pytest.mark.parametrize("dbfs", [-26.0, -40.0])
def test_a_thrifty_detector_hears_what_the_other_hears(speech: Path, dbfs: float) -> None:
    for name in ("jfk.flac", "goforward.wav", "librivox-0880.wav"):
        sound = read_audio(speech / name)
        sound = sound * np.float32(10 ** (dbfs / 20) / np.sqrt(np.mean(sound**2)))
        room = quiet_room(5 + len(sound) / SAMPLE_RATE, -65.0)
        room[3 * SAMPLE_RATE : 3 * SAMPLE_RATE + len(sound)] += sound
        starts = []
        for thrifty in (True, False):
            voice, onsets = VoiceActivity(thrifty=thrifty), Onsets(0.5)
            for number, frame in enumerate(blocks(room)):
                if onsets.feed(voice.probability(frame), number * FRAME_SECONDS) is VoiceChange.STARTED:
                    starts.append(onsets.since)
                    break
        assert len(starts) == 2, name
        assert abs(starts[0] - starts[1]) <= 0.3, f"{name}: what the pre-roll would not make good"


@pytest.mark.speech
def test_soft_words_after_a_long_silence_are_noticed_in_rooms_that_change(speech: Path) -> None:
    lot = np.random.default_rng(1)
    voice, missed = VoiceActivity(thrifty=True), []
    files = sorted((speech / "digits").glob("*_[03].flac"))
    for number, file in enumerate(files):
        digit = read_audio(file) * np.float32(0.2)
        before, after = 2 * SAMPLE_RATE, SAMPLE_RATE
        sound = lot.standard_normal(before + len(digit) + after) * 10 ** ((-70.0, -50.0)[number % 2] / 20)
        sound[before : before + len(digit)] += digit
        onsets = Onsets(0.5)
        found = [
            onsets.feed(voice.probability(frame), place * FRAME_SECONDS)
            for place, frame in enumerate(blocks(sound.astype(np.float32)))
        ]
        if VoiceChange.STARTED not in found:
            missed.append(file.name)
    assert len(missed) <= len(files) / 10
