"""A stage for conversations: a microphone and a speaker in one simulated room, in real time, and people who act on cues."""

from __future__ import annotations

import threading
import time

import numpy as np

from tests.room import Room
from vita_tui.audio.base import BLOCK, SAMPLE_RATE, Frame, PlaybackMark, Samples
from vita_tui.audio.files import FileSpeaker
from vita_tui.audio.reference import Reference, Tap
from vita_tui.clock import SystemClock
from vita_tui.errors import DeviceError

__all__ = ["StageClock", "StageMicrophone", "StageSpeaker", "cough", "hum", "mhm", "music", "rustle"]


class StageMicrophone:
    """Hears what is said into it by `say`, the room's noise, and the echo of a `StageSpeaker`; each frame when it is due."""

    def __init__(self, room: Room, *, paced: bool = True) -> None:
        """
        Args:
            paced: in real time; otherwise as fast as it is read, on a clock of its own.
        """
        self.name = "stage"
        self.echo = Reference()
        """What the speaker sounds."""
        self._room = room
        self._response = room.response() if room.echo_db > -90 else None
        self._sounded: Samples = np.zeros(
            0 if self._response is None else len(self._response) - 1, np.float32
        )
        """What the speaker sounded before, that is still echoing."""
        self._paced = paced
        self._lock = threading.Lock()
        self._said: list[tuple[int, Samples]] = []
        """Position at which it begins, and the sound."""
        self._position = 0
        self._began: float | None = None
        self._plugged = True
        self.held = threading.Event()
        """Not set: nothing is captured, and no time passes."""
        self.held.set()
        self.limit: int | None = None
        """Position at which there is no more, for one that is not paced."""

    @property
    def seconds(self) -> float:
        """How much has been captured."""
        return self._position / SAMPLE_RATE

    def monotonic(self) -> float:
        """The time of the clock that runs with this microphone."""
        return time.monotonic() if self._began is None or self._paced else self._began + self.seconds

    def say_at(self, seconds: float, sound: Samples) -> None:
        """Sound `sound` when so much has been captured."""
        with self._lock:
            self._said.append((round(seconds * SAMPLE_RATE), sound))

    def say(self, sound: Samples) -> float:
        """Sound `sound` from now on; returns the monotonic seconds at which it begins."""
        with self._lock:
            start = self._position + BLOCK
            self._said.append((start, sound))
        return (self._began or time.monotonic()) + start / SAMPLE_RATE

    def plug(self, there: bool) -> None:
        self._plugged = there

    def open(self) -> None:
        if not self._plugged:
            raise DeviceError("There is no microphone.", remedy="Plug one in.")
        if self._began is not None and self._paced:
            self._position = max(self._position, round((time.monotonic() - self._began) * SAMPLE_RATE))

    def close(self) -> None: ...

    def read(self, timeout: float) -> Frame | None:
        if not self._plugged:
            raise DeviceError("The microphone stage went away.", remedy="Plug it in.")
        if not self.held.wait(timeout):
            return None
        if self._began is None:
            self._began = time.monotonic()
        if self.limit is not None and self._position >= self.limit:
            raise EOFError
        captured = self._began + (self._position + BLOCK) / SAMPLE_RATE
        if self._paced and (left := captured - time.monotonic()) > 0:
            time.sleep(min(left, timeout))
            if left > timeout:
                return None
        start = self._position
        samples = self._room.noise(BLOCK, start)
        with self._lock:
            for begins, sound in self._said:
                first, last = max(begins, start), min(begins + len(sound), start + BLOCK)
                if first < last:
                    samples[first - start : last - start] += sound[first - begins : last - begins]
            self._said = [(begins, sound) for begins, sound in self._said if begins + len(sound) > start]
        if self._response is not None:
            # Sample after sample: the times of blocks jump, what a loudspeaker sounds does not.
            due = captured - self._room.delay - BLOCK / SAMPLE_RATE
            past = np.concatenate((self._sounded, self.echo.at(due, BLOCK)))
            self._sounded = past[BLOCK:]
            size = 1 << (len(past) + len(self._response)).bit_length()
            echo = np.fft.irfft(np.fft.rfft(past, size) * np.fft.rfft(self._response, size), size)
            samples += echo[len(past) - BLOCK : len(past)].astype(np.float32)
        self._position += BLOCK
        return Frame(np.clip(samples, -1.0, 1.0).astype(np.float32), start, captured)


