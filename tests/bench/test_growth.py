"""What `vita bench growth` reports: a row for each size, with all that is measured in it."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import pytest

from vita_tui import settings as all_settings
from vita_tui.bench.growth import SIZES, measure, plot


def test_everything_is_doubled_four_times() -> None:
    for sizes in SIZES.values():
        assert [later // one for one, later in itertools.pairwise(sizes)] == [2] * 4


@pytest.mark.models
@pytest.mark.audio
@pytest.mark.timeout(300)
async def test_all_that_grows_is_measured_and_drawn(tmp_path: Path) -> None:
    settings = all_settings.load(overrides={"sessions": {"store": "memory"}, "audio": {"earcons": False}})
    sizes = {
        "turns of history": (2, 4),
        "seconds of speech": (2, 4),
        "tokens of reply": (8, 16),
        "conversations": (5, 10),
    }
    result = await measure(settings, sizes=sizes)
    assert {name: tuple(row["size"] for row in result[name]) for name in SIZES} == sizes
    assert {name: [set(row) - {"size"} for row in result[name]] for name in SIZES} == {
        "turns of history": [{"first token, prefilled", "not prefilled"}] * 2,
        "seconds of speech": [{"final transcript", "partials behind"}] * 2,
        "tokens of reply": [{"first sound", "all of it"}] * 2,
        "conversations": [{"add", "list", "search"}] * 2,
    }
    # A figure that was not measured is no number.
    assert [row for name in SIZES for row in result[name] if any(map(math.isnan, row.values()))] == []
    assert all(row["all of it"] > row["first sound"] for row in result["tokens of reply"])
    plot(result, tmp_path / "growth.svg")
    assert (tmp_path / "growth.svg").read_text().count("<svg") == 1
