"""The microphone, by way of PortAudio.

PortAudio's own thread calls back with a block; the callback copies it into a ring and nothing else. The listener thread reads
the ring, resamples to 16 kHz where the device cannot, and cuts frames. A stream whose callbacks stop is a device that went away.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from vita_tui.audio.base import BLOCK, SAMPLE_RATE, Frame, Samples
from vita_tui.audio.devices import Device
from vita_tui.audio.portaudio import close_stream, open_stream, portaudio
from vita_tui.audio.ring import Chunk, Ring
from vita_tui.audio.stream import DeviceStream
from vita_tui.clock import SUSPENDED_SECONDS, Clock, SystemClock
from vita_tui.errors import DeviceError

__all__ = ["DeviceMicrophone"]

RING_SECONDS = 5.0
"""How long the listener may be busy elsewhere before sound is lost."""
LOST_SECONDS = 2.0
"""Without a callback for this long, the device is gone."""
START_SECONDS = 4.0
"""The same for the first callback: PulseAudio's null sinks, and their monitors, wake from idleness after up to two seconds."""
MAX_CHANNELS = 8
BLOCK_SECONDS = 0.02
"""Of a callback. With PortAudio's own choice blocks come every 2 ms, at three times the cost."""
LATENCIES: tuple[float | str, ...] = (0.06, "high")
"""What PortAudio is asked to buffer; the next one is tried when a device has never called back."""


