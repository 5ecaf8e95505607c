"""How often what is away is tried again."""

from __future__ import annotations

import itertools

from vita_tui.audio.retry_pace import waits


def test_a_device_is_tried_quickly_at_first_and_then_seldom() -> None:
    first = list(itertools.islice(waits(), 40))
    assert first[:10] == [0.5] * 10
    assert first[10:16] == [1.0, 2.0, 4.0, 8.0, 15.0, 15.0]
    assert set(first[15:]) == {15.0}


def test_in_an_hour_and_a_half_it_is_tried_some_hundred_times() -> None:
    attempts = sum(1 for _ in itertools.takewhile(lambda at: at < 95 * 60, itertools.accumulate(waits())))
    assert 300 < attempts < 400


def test_a_pace_of_ones_own() -> None:
    assert list(itertools.islice(waits(4.0, 2, 30.0), 6)) == [4.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    assert list(itertools.islice(waits(0.01, 1, 0.0), 3)) == [0.01, 0.01, 0.01]
