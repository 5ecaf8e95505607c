"""What `vita bench memory` reports: structure and counts."""

from __future__ import annotations

import os

import pytest

from vita_tui import settings as all_settings
from vita_tui.bench.footprint import measure, report
from vita_tui.bench.recordings import synthesised
from vita_tui.health.registry import registry


def test_growth_compares_the_halves() -> None:
    result = report(100.0, 500.0, 700.0, [600.0, 610.0, 620.0, 640.5], 0.05)
    assert result["growth"] == 0.05
    assert (result["peak_mb"], result["after_mb"], result["rounds"]) == (700.0, 640.5, 4)
    assert result["raw"]["after_mb"] == [600.0, 610.0, 620.0, 640.5]
    assert report(1.0, 1.0, 1.0, [1.0], 0.0)["growth"] is None


@pytest.mark.models
@pytest.mark.audio
@pytest.mark.timeout(300)
async def test_a_session_is_watched_to_its_end() -> None:
    settings = all_settings.load(
        overrides={"sessions": {"store": "memory"}, "audio": {"earcons": False}, "llm": {"max_tokens": 12}}
    )
    result = await measure(settings, synthesised(("How many days are in a week?",)), 2, idle_seconds=1.0)
    assert result["rounds"] == 2
    assert 0 < result["empty_mb"] < result["ready_mb"] <= result["peak_mb"]
    # Not less than nothing, which a child that ended meanwhile would give, and no more than all cores together.
    assert 0 < result["idle_core"] <= (os.cpu_count() or 1) * 1.1
    assert len(result["raw"]["after_mb"]) == 2
    assert result["peak_mb"] >= max(result["raw"]["after_mb"])
    assert not [one for one in registry.open() if one.owner in ("bench.footprint", "conversation.listener")]
