"""Devices come and go under the running program, again and again: see `tests.e2e.hotplug_report`, which does it fifty times."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.e2e.hotplug_report import SETTLED, endure
from tests.virtual_audio import virtual_audio

pytestmark = [pytest.mark.audio, pytest.mark.models, pytest.mark.slow, pytest.mark.timeout(900)]

TIMES = int(os.environ.get("VITA_PROOF_HOTPLUGS", "6"))
"""How often; 50 for the whole proof."""


def test_it_goes_on_each_time_and_nothing_leaks(home: Path) -> None:
    with virtual_audio() as room:  # its own: one that failed in the middle leaves a room without devices
        toll = endure(room, home, max(TIMES, SETTLED + 2))
    assert len(toll.back) == len(toll.listening) == toll.times
    growth = toll.growth
    assert growth["files"] <= 2, growth
    assert growth["threads"] <= 1, growth
    assert growth["children"] <= 0, growth
    # A megabyte each time would be a leak; what Python and the recognizer keep to themselves is less.
    assert growth["megabytes"] <= 20 + 0.5 * toll.times, growth
