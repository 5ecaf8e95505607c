"""What a speaker has been given, has handed to its device, and has been heard: one account for devices and files.

Spans lie one behind the other on a timeline of frames; silence is not on it. A device pulls blocks and says when each will
sound; from that follows what has been heard at any moment, and when a span's marks are due.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

import numpy as np

from vita_tui.audio.base import PlaybackMark, Samples, Span
from vita_tui.audio.reference import Tap

__all__ = ["FADE_SECONDS", "Timeline"]

FADE_SECONDS = 0.005
"""A cut shorter than this clicks."""
UNDER = 0.25
"""Loudness of what is being said while something else is to be heard over it."""
UNDER_SECONDS = 0.1
"""In which it is turned down, and up again."""


@dataclass(slots=True)
class _Queued:
    span: Span
    samples: Samples
    handed: int = 0
    """Frames that the device has."""
    started: float | None = None
    """When the first of them was handed over."""
    ends: float | None = None
    """When the last frame sounds; None while not all were handed over."""
    told: bool = False
    """That it started."""


class Timeline:
    """Every method may be called from any thread; the lock is held for a copy of one block at most."""

    def __init__(self, rate: int) -> None:
        """
        Args:
            rate: frames a second.
        """
        self.rate = rate
        self.volume = 1.0
        """Loudness of everything, 0 to 1, beside what `fade` does."""
        self.tap: Tap | None = None
        """Who listens in on every block that is pulled."""
        self._lock = threading.Lock()
        self._queue: deque[_Queued] = deque()
        """Not yet handed over as a whole."""
        self._sounding: deque[_Queued] = deque()
        """Handed over as a whole, not yet heard as a whole."""
        self._segments: deque[tuple[float, int, int]] = deque()
        """Handed over, not yet heard: when it sounds, first frame, number of frames."""
        self._ready: deque[PlaybackMark] = deque()
        """Marks that are due whatever the time is."""
        self._tail: Samples = np.zeros(0, np.float32)
        """Fading out after a flush."""
        self._over: Samples = np.zeros(0, np.float32)
        """Sounds over what is said, and is not on the timeline."""
        self._under = 1.0
        """Loudness of what is said while something sounds over it."""
        self._end = 0
        self._handed = 0
        self._heard = 0
        self._gain = self._target = 1.0
        self._step = 0.0
        """Change of gain for each frame."""

    @property
    def end(self) -> int:
        """Where the next span begins."""
        return self._end

    @property
    def idle(self) -> bool:
        """Whether all that was given has been handed over."""
        return not self._queue

    def enqueue(self, samples: Samples) -> Span:
        """Put `samples` behind all that there is."""
        with self._lock:
            span = Span(self._end, self._end + len(samples))
            self._end = span.end
            self._queue.append(_Queued(span, samples))
            return span

    def sound_over(self, samples: Samples) -> None:
        """Let `samples` sound at once, over what is said, which is turned down meanwhile; in place of what sounded so before."""
        with self._lock:
            self._over = samples

    def pull(self, block: Samples, now: float, due: float) -> tuple[int, bool]:
        """Fill `block`, whose first frame sounds at `due`; what is not filled becomes silence.

        Returns:
            How many frames are sound, and whether a span started or was handed over as a whole: marks are due.
        """
        news = False
        with self._lock:
            filled = self._pull_tail(block)
            while filled < len(block) and self._queue:
                queued = self._queue[0]
                count = min(len(queued.samples) - queued.handed, len(block) - filled)
                block[filled : filled + count] = queued.samples[queued.handed : queued.handed + count]
                sounds = due + filled / self.rate
                if count:
                    self._segments.append((sounds, queued.span.start + queued.handed, count))
                if queued.started is None:
                    queued.started, news = now, True
                queued.handed += count
                self._handed = queued.span.start + queued.handed
                filled += count
                if queued.handed == len(queued.samples):
                    queued.ends, news = sounds + count / self.rate, True
                    self._sounding.append(self._queue.popleft())
            block[filled:] = 0.0
            self._apply_gain(block[:filled])
            filled = self._mix(block, filled)
        if (tap := self.tap) is not None:
            tap(block, filled, due, self.rate)
        return filled, news

    def heard(self, now: float) -> int:
        """Frames of the timeline that have been heard; never less than before, never more than was handed over."""
        with self._lock:
            return self._heard_by(now)

    def flush(self, now: float) -> int:
        """Drop what the device does not have yet, with a short fade instead of a click; marks report it.

        Returns:
            Frames of the timeline that have been or will be heard: the device plays out what it has.
        """
        with self._lock:
            if self._queue:
                queued = self._queue[0]
                if queued.handed:
                    rest = queued.samples[queued.handed :][: round(FADE_SECONDS * self.rate)]
                    self._tail = rest * np.linspace(1.0, 0.0, len(rest), dtype=np.float32)
                self._drop(now)
            return self._handed

    def lose(self, now: float) -> int:
        """The device went away at `now`: nothing more is heard, the rest is dropped; marks report it.

        Returns:
            Frames of the timeline that were heard.
        """
        with self._lock:
            heard = self._heard_by(now)
            while self._sounding and self._sounding[0].span.end <= heard:
                queued = self._sounding.popleft()
                self._ready.append(PlaybackMark("finished", queued.span, queued.ends or now))
            self._queue.extendleft(reversed(self._sounding))
            self._sounding.clear()
            self._segments.clear()
            self._tail = self._tail[:0]
            self._over, self._under = self._over[:0], 1.0
            self._handed = heard
            self._drop(now)
            return heard

    def rewind(self, now: float) -> None:
        """The device is closed for a moment: what it had and had not played is handed over again."""
        with self._lock:
            heard = self._heard_by(now)
            while self._sounding and self._sounding[-1].span.end > heard:
                self._queue.appendleft(self._sounding.pop())
            for queued in self._queue:
                queued.handed = max(0, min(queued.handed, heard - queued.span.start))
                queued.ends = None
            self._segments.clear()
            self._handed = heard

    def fade(self, gain: float, seconds: float) -> None:
        """Move the loudness to `gain` over `seconds` of sound."""
        with self._lock:
            self._target = gain
            self._step = (gain - self._gain) / max(1, round(seconds * self.rate))
            if not self._queue:
                self._gain = gain  # nothing sounds: the next word begins at the new loudness

    def marks(self, now: float) -> tuple[list[PlaybackMark], float | None]:
        """The marks that are due and were not given before, in order, and when the next one is due if that is known."""
        with self._lock:
            due: list[PlaybackMark] = []
            for queued in (*self._sounding, *self._queue):
                if queued.started is None:
                    break
                if not queued.told:
                    queued.told = True
                    due.append(PlaybackMark("started", queued.span, queued.started))
            while self._sounding and self._sounding[0].ends is not None and self._sounding[0].ends <= now:
                queued = self._sounding.popleft()
                due.append(PlaybackMark("finished", queued.span, queued.ends or now))
            due.extend(self._ready)
            self._ready.clear()
            due.sort(key=lambda mark: mark.at)
            return due, self._sounding[0].ends if self._sounding else None

    # ---- with the lock held

    def _mix(self, block: Samples, filled: int) -> int:
        """Add what sounds over all; how many frames are sound now."""
        count = min(len(self._over), len(block))
        if not count and self._under == 1.0:
            return filled
        target = UNDER if count else 1.0
        step = np.arange(1, filled + 1, dtype=np.float32) / (UNDER_SECONDS * self.rate)
        ramp = self._under + step * np.sign(target - self._under)
        np.clip(ramp, UNDER, 1.0, out=ramp)
        block[:filled] *= ramp
        self._under = float(ramp[-1]) if filled else target
        block[:count] += self._over[:count] * np.float32(self.volume)
        np.clip(block, -1.0, 1.0, out=block)
        self._over = self._over[count:]
        return max(filled, count)

    def _pull_tail(self, block: Samples) -> int:
        count = min(len(self._tail), len(block))
        block[:count] = self._tail[:count]
        self._tail = self._tail[count:]
        return count

    def _drop(self, now: float) -> None:
        self._ready.extend(PlaybackMark("dropped", queued.span, now) for queued in self._queue)
        self._queue.clear()

    def _heard_by(self, now: float) -> int:
        while self._segments:
            due, first, count = self._segments[0]
            if now < due + count / self.rate:
                if now > due:
                    self._heard = max(self._heard, first + int((now - due) * self.rate))
                break
            self._heard = max(self._heard, first + count)
            self._segments.popleft()
        return self._heard

    def _apply_gain(self, block: Samples) -> None:
        if self._gain == self._target == self.volume == 1.0 or not len(block):
            return
        ramp = self._gain + self._step * np.arange(1, len(block) + 1, dtype=np.float32)
        low, high = sorted((self._gain, self._target))
        np.clip(ramp, low, high, out=ramp)
        block *= ramp * np.float32(self.volume)
        self._gain = float(ramp[-1])
