"""A bell over speech: heard at once, with the speech turned down, and none of it lost or counted twice."""

from __future__ import annotations

import numpy as np
import pytest

from vita_tui.audio.base import Samples
from vita_tui.audio.timeline import UNDER, Timeline

RATE = 1000
SPEECH, BELL = 0.4, 0.3


def samples(seconds: float, level: float) -> Samples:
    return np.full(round(seconds * RATE), level, np.float32)


def pull(timeline: Timeline, seconds: float, block: int = 20) -> Samples:
    """What sounds, block by block as a device takes it."""
    heard = []
    for _ in range(round(seconds * RATE / block)):
        one = np.zeros(block, np.float32)
        filled, _news = timeline.pull(one, 0.0, 0.0)
        heard.append(one[:filled])
    return np.concatenate(heard)


def test_it_sounds_over_speech_which_is_turned_down_and_up_again() -> None:
    timeline = Timeline(RATE)
    timeline.enqueue(samples(3.0, SPEECH))
    assert pull(timeline, 0.5) == pytest.approx(samples(0.5, SPEECH))
    timeline.sound_over(samples(1.0, BELL))
    over = pull(timeline, 1.0)
    assert over[0] > SPEECH, "at once"
    assert over[500:] == pytest.approx(samples(0.5, SPEECH * UNDER + BELL))
    after = pull(timeline, 1.0)
    assert after[0] < SPEECH * 0.5
    assert after[500:] == pytest.approx(samples(0.5, SPEECH))
    assert np.all(np.abs(np.diff(after)) < 0.05), "no clicks"


def test_what_is_heard_of_the_speech_is_counted_as_without_it() -> None:
    timeline = Timeline(RATE)
    span = timeline.enqueue(samples(1.0, SPEECH))
    timeline.sound_over(samples(2.0, BELL))
    assert len(pull(timeline, 2.0)) == 2 * RATE, "it goes on behind the speech"
    assert timeline.heard(float("inf")) == span.end
    marks, _ = timeline.marks(float("inf"))
    assert [mark.kind for mark in marks] == ["started", "finished"]


def test_it_sounds_in_silence_and_is_not_on_the_timeline() -> None:
    timeline = Timeline(RATE)
    timeline.sound_over(samples(0.5, BELL))
    assert pull(timeline, 1.0) == pytest.approx(samples(0.5, BELL))
    assert timeline.end == timeline.heard(float("inf")) == 0
    assert timeline.idle
    timeline.enqueue(samples(0.1, SPEECH))
    assert pull(timeline, 0.2) == pytest.approx(samples(0.1, SPEECH)), "at full loudness"


def test_speech_that_is_cut_leaves_it_alone() -> None:
    timeline = Timeline(RATE)
    timeline.enqueue(samples(3.0, SPEECH))
    timeline.sound_over(samples(1.0, BELL))
    pull(timeline, 0.5)
    timeline.flush(0.0)
    rest = pull(timeline, 0.5)
    assert len(rest) == RATE // 2
    assert rest[100:] == pytest.approx(samples(0.4, BELL))


def test_two_bells_at_once_and_loud_speech_do_not_overflow() -> None:
    timeline = Timeline(RATE)
    timeline.enqueue(samples(1.0, 1.0))
    timeline.sound_over(samples(0.5, 1.0))
    timeline.sound_over(samples(0.5, 1.0))
    assert np.abs(pull(timeline, 1.0)).max() <= 1.0


def test_a_speaker_that_goes_away_takes_it_along() -> None:
    timeline = Timeline(RATE)
    timeline.sound_over(samples(1.0, BELL))
    timeline.lose(0.0)
    assert len(pull(timeline, 0.5)) == 0
