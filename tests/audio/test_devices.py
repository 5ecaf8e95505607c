"""Real PortAudio on virtual devices: what is played is heard, what is spoken arrives, and a device may go away."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.conftest import ROOT
from tests.virtual_audio import RATE, VirtualAudio, virtual_audio

pytestmark = pytest.mark.audio

DEADLINE = 60.0
"""Seconds after which a child that says nothing has failed."""


class Child:
    """A program that uses a device: see `device_child`."""

    def __init__(self, audio: VirtualAudio, what: str, name: str = "") -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.audio.device_child", what, name],
            env=audio.env,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self.opened: dict[str, Any] = {}
        """What it said of the device that it opened."""
        self._deadline = threading.Timer(DEADLINE, self._process.kill)
        self._deadline.start()

    def do(self, *words: object) -> None:
        assert self._process.stdin is not None
        print(*words, file=self._process.stdin, flush=True)

    def until(self, what: str) -> dict[str, Any]:
        """The next line that tells of `what`."""
        assert self._process.stdout is not None
        seen = []
        for line in self._process.stdout:
            told: dict[str, Any] = json.loads(line)
            seen.append(told)
            if told["what"] == what:
                return told
        raise AssertionError(f"the child ended before “{what}”: {seen}")

    def end(self) -> None:
        self._deadline.cancel()
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def audio() -> Iterator[VirtualAudio]:
    with virtual_audio() as made:
        yield made


@contextlib.contextmanager
def child(audio: VirtualAudio, what: str, name: str = "") -> Iterator[Child]:
    made = Child(audio, what, name)
    try:
        made.opened = made.until("open")
        yield made
    finally:
        made.end()


def sounding(samples: NDArray[np.float32]) -> float:
    """Seconds that are not silence."""
    blocks = samples[: len(samples) // 160 * 160].reshape(-1, 160)
    return float(np.count_nonzero(np.abs(blocks).max(axis=1, initial=0.0) > 0.02)) / 100


def pitch(samples: NDArray[np.float32]) -> float:
    """Hertz of the loudest frequency."""
    return float(np.argmax(np.abs(np.fft.rfft(samples)))) * RATE / max(1, len(samples))


def tenths_of(samples: NDArray[np.float32], hertz: float) -> int:
    """Tenths of a second in which a tone is the loudest."""
    pieces = np.array_split(samples, max(1, len(samples) // (RATE // 10)))
    return sum(abs(pitch(piece) - hertz) < 25 for piece in pieces if sounding(piece) > 0.05)


def test_what_is_played_is_what_is_heard(audio: VirtualAudio) -> None:
    with child(audio, "speaker") as speaker:
        speaker.do("play", 440, 0.1)  # the sink wakes up
        speaker.until("finished")
        with audio.recording() as recording:
            speaker.do("play", 660, 1.0)
            span = speaker.until("queued")["span"]
            assert speaker.until("started")["span"] == span
            finished = speaker.until("finished")
            assert finished["span"] == span
            assert finished["played"] == span[1]
            speaker.do("play", 1000, 0.05)  # so that all before it has reached the recorder
            speaker.until("finished")
        heard = recording.samples()
        speaker.do("close")
        assert speaker.until("closed")["threads"] == ["MainThread"]
    assert pitch(heard) == pytest.approx(660, abs=10)
    assert sounding(heard) > 0.9


def test_flush_cuts_it_and_what_follows_is_heard(audio: VirtualAudio) -> None:
    with child(audio, "speaker") as speaker, audio.recording() as recording:
        speaker.do("play", 440, 30)
        begin, end = speaker.until("queued")["span"]
        speaker.until("started")
        speaker.do("flush")
        heard = speaker.until("flushed")["heard"]
        assert begin < heard < end
        assert speaker.until("dropped")["span"] == [begin, end]
        speaker.do("play", 880, 0.5)
        after = speaker.until("queued")["span"]
        assert after[0] == end
        assert speaker.until("finished")["span"] == after
        deadline = time.monotonic() + DEADLINE
        while not (later := tenths_of(recording.samples(), 880)) and time.monotonic() < deadline:
            time.sleep(0.05)  # the recorder hears it a little later
        samples = recording.stop()
    assert later
    assert sounding(samples) < 20  # of thirty seconds


def test_a_speaker_that_goes_away_is_lost_and_refuses_more(audio: VirtualAudio) -> None:
    with child(audio, "speaker") as speaker:
        speaker.do("play", 440, 60)
        begin, end = speaker.until("queued")["span"]
        speaker.until("started")
        audio.stop()
        assert speaker.until("dropped")["span"] == [begin, end]
        lost = speaker.until("lost")
        assert "went away" in lost["reason"]
        assert begin <= lost["played"] < end
        speaker.do("play", 440, 1)
        assert "went away" in speaker.until("refused")["reason"]
        speaker.do("close")
        speaker.until("closed")


def test_what_is_spoken_into_the_microphone_arrives(audio: VirtualAudio, tmp_path: Path) -> None:
    t = np.arange(20 * RATE) / RATE
    with child(audio, "microphone") as microphone:
        speaking = audio.speak((0.4 * np.sin(2 * np.pi * 523 * t)).astype(np.float32))
        try:
            while (heard := microphone.until("heard"))["level"] < 0.2:
                pass
            heard = microphone.until("heard")  # the first one that is sound from end to end
        finally:
            speaking.kill()
            speaking.wait()
    assert heard["hertz"] == pytest.approx(523, abs=4)
    assert heard["level"] == pytest.approx(0.4 / np.sqrt(2), rel=0.2)


def test_a_microphone_that_goes_away_is_told(audio: VirtualAudio) -> None:
    with child(audio, "microphone") as microphone:
        microphone.until("heard")
        audio.stop()
        error = microphone.until("error")
    assert "went away" in error["reason"]


# ---- devices that are remembered by name


@pytest.mark.parametrize("listed", [False, True], ids=["gone from the list", "listed but not to be opened"])
def test_another_speaker_stands_in_for_one_that_went_away_until_it_is_back(
    audio: VirtualAudio, listed: bool
) -> None:
    audio.attach("headset")
    with child(audio, "speaker", "headset") as speaker:
        assert (speaker.opened["name"], speaker.opened["missing"]) == ("headset", "")
        speaker.do("play", 440, 60)
        speaker.until("started")
        audio.detach("headset", listed=listed)
        assert "headset went away" in speaker.until("lost")["reason"]
        speaker.do("open")
        stand_in = speaker.until("open")
        assert stand_in["name"] != "headset"
        assert "headset" in stand_in["missing"]
        speaker.do("play", 440, 60)
        speaker.until("started")
        audio.attach("headset")
        back = speaker.until("changed")
        assert (back["name"], back["missing"]) == ("headset", "")
        with audio.recording("headset") as recording:
            deadline = time.monotonic() + DEADLINE
            while sounding(recording.samples()) < 0.5 and time.monotonic() < deadline:
                time.sleep(0.05)
        assert sounding(recording.samples()) >= 0.5, "what was playing goes on there"
        speaker.do("close")
        assert speaker.until("closed")["threads"] == ["MainThread"]


def test_another_microphone_stands_in_for_one_that_went_away_until_it_is_back(audio: VirtualAudio) -> None:
    audio.attach("headset")
    with child(audio, "microphone", "headset") as microphone:
        assert (microphone.opened["name"], microphone.opened["missing"]) == ("headset", "")
        microphone.until("heard")
        audio.detach("headset")
        assert "headset went away" in microphone.until("error")["reason"]
        stand_in = microphone.until("open")
        assert stand_in["name"] != "headset"
        assert "headset" in stand_in["missing"]
        microphone.until("heard")
        audio.attach("headset")
        back = microphone.until("changed")
        assert (back["name"], back["missing"]) == ("headset", "")
        microphone.until("heard")


def test_a_speaker_is_changed_while_it_plays(audio: VirtualAudio) -> None:
    audio.attach("headset")
    with child(audio, "speaker") as speaker:
        speaker.do("play", 440, 5)
        _, end = speaker.until("queued")["span"]
        speaker.until("started")
        speaker.do("use", "headset")
        assert speaker.until("using")["name"] == "headset"
        assert speaker.until("finished")["span"][1] == end
        speaker.do("use", "nobody")
        assert "nobody" in speaker.until("using")["missing"]
        speaker.do("use", "")
        assert speaker.until("using")["missing"] == ""
