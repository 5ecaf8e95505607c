"""A simulated room between a speaker and a microphone: delay, impulse response, noise, and clocks that drift apart.

As a function on whole recordings (`Room.hear`), as a microphone beside a speaker that is tapped (`Rehearsal`), and as a process
between PulseAudio's virtual devices (`room_between`; the process is this module: raw 16-bit sound from stdin to stdout).
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from subprocess import PIPE
from typing import Any

import numpy as np

from tests.conftest import ROOT
from tests.virtual_audio import VirtualAudio
from vita_tui.audio.base import BLOCK, SAMPLE_RATE, Frame, Samples
from vita_tui.audio.reference import Reference

__all__ = ["BEGAN", "Rehearsal", "Room", "room_between"]


READY = b"ready\n"
"""What the process says on stderr when it waits for sound."""
BEGAN = 1000.0
"""Monotonic seconds at which a rehearsal begins."""


@dataclass(frozen=True)
class Room:
    """What comes from the speaker to the microphone, and what else is there."""

    echo_db: float = -20.0
    """Level of the echo over what is played."""
    delay: float = 0.05
    """Seconds until the direct sound arrives."""
    noise_dbfs: float = -65.0
    rt60: float = 0.35
    """Seconds in which the reverberation falls by 60 dB."""
    drift_ppm: float = 0.0
    """By which the microphone's clock is faster than the speaker's."""
    clip: float = 1.0
    """Full scale of the microphone."""
    distortion: float = 0.0
    """How hard the loudspeaker is driven: a sound of full scale is multiplied by this and bent by tanh. 0 for a perfect one; with 1,
    2.7 % of the amplitude of the reply's speech is distortion."""
    seed: int = 1

    def response(self) -> Samples:
        """The impulse response without its delay: direct sound, early gap, exponential noise (Polack's model)."""
        count = round(self.rt60 * SAMPLE_RATE)
        tail = np.random.default_rng(self.seed).standard_normal(count)
        tail *= 10 ** (-3 * np.arange(count) / count)
        tail[:64] *= 0.2
        tail[0] = 6.0
        tail *= 10 ** (self.echo_db / 20) / np.sqrt(np.sum(tail**2))
        return np.asarray(tail, np.float32)

    def noise(self, count: int, seed: int = 0) -> Samples:
        made = np.random.default_rng((self.seed, seed)).standard_normal(count) * 10 ** (self.noise_dbfs / 20)
        return np.asarray(made, np.float32)

    def hear(self, played: Samples, person: Samples | None = None) -> Samples:
        """What the microphone captures while `played` sounds and `person` (as long, at the microphone) talks."""
        count = len(played)
        response = self.response()
        if self.distortion:
            played = np.asarray(np.tanh(played * self.distortion) / self.distortion, np.float32)
        size = 1 << (count + len(response)).bit_length()
        echo = np.fft.irfft(np.fft.rfft(played, size) * np.fft.rfft(response, size), size)[:count]
        echo = np.concatenate((np.zeros(round(self.delay * SAMPLE_RATE)), echo))[:count]
        if self.drift_ppm:
            places = np.arange(count) * (1.0 - self.drift_ppm * 1e-6)
            echo = np.interp(places, np.arange(count), echo)
        mixed = echo + self.noise(count) + (person if person is not None else 0.0)
        return np.asarray(np.clip(mixed, -self.clip, self.clip), np.float32)