class StageClock(SystemClock):
    """Time as `microphone` has captured it: an hour passes as fast as it is listened to."""

    def __init__(self, microphone: StageMicrophone) -> None:
        self._microphone = microphone

    def monotonic(self) -> float:
        return self._microphone.monotonic()


class StageSpeaker(FileSpeaker):
    """Keeps what it plays, lets more than one listen in, and can be unplugged."""

    def __init__(self, *taps: Tap, paced: bool = True) -> None:
        super().__init__(24_000, pace=paced)
        self._taps = list(taps)
        self._plugged = True
        super().tap(self._tell_ears)

    def tap(self, tap: Tap | None) -> None:
        if tap is not None:
            self._taps.append(tap)

    def _tell_ears(self, block: Samples, filled: int, due: float, rate: int) -> None:
        for ear in self._taps:
            ear(block, filled, due, rate)

    def plug(self, there: bool) -> None:
        self._plugged = there
        if not there:
            super().close()
            for subscriber in self._subscribers:
                subscriber(PlaybackMark("lost", None, time.monotonic(), "The speaker stage went away."))

    def open(self) -> None:
        if not self._plugged:
            raise DeviceError("There is no speaker.", remedy="Plug one in.")
        super().open()


def cough(seed: int = 1) -> Samples:
    """Two bursts of noise, the second weaker: no voice, but sudden and loud."""
    random = np.random.default_rng(seed)
    sound = np.zeros(round(0.8 * SAMPLE_RATE), np.float32)
    for start, length, level in ((0.0, 0.28, 0.25), (0.42, 0.2, 0.15)):
        count = round(length * SAMPLE_RATE)
        burst = random.standard_normal(count) * np.exp(-np.linspace(0, 5, count)) * level
        burst = np.convolve(burst, np.ones(4) / 2, mode="same")
        sound[round(start * SAMPLE_RATE) :][:count] += burst.astype(np.float32)
    return sound


def mhm(dbfs: float = -26.0) -> Samples:
    """Two hummed syllables, the second higher: a voice through a closed mouth."""
    sound = np.zeros(round(0.75 * SAMPLE_RATE), np.float32)
    for start, length, low, high in ((0.0, 0.26, 115.0, 105.0), (0.32, 0.36, 120.0, 150.0)):
        count = round(length * SAMPLE_RATE)
        phase = 2 * np.pi * np.cumsum(np.linspace(low, high, count)) / SAMPLE_RATE
        pitches = [np.sin(k * phase) * np.exp(-(((k * 130 - 260) / 220) ** 2)) for k in range(1, 12)]
        swell = np.sin(np.pi * np.linspace(0, 1, count)) ** 0.5
        sound[round(start * SAMPLE_RATE) :][:count] = (np.sum(pitches, axis=0) * swell).astype(np.float32)
    level = np.sqrt(np.mean(sound**2))
    return np.asarray(sound * 10 ** (dbfs / 20) / level, np.float32)


def rustle(seconds: float, dbfs: float = -30.0, seed: int = 3) -> Samples:
    """Noise that comes and goes, as of paper or wind."""
    random = np.random.default_rng(seed)
    count = round(seconds * SAMPLE_RATE)
    swell = 0.6 + 0.4 * np.sin(np.linspace(0, seconds * 3, count))
    return np.asarray(random.standard_normal(count) * swell * 10 ** (dbfs / 20), np.float32)


def hum(seconds: float, dbfs: float = -35.0) -> Samples:
    """A machine: a low tone and its harmonics."""
    t = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    tone = sum(np.sin(2 * np.pi * 100 * k * t) / k for k in range(1, 6))
    return np.asarray(tone * 10 ** (dbfs / 20), np.float32)


def music(seconds: float, dbfs: float = -25.0, seed: int = 4) -> Samples:
    """Chords of plucked strings, two a second."""
    random = np.random.default_rng(seed)
    sound = np.zeros(round(seconds * SAMPLE_RATE) + SAMPLE_RATE, np.float32)
    t = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    for place in range(int(seconds * 2)):
        root = 220.0 * 2 ** (random.integers(0, 8) / 12)
        chord = sum(np.sin(2 * np.pi * root * ratio * t) for ratio in (1.0, 1.25, 1.5, 2.0))
        begin = place * SAMPLE_RATE // 2
        sound[begin : begin + SAMPLE_RATE] += (chord * np.exp(-t * 4)).astype(np.float32)
    return np.asarray(sound[: round(seconds * SAMPLE_RATE)] * 10 ** (dbfs / 20), np.float32)