class DeviceMicrophone(DeviceStream["_Intake"]):
    """A sound device as a `Microphone`; read by one thread, the listener. The rest may be called from any thread."""

    def __init__(
        self, name: str = "", *, clock: Clock | None = None, lost_seconds: float = LOST_SECONDS
    ) -> None:
        """
        Args:
            name: of the device, or a part of it; empty for the system's default.
            lost_seconds: without sound for this long, the device is gone.
        """
        super().__init__(name, "input")
        self._clock = clock or SystemClock()
        self._lost_seconds = lost_seconds
        self._settled = threading.Event()
        """Not set while the stream is suspended."""
        self._settled.set()
        self._error: DeviceError | None = None
        """Why it could not be resumed."""
        self._attempt = 0
        """Index into `LATENCIES`."""
        # What follows belongs to the reading thread.
        self._looked = self._clock.monotonic()
        """When there was no sound the last time."""
        self._reading: _Intake | None = None
        self._resampler: Any = None
        self._rest: Samples = np.zeros(0, np.float32)
        """Resampled and not yet given out."""
        self._position = 0
        """Of the first sample in `_rest`."""
        self._expected = 0
        """The intake's next sample, unless some are lost."""
        self._captured = 0.0
        """When the last sample in `_rest` was captured."""
        self._lost_before = 0.0
        self._overflows_before = 0

    @property
    def lost_seconds(self) -> float:
        """Sound that was missed since the microphone was opened."""
        intake = self._running
        return self._lost_before + (intake.ring.lost / intake.rate if intake is not None else 0.0)

    @property
    def overflows(self) -> int:
        """Blocks before which PortAudio lost sound, since the microphone was opened."""
        intake = self._running
        return self._overflows_before + (intake.overflows if intake is not None else 0)

    def read(self, timeout: float) -> Frame | None:
        deadline = self._clock.monotonic() + timeout
        while len(self._rest) < BLOCK:
            left = max(0.0, deadline - self._clock.monotonic())
            if not self._settled.wait(left):  # the list of devices is being rebuilt
                return None
            intake = self._running
            if intake is None:
                raise self._error or DeviceError("The microphone is not open.", remedy="vita devices")
            needed = -(-(BLOCK - len(self._rest)) * intake.rate // SAMPLE_RATE)
            chunk = intake.ring.read(needed, left)
            if chunk is not None:
                self._take(intake, chunk)
            elif intake is self._running:
                self._check_alive(intake, timeout)
                return None
        samples, self._rest = self._rest[:BLOCK], self._rest[BLOCK:]
        frame = Frame(samples, self._position, self._captured - len(self._rest) / SAMPLE_RATE)
        self._position += BLOCK
        return frame

    def close(self) -> None:
        super().close()
        self._settled.set()

    # ---- under `portaudio()`

    def _begin(self) -> None:
        self._lost_before, self._overflows_before = 0.0, 0
        self._error = None
        self._reading = None
        self._rest = self._rest[:0]
        self._position = 0

    def _opened(self) -> None: ...

    def suspend(self) -> None:
        """Close the stream while the list of devices is rebuilt."""
        self._settled.clear()
        self._stop()

    def resume(self) -> None:
        """Open it again; `read` raises why that did not work."""
        try:
            if self._open:
                self._start(stand_in=True)
        except DeviceError as error:
            self._error = error
        finally:
            self._settled.set()

    def _start_on(self, device: Device) -> _Intake:
        intake = _Intake(device, self._clock)
        latency = LATENCIES[self._attempt % len(LATENCIES)]
        intake.stream = open_stream(
            "InputStream",
            self,
            device=device.index,
            samplerate=intake.rate,
            channels=intake.channels,
            latency=latency,
            blocksize=round(intake.rate * BLOCK_SECONDS) if latency != "high" else 0,
            callback=intake.callback,
            finished_callback=intake.ring.end,
        )
        self.name = device.name
        return intake

    def _stop(self) -> None:
        intake, self._running = self._running, None
        if intake is None:
            return
        self._lost_before += intake.ring.lost / intake.rate
        self._overflows_before += intake.overflows
        intake.ring.end()
        close_stream(intake.stream, self, f"microphone {self.name}")

    # ---- in the reading thread

    def _take(self, intake: _Intake, chunk: Chunk) -> None:
        """Resample a chunk; where sound was lost before it, start again at its true position."""
        if intake is not self._reading:
            began = chunk.captured - len(chunk.samples) / intake.rate
            lost = max(0.0, began - self._captured) if self._reading is not None else 0.0
            self._lost_before += lost
            self._restart(intake, self._position + len(self._rest) + round(lost * SAMPLE_RATE))
        elif chunk.position != self._expected:
            lost_samples = (chunk.position - self._expected) * SAMPLE_RATE / intake.rate
            self._restart(intake, self._position + len(self._rest) + round(lost_samples))
        self._expected = chunk.position + len(chunk.samples)
        self._captured = chunk.captured
        samples = chunk.samples if self._resampler is None else self._resampler.resample_chunk(chunk.samples)
        self._rest = np.concatenate((self._rest, samples)) if len(self._rest) else samples

    def _restart(self, intake: _Intake, position: int) -> None:
        self._reading = intake
        self._rest = self._rest[:0]
        self._position = position
        self._resampler = None
        if intake.rate != SAMPLE_RATE:
            import soxr

            self._resampler = soxr.ResampleStream(intake.rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")

    def _check_alive(self, intake: _Intake, timeout: float) -> None:
        now, before = self._clock.monotonic(), self._looked
        self._looked = now
        if now - before > timeout + SUSPENDED_SECONDS:  # nobody has looked: the program may have stood still
            intake.called = now
        silent = now - intake.called
        if intake.ring.ended or (intake.ring.written and silent > self._lost_seconds):
            raise DeviceError(
                f"The microphone {self.name} went away.", remedy="Plug it in, or choose another: f2"
            )
        if not intake.ring.written and silent > max(START_SECONDS, self._lost_seconds):
            self._attempt += 1
            raise DeviceError(f"The microphone {self.name} gives no sound.", remedy="Choose another: f2")


class _Intake:
    """One stream's life: what PortAudio's thread writes."""

    def __init__(self, device: Device, clock: Clock) -> None:
        self._clock = clock
        self.rate, self.channels = _format(device)
        self.ring = Ring(round(RING_SECONDS * self.rate), self.rate)
        self.stream: Any = None
        self.called = clock.monotonic()
        """When the last callback came."""
        self.overflows = 0

    def callback(self, block: Any, frames: int, times: Any, status: Any) -> None:
        """In PortAudio's thread: copy and go."""
        now = self._clock.monotonic()
        if status.input_overflow:
            self.overflows += 1
            # What is missing is silence, so that positions stay truthful.
            missing = int((now - self.called) * self.rate) - frames
            if 0 < missing < self.rate:
                self.ring.write(np.zeros(missing, np.float32), now - frames / self.rate)
        self.called = now
        delay = times.currentTime - times.inputBufferAdcTime - frames / self.rate
        captured = now - delay if 0.0 < delay < 1.0 else now
        self.ring.write(block[:, 0] if block.shape[1] == 1 else block.mean(axis=1), captured)


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
