"""The speaker, by way of PortAudio: one output stream that stays open.

PortAudio's own thread pulls blocks from the timeline, which notes when the device will sound them: that is the clock that knows
what has been heard. Marks are told by the `playback` thread, never by the callback; the same thread notices when callbacks stop,
which means that the device went away. It ends within 100 ms of `close`.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

import numpy as np

from vita_tui.audio.base import PlaybackMark, Samples, Span
from vita_tui.audio.devices import Device
from vita_tui.audio.portaudio import close_stream, open_stream, portaudio
from vita_tui.audio.stream import DeviceStream
from vita_tui.audio.timeline import Timeline
from vita_tui.audio.timeline_speaker import TimelineSpeaker
from vita_tui.clock import SUSPENDED_SECONDS, Clock
from vita_tui.errors import DeviceError

__all__ = ["DeviceSpeaker"]

log = logging.getLogger(__name__)

LATENCY = 0.03
"""Seconds that PortAudio is asked to buffer. What is buffered is still heard after a flush, which then takes 40 ms on PulseAudio."""
ROOMY_LATENCY = 0.08
"""The same on a machine that is too busy for that: there a flush stops the stream for a moment, at the price of a click."""
MOST_UNDERFLOWS = 3
"""Holes in what was played, after which the longer buffer is used."""
LOST_SECONDS = 2.0
"""Without a callback for this long, the device is gone."""
START_SECONDS = 4.0
"""The same just after opening: a null sink of PulseAudio wakes from idleness after up to two seconds."""
WATCH_SECONDS = 0.5
"""How often it is checked that callbacks come."""


class DeviceSpeaker(DeviceStream["_Output"], TimelineSpeaker):
    """A sound device as a `Speaker`; every method may be called from any thread."""

    def __init__(
        self,
        name: str = "",
        *,
        volume: float = 1.0,
        clock: Clock | None = None,
        lost_seconds: float = LOST_SECONDS,
    ) -> None:
        """
        Args:
            name: of the device, or a part of it; empty for the system's default.
            volume: 0 to 1.
            lost_seconds: without a callback for this long, the device is gone.
        """
        DeviceStream.__init__(self, name, "output")
        TimelineSpeaker.__init__(self, 48_000, clock)
        self.sample_rate = 0
        self._roomy = False
        self._cut = False
        """The stream is to be stopped for a moment, so that the device forgets what it has."""
        self._lost_seconds = lost_seconds
        self._timeline.volume = volume
        self._looked = self._clock.monotonic()
        """When the playback thread has looked after the device the last time."""
        self._lost = ""
        """Why nothing can be played until it is opened again."""
        self._underflows_before = 0

    @property
    def underflows(self) -> int:
        """Holes in what was played, since it was opened: blocks that came too late for the device."""
        output = self._running
        return self._underflows_before + (output.underflows if output is not None else 0)

    @property
    def volume(self) -> float:
        """Loudness of everything, 0 to 1, beside what `fade` does."""
        return self._timeline.volume

    @volume.setter
    def volume(self, value: float) -> None:
        self._timeline.volume = value

    def open(self) -> None:
        if self._lost:
            self.close()
        super().open()

    def enqueue(self, samples: Samples) -> Span:
        if self._lost:
            raise DeviceError(self._lost, remedy="Plug it in, or choose another: f2")
        if not self._open:
            raise DeviceError("The speaker is not open.", remedy="vita devices")
        return self._timeline.enqueue(samples)

    def played(self) -> int:
        return self._timeline.heard(self._clock.monotonic())

    def flush(self) -> int:
        now = self._clock.monotonic()
        if self._roomy:
            heard = self._timeline.lose(now)
            self._cut = True
        else:
            heard = self._timeline.flush(now)
        self._news.set()
        return heard

    def close(self) -> None:
        super().close()
        self._end_telling()

    # ---- under `portaudio()`

    def _begin(self) -> None:
        self._lost, self._underflows_before = "", 0

    def _opened(self) -> None:
        self._thread = threading.Thread(target=self._run, name="playback", daemon=True)
        self._thread.start()

    def suspend(self) -> None:
        """Close the stream while the list of devices is rebuilt; what it had not yet sounded is kept."""
        self._stop()
        self._timeline.rewind(self._clock.monotonic())

    def resume(self) -> None:
        """Open it again; when that does not work, the device is lost."""
        if self._open:
            rate = self.sample_rate
            try:
                self._start(stand_in=True)
                if self.sample_rate != rate:
                    self._lost = f"The speaker {self.name} works at another rate."
            except DeviceError as error:
                self._lost = error.message
            if self._lost:
                self._news.set()

    def _start_on(self, device: Device) -> _Output:
        rate, channels = _format(device, self.sample_rate)
        self._timeline.rate = self.sample_rate = rate
        output = _Output(self._timeline, self._news, self._clock)
        latency = ROOMY_LATENCY if self._roomy else LATENCY
        output.stream = open_stream(
            "OutputStream",
            self,
            device=device.index,
            samplerate=rate,
            channels=channels,
            latency=latency,
            # Three blocks to a buffer: PortAudio's four cost a third more.
            blocksize=round(rate * latency / 3),
            callback=output.callback,
            finished_callback=output.finish,
        )
        self.name = device.name
        return output

    def _stop(self) -> None:
        output, self._running = self._running, None
        if output is None:
            return
        self._underflows_before += output.underflows
        output.stopping = True
        close_stream(output.stream, self, f"speaker {self.name}")

    # ---- the playback thread

    def _run(self) -> None:
        wait = WATCH_SECONDS
        me = threading.current_thread()
        while self._open and not self._lost and self._thread is me:
            self._news.wait(wait)
            self._news.clear()
            if self._cut:
                self._cut_off()
            wait = self._tell_due()
            output = self._running
            if output is not None and output.underflows >= MOST_UNDERFLOWS and not self._roomy:
                self._make_room()
            if self._is_gone():
                self._lost = self._lost or f"The speaker {self.name} went away."
        if self._lost:
            now = self._clock.monotonic()
            self._timeline.lose(now)
            self._tell_due()
            self._tell(PlaybackMark("lost", None, now, self._lost))
        else:
            self._tell_due()

    def _cut_off(self) -> None:
        """Let the device forget what it has: 2 ms with ALSA."""
        self._cut = False
        with portaudio():
            output = self._running
            if output is None:
                return
            output.stopping = True
            output.stream.abort()
            output.stopping = False
            output.called = self._clock.monotonic()
            try:
                output.stream.start()
            except Exception:  # noqa: BLE001 - PortAudio's own error, whose module is not imported here: the device is gone
                output.finish()

    def _make_room(self) -> None:
        log.info("%s had %d holes: a longer buffer is used from now on", self.name, self.underflows)
        with portaudio():
            if self._open:
                self._roomy = True
                self.suspend()
                self.resume()

    def _tell_due(self) -> float:
        """Tell the marks that are due; seconds until the next one is."""
        now = self._clock.monotonic()
        following = self._tell_marks(now)
        return WATCH_SECONDS if following is None else min(WATCH_SECONDS, max(0.001, following - now))

    def _is_gone(self) -> bool:
        output = self._running
        if output is None:
            return False
        now, before = self._clock.monotonic(), self._looked
        self._looked = now
        if (
            now - before > WATCH_SECONDS + SUSPENDED_SECONDS
        ):  # nobody has looked: the program may have stood still
            output.called = now
        patience = self._lost_seconds if output.steady else max(START_SECONDS, self._lost_seconds)
        return output.ended or now - output.called > patience


class _Output:
    """One stream's life: what PortAudio's thread does."""

    def __init__(self, timeline: Timeline, news: threading.Event, clock: Clock) -> None:
        self._timeline = timeline
        self._news = news
        self._clock = clock
        self._began = self.called = clock.monotonic()
        """When the last callback came."""
        self.stream: Any = None
        self.ended = False
        self.stopping = False
        """We end it, not the device."""
        self._sounding = False
        """The block before held sound."""
        self.steady = False
        """Callbacks have come for longer than it takes to fill the device's buffer."""
        self.underflows = 0

    def callback(self, out: Any, frames: int, times: Any, status: Any) -> None:
        now = self._clock.monotonic()
        delay = times.outputBufferDacTime - times.currentTime
        if status.output_underflow and self._sounding:
            self.underflows += 1
            self._news.set()
        self.steady = self.steady or now - self._began > 0.5
        self.called = now
        mono = np.empty(frames, np.float32)
        filled, news = self._timeline.pull(mono, now, now + (delay if 0.0 < delay < 1.0 else 0.0))
        self._sounding = filled == frames
        out[:] = mono[:, np.newaxis]
        if news:
            self._news.set()

    def finish(self) -> None:
        """The stream ended, by us or by the device."""
        if not self.stopping:
            self.ended = True
            self._news.set()


def _format(device: Device, preferred: int) -> tuple[int, int]:
    """The sample rate and the channels to open `device` with; `preferred` Hertz if it is not 0 and can be had."""
    own = round(device.rate)
    with portaudio() as sd:
        for rate in dict.fromkeys((preferred or own, own, 48_000, 44_100)):
            for channels in dict.fromkeys((1, 2, device.channels)):
                try:
                    sd.check_output_settings(
                        device=device.index, samplerate=rate, channels=channels, dtype="float32"
                    )
                except (sd.PortAudioError, ValueError):
                    continue
                return rate, channels
    return own, min(2, device.channels)