class Rehearsal:
    """A microphone in a room, and a device's output callback beside it, on one made-up clock: as fast as it is read."""

    name = "room"

    def __init__(
        self,
        captured: Samples,
        played: Samples,
        *,
        rate: int = SAMPLE_RATE,
        jitter: float = 0.0,
        ahead: float = 0.05,
    ) -> None:
        """
        Args:
            captured: at `SAMPLE_RATE`, of the same time as `played`.
            played: at `rate`.
            jitter: seconds by which the times of blocks are told wrong, at most.
            ahead: seconds before it sounds that the device is given a block.
        """
        self.reference = Reference()
        self._captured, self._played, self._rate = captured, played, rate
        self._jitter = jitter
        self._random = np.random.default_rng(5)
        self._ahead = ahead
        self._position = 0
        self._given = 0
        self.began = BEGAN
        """Monotonic seconds of the first sample."""

    def open(self) -> None: ...
    def close(self) -> None: ...

    def skip(self, seconds: float) -> None:
        """The microphone loses so much sound."""
        self._position += round(seconds * SAMPLE_RATE)

    def read(self, timeout: float) -> Frame | None:
        """The next frame; the callback has been called as often as it would have been by then."""
        del timeout
        start = self._position
        if start + BLOCK > len(self._captured):
            raise EOFError
        self._position += BLOCK
        self._call_back((start + BLOCK) / SAMPLE_RATE + self._ahead)
        captured = self.began + self._position / SAMPLE_RATE + self._wrong()
        return Frame(self._captured[start : start + BLOCK], start, captured)

    def _call_back(self, until: float) -> None:
        size = self._rate // 100
        while self._given + size <= min(until * self._rate, len(self._played)):
            block = self._played[self._given : self._given + size]
            due = self.began + self._given / self._rate + self._wrong()
            self.reference.tap(block, size if np.any(block) else 0, due, self._rate)
            self._given += size

    def _wrong(self) -> float:
        return float(self._random.uniform(-self._jitter, self._jitter))


@contextlib.contextmanager
def room_between(audio: VirtualAudio, room: Room) -> Iterator[None]:
    """Let the virtual microphone hear the virtual speaker through `room`. PulseAudio adds some 50 ms of its own."""
    form = [f"--rate={SAMPLE_RATE}", "--channels=1", "--format=s16le", "--raw", "--latency-msec=15"]
    room_process = [
        sys.executable, "-m", "tests.room", "--echo", str(room.echo_db), "--delay", str(room.delay),
        "--noise", str(room.noise_dbfs), "--clip", str(room.clip),
    ]  # fmt: skip
    with contextlib.ExitStack() as stack:

        def start(command: list[str], **pipes: Any) -> subprocess.Popen[bytes]:
            process = subprocess.Popen(command, env=audio.env, cwd=ROOT, **pipes)
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        # Backwards, each when the next is there: what waits in a pipe at the beginning makes the echo so much later for good.
        walls = start(room_process, stdin=PIPE, stdout=PIPE, stderr=PIPE)
        assert walls.stdin is not None
        assert walls.stderr is not None
        assert walls.stderr.readline() == READY
        start(["paplay", "--device=mic", *form], stdin=walls.stdout)
        start(["parecord", "--device=speaker.monitor", *form], stdout=walls.stdin)
        walls.stdin.close()
        yield


def _stand_between() -> None:
    """The process: what is read from stdin comes out of stdout as the room makes it sound."""
    parser = argparse.ArgumentParser()
    for name, value in (("--echo", -20.0), ("--delay", 0.05), ("--noise", -65.0), ("--clip", 1.0)):
        parser.add_argument(name, type=float, default=value)
    given = parser.parse_args()
    room = Room(given.echo, given.delay, given.noise, clip=given.clip)
    response = room.response()
    late = np.zeros(round(room.delay * SAMPLE_RATE), np.float32)
    tail = np.zeros(len(response) - 1, np.float32)
    size = 160
    spectrum = np.fft.rfft(response, 8192)
    number = 0
    sys.stderr.buffer.write(READY)
    sys.stderr.flush()
    while raw := sys.stdin.buffer.read(size * 2):
        played = np.frombuffer(raw, "<i2").astype(np.float32) / 32768.0
        echo = np.fft.irfft(np.fft.rfft(played, 8192) * spectrum, 8192)[: len(played) + len(tail)]
        echo[: len(tail)] += tail
        late = np.concatenate((late, echo[: len(played)].astype(np.float32)))
        tail = echo[len(played) :].astype(np.float32)
        number += 1
        mixed = np.clip(late[: len(played)] + room.noise(len(played), number), -room.clip, room.clip)
        late = late[len(played) :]
        sys.stdout.buffer.write((mixed * 32767.0).round().astype("<i2").tobytes())
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    _stand_between()
