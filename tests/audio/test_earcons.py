"""Short sounds: quiet, brief, and without a click at either end."""

from __future__ import annotations

import numpy as np
import pytest

from vita_tui.audio import earcons


@pytest.mark.parametrize(
    ("name", "longest", "loudest"),
    [("START", 0.1, 0.1), ("END", 0.1, 0.1), ("WAIT", 0.2, 0.04), ("ALARM", 1.0, 0.3)],
)
def test_a_sound_is_brief_quiet_and_soft_at_both_ends(name: str, longest: float, loudest: float) -> None:
    sound = getattr(earcons, name)
    assert 0 < len(sound) <= longest * earcons.SAMPLE_RATE
    assert 0.01 < np.abs(sound).max() <= loudest
    assert abs(sound[0]) < 0.001
    assert abs(sound[-1]) < 0.001
    assert getattr(earcons, name) is sound, "made once"


def test_open_and_closed_sound_different() -> None:
    assert not np.array_equal(earcons.START, earcons.END)
    with pytest.raises(AttributeError):
        _ = earcons.GONG
