"""Whatever is pressed, in whatever state: it lives, it answers, and its log tells of no bug.

VITA_MONKEY_PRESSES (2000) and VITA_MONKEY_SEED (10; `new` for a new one each time) choose the run; the seed is printed.
"""

from __future__ import annotations

import os
import random

import pytest

from tests.e2e.monkey import let_loose
from tests.virtual_audio import VirtualAudio

PRESSES = int(os.environ.get("VITA_MONKEY_PRESSES", "2000"))
CHOSEN = os.environ.get("VITA_MONKEY_SEED", "10")
SEED = random.SystemRandom().randrange(1_000_000) if CHOSEN == "new" else int(CHOSEN)


@pytest.mark.audio
@pytest.mark.models
@pytest.mark.slow
def test_it_lives_under_a_monkey(room: VirtualAudio, capsys: pytest.CaptureFixture[str]) -> None:
    report = let_loose(SEED, PRESSES, room.env)
    with capsys.disabled():
        print(f"\n{report}")
    assert not report.found, str(report)
