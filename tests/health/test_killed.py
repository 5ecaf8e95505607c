"""`kill -9` in the middle of a turn: what was final is there, once, after each restart; and without committing early it is not."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.health.killed import die_often
from vita_tui.audio.base import Samples
from vita_tui.audio.files import read_audio

pytestmark = [
    pytest.mark.proof,
    pytest.mark.audio,
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(os.name != "posix", reason="needs forks and SIGKILL"),
]
KILLS = int(os.environ.get("VITA_PROOF_KILLS", "6"))
"""200 for the whole proof."""


@pytest.fixture(scope="module")
def question(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    file = tmp_path_factory.mktemp("question") / "question.wav"
    subprocess.run(["espeak-ng", "-w", str(file), "How many days are in a week?"], check=True)
    return read_audio(file)


def test_what_was_final_is_there_after_every_kill(tmp_path: Path, question: Samples) -> None:
    deaths = die_often(tmp_path / "home", KILLS, question)
    assert deaths.kills == KILLS
    assert deaths.final > 0
    assert deaths.lost == []
    assert (deaths.doubled, deaths.damaged) == (0, 0)


def test_a_reply_that_is_committed_only_when_it_was_spoken_is_lost(tmp_path: Path, question: Samples) -> None:
    deaths = die_often(tmp_path / "home", 4, question, early=False)
    assert any("answer" in text for text in deaths.in_flight)
