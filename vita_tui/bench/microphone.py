"""A microphone into which one recording after the other is spoken; between them it hears a silent room."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from vita_tui.audio.base import BLOCK, SAMPLE_RATE, Frame, Samples
from vita_tui.audio.files import FileMicrophone

__all__ = ["StudioMicrophone"]

ROOM_SECONDS = 30


class StudioMicrophone:
    """Frames come in real time, as those of a `FileMicrophone`, and without an end. `cue` and `play` may be called by any thread."""

    def __init__(self) -> None:
        self.name = "studio"
        self._lock = threading.Lock()
        self._inner = _room()
        self._cued: FileMicrophone | None = None
        self._on_end: Callable[[], None] | None = None
        self._playing = False
        self._position = 0

    def cue(self, samples: Samples, on_end: Callable[[], None]) -> None:
        """Have `samples` ready for `play`; `on_end` is called in the reading thread once the last of them was read."""
        with self._lock:
            self._cued, self._on_end = FileMicrophone(samples), on_end

    def play(self) -> None:
        """Let what was cued be heard from now on."""
        with self._lock:
            if self._cued is None:
                raise RuntimeError("nothing was cued")
            self._inner, self._cued, self._playing = self._cued, None, True

    def open(self) -> None:
        self._inner.open()

    def read(self, timeout: float) -> Frame | None:
        with self._lock:
            inner = self._inner
        try:
            frame = inner.read(timeout)
        except EOFError:
            self._end(inner)
            return None
        with self._lock:
            if frame is None or inner is not self._inner:
                return None
            self._position += BLOCK
        return Frame(frame.samples, self._position - BLOCK, frame.captured)

    def close(self) -> None:
        self._inner.close()

    def _end(self, inner: FileMicrophone) -> None:
        with self._lock:
            if inner is not self._inner:
                return
            told = self._on_end if self._playing else None
            self._inner, self._playing = _room(), False
        if told is not None:
            told()


def _room() -> FileMicrophone:
    return FileMicrophone(np.zeros(ROOM_SECONDS * SAMPLE_RATE, np.float32))
