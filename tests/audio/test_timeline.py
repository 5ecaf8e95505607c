"""What a device has been handed, has sounded, and is handed again: frames in, frames out."""

from __future__ import annotations

import numpy as np
import pytest

from vita_tui.audio.timeline import Timeline

RATE = 1000


def pulled(timeline: Timeline, frames: int, due: float) -> list[int]:
    block = np.zeros(frames, np.float32)
    timeline.pull(block, due, due)
    return [round(float(frame)) for frame in block]


def spoken(*lengths: int) -> Timeline:
    """A timeline of spans whose frames count 1, 2, 3, …."""
    timeline, first = Timeline(RATE), 1
    for length in lengths:
        timeline.enqueue(np.arange(first, first + length, dtype=np.float32))
        first += length
    return timeline


@pytest.mark.parametrize(
    ("lengths", "taken", "heard", "again"),
    [
        ((100,), 60, 20, 21),  # in the middle of a span
        ((30, 30, 40), 60, 40, 41),  # a span that was handed over as a whole comes back
        ((30, 30, 40), 60, 0, 1),  # nothing had sounded
        ((30, 70), 60, 60, 61),  # all had
    ],
)
def test_what_a_device_that_is_closed_had_not_sounded_is_handed_over_again(
    lengths: tuple[int, ...], taken: int, heard: int, again: int
) -> None:
    timeline = spoken(*lengths)
    assert pulled(timeline, taken, due=1.0)[-1] == taken
    timeline.rewind(1.0 + heard / RATE)
    assert timeline.heard(9.0) == heard, "nothing more of it sounds"
    assert pulled(timeline, 10, due=10.0) == list(range(again, again + 10))
    assert timeline.heard(10.0 + 5 / RATE) == heard + 5


@pytest.mark.parametrize("at", [0.0, 0.5])
def test_of_a_device_that_went_away_no_more_is_heard(at: float) -> None:
    timeline = spoken(100)
    pulled(timeline, 100, due=1.0)
    assert timeline.lose(1.0 + at * 100 / RATE) == at * 100
    assert timeline.heard(99.0) == at * 100
    assert pulled(timeline, 4, due=5.0) == [0, 0, 0, 0]
