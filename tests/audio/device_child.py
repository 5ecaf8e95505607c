"""A program with one sound device, told by lines on standard input what to do; tells by lines of JSON what happens."""

from __future__ import annotations

import json
import sys
import threading

import numpy as np

from vita_tui.audio.base import SAMPLE_RATE, PlaybackMark, Samples
from vita_tui.audio.capture import DeviceMicrophone
from vita_tui.audio.playback import DeviceSpeaker
from vita_tui.errors import DeviceError

_saying = threading.Lock()


def say(what: str, **more: object) -> None:
    with _saying:
        print(json.dumps({"what": what, **more}), flush=True)


def speaker() -> None:
    """`play HERTZ SECONDS`, `flush`, `played`, `close`."""
    device = DeviceSpeaker()

    def tell(mark: PlaybackMark) -> None:
        span = None if mark.span is None else [mark.span.start, mark.span.end]
        say(mark.kind, span=span, played=device.played(), reason=mark.reason)

    device.subscribe(tell)
    device.open()
    say("open", rate=device.sample_rate)
    for line in sys.stdin:
        match line.split():
            case ["play", hertz, seconds]:
                t = np.arange(round(float(seconds) * device.sample_rate)) / device.sample_rate
                try:
                    span = device.enqueue((0.4 * np.sin(2 * np.pi * float(hertz) * t)).astype(np.float32))
                    say("queued", span=[span.start, span.end])
                except DeviceError as error:
                    say("refused", reason=str(error))
            case ["flush"]:
                say("flushed", heard=device.flush())
            case ["played"]:
                say("position", played=device.played())
            case ["close"]:
                device.close()
                say("closed", threads=[thread.name for thread in threading.enumerate()])
                return


def microphone() -> None:
    """Tells of every half second of sound: its loudest frequency and level; ends when the device does."""
    device = DeviceMicrophone()
    device.open()
    say("open")
    samples: list[Samples] = []
    expected = 0
    try:
        while True:
            frame = device.read(0.5)
            if frame is None:
                continue
            if frame.position != expected:
                say("gap", samples=frame.position - expected)
            expected = frame.position + len(frame.samples)
            samples.append(frame.samples)
            if len(samples) * len(frame.samples) >= SAMPLE_RATE // 2:
                sound = np.concatenate(samples)
                samples.clear()
                loudest = float(np.argmax(np.abs(np.fft.rfft(sound)))) * SAMPLE_RATE / len(sound)
                say("heard", hertz=loudest, level=float(np.sqrt(np.mean(sound**2))))
    except DeviceError as error:
        say("error", reason=str(error))
    device.close()


if __name__ == "__main__":
    {"speaker": speaker, "microphone": microphone}[sys.argv[1]]()
