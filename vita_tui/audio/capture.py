"""The microphone, by way of PortAudio.

PortAudio's own thread calls back with a block; the callback copies it into a ring and nothing else. The listener thread reads
the ring, resamples to 16 kHz where the device cannot, and cuts frames. A stream whose callbacks stop is a device that went away.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import Any

import numpy as np

from vita_tui.audio.base import BLOCK, SAMPLE_RATE, Frame, Samples
from vita_tui.audio.devices import Device, close_stream, find, open_stream, portaudio, refresh
from vita_tui.audio.ring import Ring
from vita_tui.errors import DeviceError
from vita_tui.health.registry import Entry, registry

__all__ = ["DeviceMicrophone"]

log = logging.getLogger(__name__)

RING_SECONDS = 5.0
"""How long the listener may be busy elsewhere before sound is lost."""
LOST_SECONDS = 2.0
"""Without a callback for this long, the device is gone."""
MAX_CHANNELS = 8
BLOCK_SECONDS = 0.02
"""Of a callback. With PortAudio's own choice blocks come every 2 ms, at three times the cost."""
LATENCIES: tuple[float | str, ...] = ("low", 0.04, "high")
"""What PortAudio is asked for, in order of trial: at some lengths ALSA's plugin for PulseAudio never calls back, so the first
block is waited for."""
FIRST_SECONDS = 0.5


class DeviceMicrophone:
    """A sound device as a `Microphone`; opened, read and closed by the listener thread."""

    def __init__(self, name: str = "") -> None:
        """
        Args:
            name: of the device, or a part of it; empty for the system's default.
        """
        self._wanted = name
        self.name = name or "default microphone"
        self._lock = threading.Lock()
        self._stream: Any = None
        self._entry: Entry | None = None
        self._ring = Ring(1)
        self._rate = SAMPLE_RATE
        self._resampler: Any = None
        self._ready: deque[Samples] = deque()
        self._ready_samples = 0
        self._position = 0
        self._last_callback = 0.0
        self._delay = 0.0
        """Seconds between a block's last sample and its callback."""
        self._ended = False
        self.overflows = 0
        """Blocks before which PortAudio lost sound."""

    @property
    def lost_samples(self) -> int:
        """Samples, at the device's rate, that were not read in time."""
        return self._ring.lost

    def open(self) -> None:
        with self._lock:
            if self._stream is not None:
                return
            refresh()  # a device that was plugged in since then; does nothing while the speaker's stream is open
            device = find(self._wanted, "input")
            rate, channels = _format(device)
            self._rate = rate
            self._ring = Ring(round(RING_SECONDS * rate))
            self._resampler = None
            if rate != SAMPLE_RATE:
                import soxr

                self._resampler = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
            self._ready.clear()
            self._ready_samples = 0
            self._position = 0
            self._ended = False
            self._last_callback = time.monotonic()
            self._stream = self._open_steadily(device, rate, channels)
            self.name = device.name
            self._entry = registry.register(
                self._stream,
                kind="stream",
                name=f"microphone {device.name}",
                owner="audio.capture",
                close=self.close,
            )

    def _open_steadily(self, device: Device, rate: int, channels: int) -> Any:
        """A stream whose callbacks come."""
        for latency in LATENCIES:
            stream = open_stream(
                "InputStream",
                device=device.index,
                samplerate=rate,
                channels=channels,
                latency=latency,
                blocksize=round(rate * BLOCK_SECONDS) if latency == "low" else 0,
                callback=self._callback,
                finished_callback=self._finished,
            )
            if self._ring.wait(FIRST_SECONDS):
                return stream
            log.info("%s gives no sound with a buffer of %s s", device.name, latency)
            close_stream(stream, f"microphone {device.name}")
            self._ended = False
        raise DeviceError(f"The microphone {device.name} gives no sound.", remedy="Choose another: f2")

    def read(self, timeout: float) -> Frame | None:
        deadline = time.monotonic() + timeout
        block = max(1, self._rate // 100)
        while self._ready_samples < BLOCK:
            left = deadline - time.monotonic()
            if left <= 0:
                self._check_alive()
                return None
            _, raw = self._ring.read(block, left, ended=lambda: self._ended)
            if not len(raw):
                self._check_alive()
                if self._ended:
                    return None
                continue
            samples = raw if self._resampler is None else self._resampler.resample_chunk(raw)
            if len(samples):
                self._ready.append(samples)
                self._ready_samples += len(samples)
        joined = np.concatenate(self._ready)
        rest = joined[BLOCK:]
        self._ready.clear()
        if len(rest):
            self._ready.append(rest)
        self._ready_samples = len(rest)
        frame = Frame(joined[:BLOCK], self._position, self._captured(len(rest)))
        self._position += BLOCK
        return frame

    def close(self) -> None:
        with self._lock:
            stream, self._stream = self._stream, None
        self._ended = True
        self._ring.wake()
        if stream is not None:
            close_stream(stream, f"microphone {self.name}")
        if self._entry is not None:
            self._entry.leave()

    # ----

    def _callback(self, block: Any, frames: int, times: Any, status: Any) -> None:
        """In PortAudio's thread: copy and go."""
        now = time.monotonic()
        self._last_callback = now
        delay = times.currentTime - times.inputBufferAdcTime - frames / self._rate
        self._delay = delay if 0.0 <= delay < 1.0 else 0.0
        if status.input_overflow:
            self.overflows += 1
        self._ring.write(block[:, 0] if block.shape[1] == 1 else block.mean(axis=1))

    def _finished(self) -> None:
        """In PortAudio's thread: the stream ended, by us or by the device."""
        self._ended = True
        self._ring.wake()

    def _captured(self, behind: int) -> float:
        """Monotonic seconds at which the last sample of a frame was captured, with `behind` samples read after it."""
        unread = (self._ring.written - self._ring.position) / self._rate
        return self._last_callback - self._delay - unread - behind / SAMPLE_RATE

    def _check_alive(self) -> None:
        if self._stream is None:
            raise DeviceError("The microphone is not open.")
        if self._ended or time.monotonic() - self._last_callback > LOST_SECONDS:
            raise DeviceError(
                f"The microphone {self.name} went away.", remedy="Plug it in, or choose another: f2"
            )


def _format(device: Device) -> tuple[int, int]:
    """The sample rate and the channels to open `device` with: 16 kHz mono where it can."""
    own = round(device.rate)
    with portaudio() as sd:
        for rate, channels in ((SAMPLE_RATE, 1), (own, 1), (own, min(device.channels, MAX_CHANNELS))):
            try:
                sd.check_input_settings(
                    device=device.index, samplerate=rate, channels=channels, dtype="float32"
                )
            except (sd.PortAudioError, ValueError):
                continue
            return rate, channels
    return own, min(device.channels, MAX_CHANNELS)
