"""Replies that are paused, gone on with, and gone forward and back in while they are spoken, through the real timeline of a speaker."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vita_tui.audio.base import Samples, Span
from vita_tui.audio.timeline_speaker import TimelineSpeaker
from vita_tui.clock import SystemClock
from vita_tui.conversation.speaking.clauses import POLICIES, WHOLE_SENTENCES, Clause, ClauseCutter, Policy
from vita_tui.conversation.speaking.playback import Playback
from vita_tui.conversation.speaking.track import Track
from vita_tui.events import EventBus

CASES = tomllib.loads(Path(__file__).with_name("steering.toml").read_text(encoding="utf-8"))["case"]
RATE = 1000
LEVEL, STEP = 0.1, 1e-6
"""A voice of one loudness, in which each sample tells where it is from."""


class ByHand(TimelineSpeaker):
    """A speaker that sounds as much as it is told to, and keeps it."""

    name = "by hand"
    sample_rate = RATE

    def __init__(self) -> None:
        super().__init__(RATE, None)
        self.out: list[float] = []

    def open(self) -> None: ...

    def close(self) -> None: ...

    def enqueue(self, samples: Samples) -> Span:
        return self._timeline.enqueue(samples)

    def played(self) -> int:
        return self._timeline.heard(float("inf"))

    def flush(self) -> int:
        heard = self._timeline.flush(0.0)
        self._timeline.pull(np.zeros(RATE, np.float32), 0.0, 0.0)  # what fades out
        return heard

    def sound(self, frames: int) -> int:
        """Let `frames` sound, or as many as there are; how many were."""
        block = np.zeros(frames, np.float32)
        filled, _ = self._timeline.pull(block, 0.0, 0.0)
        self.out += block[:filled].tolist()
        self._tell_marks(float("inf"))
        return filled


class Stage:
    """A reply whose words sound for as long as a voice of eight letters a second would take, each with a number of its own."""

    def __init__(self, reply: str, policies: Sequence[Policy]) -> None:
        self.speaker = ByHand()
        self.playback = Playback(self.speaker, EventBus(), SystemClock())
        self.playback.open()
        self.cutter = ClauseCutter(policies=policies)
        self.track: Track = self.playback.begin(1)
        self.words: list[str] = []
        """All words, by the number that their sound has."""
        self.playback.release(self.track)
        self.write(reply)

    def write(self, text: str) -> None:
        for clause in self.cutter.feed(text):
            self.say(clause)

    def end(self) -> None:
        for clause in self.cutter.finish():
            self.say(clause)
        self.playback.complete(self.track)

    def say(self, clause: Clause) -> None:
        self.playback.expect(self.track, clause)
        self.playback.first_sound(self.track, clause, 1.0)
        sound: list[Samples] = []
        for word in clause.spoken.split():
            self.words.append(word)
            at = len(self.words) * RATE + np.arange(RATE)
            sound.append((LEVEL + at * STEP).astype(np.float32))
        for samples in (np.concatenate(sound)[: RATE // 2], np.concatenate(sound)[RATE // 2 :]):
            self.playback.deliver(self.track, clause, samples, "test", RATE)
        self.playback.end(self.track, clause)

    def do(self, step: str) -> None:
        act, _, value = step.partition(" ")
        match act:
            case "sound":
                self.speaker.sound(round(float(value) * RATE))
            case "all":
                while self.speaker.sound(RATE):
                    pass
            case "add":
                self.write(value)
            case "end":
                self.end()
            case "stop":
                self.playback.cancel(self.track)
            case _:
                wanted = act != "no"
                name = value if act == "no" else act
                assert getattr(self.playback, {"skip": "forward"}.get(name, name))(self.track) is wanted, step

    def begun(self) -> str:
        """Each word that sounded, or sounded again, for more than a third of its length."""
        at = np.rint((np.array(self.speaker.out) - LEVEL) / STEP).astype(int)
        runs = np.split(at, np.flatnonzero((np.diff(at) < 0) | (np.diff(at // RATE) != 0)) + 1)
        return " ".join(self.words[run[0] // RATE - 1] for run in runs if len(run) > RATE / 3)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_steering(case: dict[str, Any]) -> None:
    stage = Stage(case["reply"], POLICIES if case.get("early") else WHOLE_SENTENCES)
    if case.get("written", True):
        stage.end()
    for step in case["steps"]:
        stage.do(step)
    assert stage.begun() == case["sounds"]
    assert stage.playback.heard(stage.track)[0].strip() == case["heard"].strip()
