"""However the real program is ended, and whatever it is doing: it ends, and leaves nothing."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.health.shutdown import MOMENTS, WAYS, Moment, Way, end_it
from tests.virtual_audio import VirtualAudio, virtual_audio
from vita_tui.audio.base import Samples
from vita_tui.audio.files import read_audio

pytestmark = [
    pytest.mark.audio,
    pytest.mark.models,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal"),
]
ALL = [(way, moment) for way in WAYS for moment in MOMENTS]
SOME: list[tuple[Way, Moment]] = [
    ("ctrl+q", "speaking"),
    ("SIGTERM", "thinking"),
    ("SIGHUP", "listening"),
    ("SIGINT", "loading"),
    ("terminal lost", "speaking"),
]
CHOSEN = ALL if os.environ.get("VITA_PROOF_ENDINGS") == "all" else SOME
"""Five of the twenty; VITA_PROOF_ENDINGS=all for the whole proof."""


@pytest.fixture(scope="module")
def room() -> Iterator[VirtualAudio]:
    with virtual_audio() as audio:
        yield audio


@pytest.fixture(scope="module")
def question(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    file = tmp_path_factory.mktemp("question") / "question.wav"
    subprocess.run(["espeak-ng", "-s", "130", "-w", str(file), "How many days are in a week?"], check=True)
    return read_audio(file)


@pytest.mark.parametrize(("way", "moment"), CHOSEN)
def test_it_ends_and_leaves_nothing(
    room: VirtualAudio, home: Path, question: Samples, way: Way, moment: Moment
) -> None:
    ending = end_it(room, home, way, moment, question)
    assert ending.code == (130 if way == "SIGINT" else 0)
    assert ending.processes == []
    assert ending.files == []
    assert ending.complaints == []
    print(f"{way} while {moment}: {ending.seconds:.2f} s")


def test_who_asks_twice_does_not_wait(room: VirtualAudio, home: Path, question: Samples) -> None:
    ending = end_it(room, home, "ctrl+q twice", "speaking", question)
    assert ending.code == 0
    assert ending.processes == []
