"""Hearing on a clock of its own: microphone, listener, turn detection and recognition as in use, without waiting for the sound to be played.

The parts are the program's own, in their own threads. Only time is not: a frame of sound moves the clock by its length, and the next one
comes when everybody has done what there was to do at that time. A decode takes as long on that clock as it kept the processor; what is
said meanwhile arrives meanwhile. So silence costs almost nothing, and the words do not depend on what else the machine is doing.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from threading import Event
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from vita_tui.audio.base import BLOCK, SAMPLE_RATE, Frame, Samples
from vita_tui.engines.stt.base import Recognizer, Stop, Transcription
from vita_tui.engines.turn.smart_turn import EndScorer

__all__ = ["PacedRecognizer", "PacedScorer", "VirtualMicrophone", "VirtualTime", "WorkTimer"]

LOOK_SECONDS = 0.001
"""Between two looks whether everybody is done: no part of the program announces that it has nothing to do."""


class VirtualTime:
    """A `Clock` that stands still until `advance` moves it. Thread-safe."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._now = 0.0
        self._closed = False

    def monotonic(self) -> float:
        with self._condition:
            return self._now

    def time(self) -> float:
        return self.monotonic()

    def advance(self, seconds: float) -> None:
        with self._condition:
            self._now += seconds
            self._condition.notify_all()

    def close(self) -> None:
        """Nobody waits on this clock any more."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()

    def wake(self) -> None:
        """Have those that wait look whether they still should."""
        with self._condition:
            self._condition.notify_all()

    def wait(self, over: Callable[[float], bool]) -> None:
        """Wait until `over`, which gets the time whenever it has changed."""
        with self._condition:
            self._condition.wait_for(lambda: self._closed or over(self._now))


class _Paced:
    """Work that takes as long on a clock as it kept the processor."""

    def __init__(self, clock: VirtualTime) -> None:
        self._clock = clock
        self._over: Callable[[float], bool] | None = None

    @property
    def waiting(self) -> bool:
        """Whether the work is done, and waits for the time at which it would be."""
        over = self._over
        return over is not None and not over(self._clock.monotonic())

    def _take(self, seconds: float, cancelled: Event | None = None) -> None:
        """So long does the work take, which is done; less when it is cancelled."""
        until = self._clock.monotonic() + seconds
        self._over = lambda now: now >= until or (cancelled is not None and cancelled.is_set())
        with cancelled.telling(self._clock.wake) if isinstance(cancelled, Stop) else nullcontext():
            self._clock.wait(self._over)
        self._over = None


class PacedRecognizer(_Paced):
    """A `Recognizer` whose work takes virtual time."""

    def __init__(self, inner: Recognizer, clock: VirtualTime) -> None:
        super().__init__(clock)
        self._inner = inner
        self.name = inner.name
        self.notes = inner.notes
        self.language = inner.language
        self.languages = inner.languages
        self.words = inner.words

    def load(self) -> None:
        self._inner.load()

    def transcribe(self, audio: NDArray[np.float32], **asked: Any) -> Transcription:
        with WorkTimer() as watch:
            result = self._inner.transcribe(audio, **asked)
        self._take(watch.seconds, asked.get("cancelled"))
        return replace(result, decode_seconds=watch.seconds)

    def cleanup(self) -> None:
        self._inner.cleanup()


class PacedScorer(_Paced):
    """An `EndScorer` whose work takes virtual time."""

    def __init__(self, inner: EndScorer, clock: VirtualTime) -> None:
        super().__init__(clock)
        self._inner = inner

    def load(self) -> None:
        self._inner.load()

    def cleanup(self) -> None:
        self._inner.cleanup()

    def probability(self, samples: NDArray[np.float32]) -> float:
        with WorkTimer() as watch:
            result = self._inner.probability(samples)
        self._take(watch.seconds)
        return result


class WorkTimer:
    """Measures what is done inside: on the clock, or on the processor where that is less, since other programs had it meanwhile."""

    seconds = 0.0

    def __enter__(self) -> Self:
        self._wall, self._busy = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = min(time.perf_counter() - self._wall, time.process_time() - self._busy)


class VirtualMicrophone:
    """Gives the frames of one sound after the other, each when everybody is done with the one before; waits while there is none."""

    def __init__(self, clock: VirtualTime, loop: asyncio.AbstractEventLoop) -> None:
        self.name = "virtual microphone"
        self._clock = clock
        self._loop = loop
        self._condition = threading.Condition()
        self._sound: Samples | None = None
        self._place = 0
        self._position = 0
        self._done: Callable[[float], bool] = lambda _: True
        self._finished: Callable[[], None] = lambda: None
        self.settled: Callable[[], bool] = lambda: True
        """Whether nobody is busy who does not wait for the clock; asked again and again."""

    def play(self, sound: Samples, done: Callable[[float], bool], finished: Callable[[], None]) -> None:
        """Let `sound` be heard, to its end, or until `done`.

        Args:
            done: asked before each frame, in the reading thread, with the seconds that have been heard.
            finished: called in the reading thread afterwards.
        """
        with self._condition:
            self._sound, self._place, self._done, self._finished = sound, 0, done, finished
            self._condition.notify_all()

    def open(self) -> None:
        pass

    def close(self) -> None:
        pass

    def read(self, timeout: float) -> Frame | None:
        with self._condition:
            if self._sound is None:
                self._condition.wait(timeout)
            sound = self._sound
        if sound is None or not self._settle():
            return None
        if self._place + BLOCK > len(sound) or self._done(self._place / SAMPLE_RATE):
            with self._condition:
                self._sound = None
            self._finished()
            return None
        samples = sound[self._place : self._place + BLOCK]
        self._place += BLOCK
        self._position += BLOCK
        self._clock.advance(BLOCK / SAMPLE_RATE)
        return Frame(samples, self._position - BLOCK, self._clock.monotonic())

    def _settle(self) -> bool:
        """Wait until everybody has done what there is to do now; False when the loop is closed."""
        while True:
            while not self.settled():
                time.sleep(LOOK_SECONDS)
            reached = threading.Event()
            try:
                self._loop.call_soon_threadsafe(reached.set)
            except RuntimeError:
                return False
            reached.wait()
            if self.settled():
                return True
