"""Whether a sound is the assistant's own voice come back: judged by the sound alone.

What is played, smeared as a room smears it, and moved by the echo's level, is what must be expected in the microphone. What is
not louder than that, or rises and falls with it, is echo; what stands out above it is somebody. The echo's level is learned while
it sounds: quickly when less comes back, slowly when more does, because more may be a person.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vita_tui.audio.base import BLOCK, SAMPLE_RATE, Samples
from vita_tui.audio.voice import SILENCE_DBFS, dbfs

__all__ = ["EchoGuard", "EchoVerdict"]

FRAME_SECONDS = BLOCK / SAMPLE_RATE
FALL_DB = 60.0 * FRAME_SECONDS / 0.5
"""How much a played sound has died away after a frame, in a room that needs half a second for 60 dB."""
PLAYED_DBFS = -55.0
"""Played sound below this makes no echo that anyone hears."""
MARGIN_DB = 7.0
"""So far above the expected echo it is somebody else: what a smeared envelope is wrong by, nine times in ten."""
FLOOR_MARGIN_DB = 6.0
LEARN_DOWN, LEARN_UP = 0.2, 0.01
"""Shares of a difference that are believed in a frame, when less or more comes back than expected."""
JUDGED_SECONDS = 0.64
"""Over which the ups and downs are compared."""
ALIKE = 0.75
"""Correlation from which on they are the same."""
BANDS = ((200, 500), (500, 1000), (1000, 2000), (2000, 4000))
"""Hertz."""


@dataclass(frozen=True, slots=True)
class EchoVerdict:
    """What one frame is, and why."""

    sounding: bool
    """The assistant can be heard in the room: it speaks, or its echo has not died away."""
    own: bool
    """What there is in the frame is the assistant itself, or nothing. Never while it does not sound."""
    near_dbfs: float
    """Level of the frame as the listener gets it."""
    expected_dbfs: float
    """Level up to which it may be echo."""
    likeness: float
    """−1 to 1: how far the sound goes up and down with what is played."""


QUIET = EchoVerdict(False, False, SILENCE_DBFS, SILENCE_DBFS, 0.0)


class EchoGuard:
    """Fed frame by frame by the thread that reads the microphone."""

    def __init__(self, *, echo_db: float = -20.0, floor_dbfs: float = -60.0) -> None:
        """
        Args:
            echo_db: level of the echo over what is played, before anything is learned: from `vita calibrate`.
            floor_dbfs: the room's noise.
        """
        self._initial = echo_db
        self._floor = floor_dbfs
        self.echo_db = echo_db
        """What comes back, in dB over what is played: learned."""
        self._played = SILENCE_DBFS
        frames = round(JUDGED_SECONDS / FRAME_SECONDS)
        self._bands: deque[tuple[NDArray[np.float32], NDArray[np.float32]]] = deque(maxlen=frames)
        """Levels of the bands, in dB, played and captured."""
        self._smeared: NDArray[np.float32] = np.full(len(BANDS), SILENCE_DBFS, np.float32)
        hertz = np.fft.rfftfreq(BLOCK, 1 / SAMPLE_RATE)
        self._masks = np.array([(hertz >= low) & (hertz < high) for low, high in BANDS], np.float32)
        self._window = np.hanning(BLOCK).astype(np.float32)
        self.verdict = QUIET

    def reset(self) -> None:
        """Another microphone, another room: forget what was learned."""
        self.echo_db = self._initial
        self._played = SILENCE_DBFS
        self._bands.clear()
        self.verdict = QUIET

    def judge(self, captured: Samples, played: Samples) -> EchoVerdict:
        """Take the next frame.

        Args:
            captured: `BLOCK` samples as the listener gets them, after echo cancelling if there is any.
            played: what the speaker sounded `delay` earlier: the same number of samples.
        """
        level = dbfs(captured)
        self._played = max(dbfs(played), self._played - FALL_DB)
        self._smeared = np.maximum(self._levels(played), self._smeared - np.float32(FALL_DB))
        if self._played < PLAYED_DBFS:
            self._bands.clear()
            self._floor += 0.02 * (min(level, self._floor + 6.0) - self._floor)
            self.verdict = EchoVerdict(False, False, level, self._floor, 0.0)
            return self.verdict
        self._bands.append((self._smeared, self._levels(captured)))
        expected = max(self._played + self.echo_db + MARGIN_DB, self._floor + FLOOR_MARGIN_DB)
        likeness = self._likeness()
        own = level <= expected or (likeness >= ALIKE and level <= expected + MARGIN_DB)
        self._learn(level, likeness)
        self.verdict = EchoVerdict(True, own, level, expected, likeness)
        return self.verdict

    # ----

    def _learn(self, level: float, likeness: float) -> None:
        if level < self._floor + FLOOR_MARGIN_DB and level - self._played > self.echo_db:
            return  # the room's noise says nothing of the echo
        difference = level - self._played - self.echo_db
        share = LEARN_DOWN / 4 if difference < 0 else LEARN_UP * (4.0 if likeness >= ALIKE else 1.0)
        self.echo_db += share * max(-12.0, min(12.0, difference))
        self.echo_db = max(-70.0, min(10.0, self.echo_db))

    def _levels(self, samples: Samples) -> NDArray[np.float32]:
        power = np.abs(np.fft.rfft(samples * self._window)) ** 2
        bands = self._masks @ power.astype(np.float32) / np.float32(BLOCK * BLOCK / 8)
        return np.asarray(10.0 * np.log10(bands + 1e-9), np.float32)

    def _likeness(self) -> float:
        if len(self._bands) < (self._bands.maxlen or 0):
            return 0.0
        played = np.array([pair[0] for pair in self._bands])
        captured = np.array([pair[1] for pair in self._bands])
        played = played - played.mean(axis=0)
        captured = captured - captured.mean(axis=0)
        spread = math.sqrt(float((played**2).sum()) * float((captured**2).sum()))
        return float((played * captured).sum()) / spread if spread > 1e-6 else 0.0
