"""The same recordings through both runtimes, in turn."""

from __future__ import annotations

import pytest

from vita_tui.bench.recordings import synthesised
from vita_tui.bench.runtimes import RUNTIMES, Sample, measure, report
from vita_tui.settings import Settings

QUESTIONS = ("How many days are in a week?", "Why is the sky blue in the middle of the day?")


@pytest.mark.models
def test_every_recording_goes_through_both_in_turn_and_partials_come_before_the_final() -> None:
    recordings = synthesised(QUESTIONS)
    seen: list[Sample] = []
    samples = measure(Settings(), recordings, seen.append)
    assert seen == samples
    assert [sample.file for sample in samples] == [text for text in QUESTIONS for _ in RUNTIMES]
    assert [sample.runtime for sample in samples] == [*reversed(RUNTIMES), *RUNTIMES]
    assert all(len(sample.partial_ms) >= 1 for sample in samples)
    found = report(Settings(), recordings, samples)
    for name in RUNTIMES:
        assert found[name]["words"] == 18
        assert found[name]["wrong"] <= 2
