"""The speaker, by way of PortAudio: one output stream that stays open.

PortAudio's own thread pulls blocks from a queue of spans. It counts the frames that it hands to the device and notes when the
device will sound them: that is the clock that knows what has been heard. Marks are told by the `playback` thread, never by the
callback; the same thread notices when callbacks stop, which means that the device went away.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from vita_tui.audio.base import PlaybackMark, Samples, Span
from vita_tui.audio.devices import Device, close_stream, find, open_stream, portaudio, refresh
from vita_tui.errors import DeviceError
from vita_tui.health.registry import Entry, registry

__all__ = ["DeviceSpeaker"]

log = logging.getLogger(__name__)

FADE_SECONDS = 0.005
"""A cut shorter than this clicks."""
LOST_SECONDS = 2.0
LATENCIES: tuple[float | str, ...] = (0.03, 0.02, "high", 0.1)
"""Seconds that PortAudio is asked to buffer, in order of trial: what is buffered is still heard after a flush, so little;
but ALSA's plugin for PulseAudio underruns without end at some lengths, so the first second is watched."""
SETTLE_SECONDS = 0.15
MOST_UNDERFLOWS = 4
"""While settling; one at the start is usual."""


class DeviceSpeaker:
    """A sound device as a `Speaker`."""

    def __init__(self, name: str = "") -> None:
        """
        Args:
            name: of the device, or a part of it; empty for the system's default.
        """
        self._wanted = name
        self.name = name or "default speaker"
        self.sample_rate = 0
        self._lock = threading.Lock()
        """Held by the callback for one block, and by others as briefly."""
        self._stream: Any = None
        self._entry: Entry | None = None
        self._thread: threading.Thread | None = None
        self._marks: queue.SimpleQueue[tuple[PlaybackMark, float] | None] = queue.SimpleQueue()
        """What to tell, and when."""
        self._subscribers: tuple[Callable[[PlaybackMark], None], ...] = ()
        self._reset()
        self.underflows = 0
        """Blocks that came too late for the device."""

    def _reset(self) -> None:
        self._queue: deque[tuple[Span, Samples]] = deque()
        self._offset = 0
        """Frames of the first span in the queue that were handed over."""
        self._tail: Samples = np.zeros(0, np.float32)
        """The fade after a flush."""
        self._end = 0
        self._handed = 0
        """Frames of the timeline that were handed to the device, or dropped."""
        self._segments: deque[tuple[float, int, int]] = deque(maxlen=256)
        """When the device sounds them (monotonic seconds), first frame, number of frames."""
        self._heard = 0
        self._gain = self._target = 1.0
        self._step = 0.0
        """Change of gain for each frame."""
        self._last_callback = time.monotonic()
        self._ended = False
        self._lost = False

    def open(self) -> None:
        if self._stream is not None:
            return
        refresh()
        device = find(self._wanted, "output")
        rate, channels = _format(device)
        with self._lock:
            self._reset()
            self.sample_rate = rate
        self._stream = self._open_steadily(device, rate, channels)
        self.name = device.name
        self._marks = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._notify, name="playback", daemon=True)
        self._entry = registry.register(
            self._stream,
            kind="stream",
            name=f"speaker {device.name}",
            owner="audio.playback",
            close=self.close,
        )
        self._thread.start()

    def _open_steadily(self, device: Device, rate: int, channels: int) -> Any:
        """A stream that does not underrun; if all do, the one with the longest buffer."""
        for latency in LATENCIES:
            before = self.underflows
            stream = open_stream(
                "OutputStream",
                device=device.index,
                samplerate=rate,
                channels=channels,
                latency=latency,
                callback=self._callback,
                finished_callback=self._finished,
            )
            time.sleep(SETTLE_SECONDS)
            if self.underflows - before <= MOST_UNDERFLOWS or latency == LATENCIES[-1]:
                return stream
            log.info("%s underruns with a buffer of %s s", device.name, latency)
            close_stream(stream, f"speaker {device.name}")
            self._ended = False
        raise AssertionError("the last latency is always taken")

    def enqueue(self, samples: Samples) -> Span:
        if self._stream is None or self._lost:
            raise DeviceError("The speaker is not open.", remedy="vita devices")
        with self._lock:
            span = Span(self._end, self._end + len(samples))
            self._end = span.end
            self._queue.append((span, samples))
        return span

    def played(self) -> int:
        now = time.monotonic()
        with self._lock:
            return self._now_heard(now)

    def flush(self) -> int:
        now = time.monotonic()
        with self._lock:
            # What the device already has will sound; a short fade follows it instead of a click.
            heard = self._handed
            if self._queue:
                _, samples = self._queue[0]
                rest = samples[self._offset : self._offset + round(FADE_SECONDS * self.sample_rate)]
                self._tail = rest * np.linspace(1.0, 0.0, len(rest), dtype=np.float32)
            dropped = [span for span, _ in self._queue]
            self._queue.clear()
            self._offset = 0
            self._handed = self._heard = self._end
            self._segments.clear()
        for span in dropped:
            self._marks.put((PlaybackMark("dropped", span, now), now))
        return heard

    def fade(self, gain: float, seconds: float) -> None:
        with self._lock:
            self._target = gain
            frames = max(1, round(seconds * self.sample_rate))
            self._step = (gain - self._gain) / frames

    def subscribe(self, callback: Callable[[PlaybackMark], None]) -> Callable[[], None]:
        with self._lock:
            self._subscribers = (*self._subscribers, callback)

        def end() -> None:
            with self._lock:
                self._subscribers = tuple(one for one in self._subscribers if one is not callback)

        return end

    def close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            self._marks.put(None)
            close_stream(stream, f"speaker {self.name}")
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=1.0)
        if self._entry is not None:
            self._entry.leave()

    # ---- PortAudio's thread

    def _callback(self, out: Any, frames: int, times: Any, status: Any) -> None:
        now = time.monotonic()
        delay = times.outputBufferDacTime - times.currentTime
        due = now + (delay if 0.0 < delay < 1.0 else 0.0)
        if status.output_underflow:
            self.underflows += 1
        mono = np.zeros(frames, np.float32)
        with self._lock:
            self._last_callback = now
            filled = self._fill_tail(mono)
            while filled < frames and self._queue:
                filled = self._fill_from_queue(mono, filled, now, due)
            self._apply_gain(mono)
        out[:] = mono[:, np.newaxis]

    def _fill_tail(self, mono: Samples) -> int:
        count = min(len(self._tail), len(mono))
        mono[:count] = self._tail[:count]
        self._tail = self._tail[count:]
        return count

    def _fill_from_queue(self, mono: Samples, filled: int, now: float, due: float) -> int:
        span, samples = self._queue[0]
        count = min(len(samples) - self._offset, len(mono) - filled)
        mono[filled : filled + count] = samples[self._offset : self._offset + count]
        sounds = due + filled / self.sample_rate
        if self._offset == 0:
            self._marks.put((PlaybackMark("started", span, now), now))
        if count:
            self._segments.append((sounds, span.start + self._offset, count))
        self._offset += count
        self._handed = span.start + self._offset
        if self._offset >= len(samples):
            heard = sounds + count / self.sample_rate
            self._marks.put((PlaybackMark("finished", span, heard), heard))
            self._queue.popleft()
            self._offset = 0
        return filled + count

    def _apply_gain(self, mono: Samples) -> None:
        if self._gain == self._target == 1.0:
            return
        ramp = self._gain + self._step * np.arange(1, len(mono) + 1, dtype=np.float32)
        low, high = sorted((self._gain, self._target))
        ramp = np.clip(ramp, low, high)
        mono *= ramp
        self._gain = float(ramp[-1])

    def _finished(self) -> None:
        self._ended = True

    # ---- the playback thread

    def _notify(self) -> None:
        while True:
            try:
                item = self._marks.get(timeout=0.5)
            except queue.Empty:
                if self._stream is not None and not self._lost and self._is_gone():
                    self._lost = True
                    reason = f"The speaker {self.name} went away."
                    self._tell(PlaybackMark("lost", None, time.monotonic(), reason))
                    return
                continue
            if item is None:
                return
            mark, due = item
            while (left := due - time.monotonic()) > 0 and self._stream is not None:
                time.sleep(min(left, 0.05))
            self._tell(mark)

    def _is_gone(self) -> bool:
        return self._ended or time.monotonic() - self._last_callback > LOST_SECONDS

    def _tell(self, mark: PlaybackMark) -> None:
        for subscriber in self._subscribers:
            subscriber(mark)

    def _now_heard(self, now: float) -> int:
        """With the lock held."""
        for due, first, count in self._segments:
            if due > now:
                break
            self._heard = max(self._heard, first + min(count, int((now - due) * self.sample_rate)))
        return self._heard


def _format(device: Device) -> tuple[int, int]:
    """The sample rate and the channels to open `device` with."""
    own = round(device.rate)
    with portaudio() as sd:
        for rate in dict.fromkeys((own, 48_000, 44_100)):
            for channels in (1, 2, device.channels):
                try:
                    sd.check_output_settings(
                        device=device.index, samplerate=rate, channels=channels, dtype="float32"
                    )
                except (sd.PortAudioError, ValueError):
                    continue
                return rate, channels
    return own, min(2, device.channels)
