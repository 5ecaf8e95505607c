"""What every speaker does with its timeline, whether it is a device or a file."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from vita_tui.audio.base import PlaybackMark, Samples
from vita_tui.audio.reference import Tap
from vita_tui.audio.timeline import Timeline
from vita_tui.clock import Clock, SystemClock

__all__ = ["TimelineSpeaker"]

log = logging.getLogger(__name__)


class TimelineSpeaker:
    """The part of a `Speaker` that is about what is played and not about where; every method may be called from any thread."""

    def __init__(self, sample_rate: int, clock: Clock | None) -> None:
        """
        Args:
            sample_rate: Hertz, of the timeline.
        """
        self._clock = clock or SystemClock()
        self._timeline = Timeline(sample_rate)
        self._news = threading.Event()
        """Marks may be due, or the thread that tells them should end."""
        self._thread: threading.Thread | None = None
        """Which tells the marks."""
        self._subscribing = threading.Lock()
        self._subscribers: tuple[Callable[[PlaybackMark], None], ...] = ()

    def fade(self, gain: float, seconds: float) -> None:
        """See `Speaker.fade`."""
        self._timeline.fade(gain, seconds)

    def sound_over(self, samples: Samples) -> None:
        """See `Speaker.sound_over`."""
        self._timeline.sound_over(samples)
        self._news.set()

    def tap(self, tap: Tap | None) -> None:
        """See `Tappable.tap`."""
        self._timeline.tap = tap

    def subscribe(self, callback: Callable[[PlaybackMark], None]) -> Callable[[], None]:
        """See `Speaker.subscribe`."""
        with self._subscribing:
            self._subscribers = (*self._subscribers, callback)

        def end() -> None:
            with self._subscribing:
                self._subscribers = tuple(one for one in self._subscribers if one is not callback)

        return end

    # ---- for the speaker itself

    def _end_telling(self) -> None:
        """What was not heard is lost, and the thread ends; waits for it unless it is the one that calls."""
        self._timeline.lose(self._clock.monotonic())
        self._news.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=1.0)

    def _tell_marks(self, until: float) -> float | None:
        """Tell the marks that are due; when the next one is, in monotonic seconds.

        Args:
            until: monotonic seconds up to which what was handed over has been heard.
        """
        marks, following = self._timeline.marks(until)
        for mark in marks:
            self._tell(mark)
        return following

    def _tell(self, mark: PlaybackMark) -> None:
        for subscriber in self._subscribers:
            try:
                subscriber(mark)
            except Exception:
                log.exception("a subscriber failed on %s", mark)
