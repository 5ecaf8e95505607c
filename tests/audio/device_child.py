"""A program with one sound device, told by lines on standard input what to do; tells by lines of JSON what happens."""

from __future__ import annotations

import json
import sys
import threading

import numpy as np

from vita_tui.audio.base import SAMPLE_RATE, PlaybackMark, Samples
from vita_tui.audio.capture import DeviceMicrophone
from vita_tui.audio.device_speaker import DeviceSpeaker
from vita_tui.errors import DeviceError

_saying = threading.Lock()


def say(what: str, **more: object) -> None:
    with _saying:
        print(json.dumps({"what": what, **more}), flush=True)


def speaker(name: str) -> None:
    """`play HERTZ SECONDS`, `flush`, `played`, `open`, `use NAME`, `close`."""
    device = DeviceSpeaker(name)
    device.on_change(lambda: say("changed", name=device.name, missing=device.missing))

    def tell(mark: PlaybackMark) -> None:
        span = None if mark.span is None else [mark.span.start, mark.span.end]
        say(mark.kind, span=span, played=device.played(), reason=mark.reason)

    device.subscribe(tell)
    device.open()
    say("open", rate=device.sample_rate, name=device.name, missing=device.missing)
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
                before = device.played()
                say("flushed", heard=device.flush(), before=before)
            case ["open"]:
                device.open()
                say("open", rate=device.sample_rate, name=device.name, missing=device.missing)
            case ["use", *words]:
                device.use(" ".join(words))
                say("using", name=device.name, missing=device.missing)
            case ["played"]:
                say("position", played=device.played())
            case ["close"]:
                device.close()
                say("closed", threads=[thread.name for thread in threading.enumerate()])
                return


def microphone(name: str) -> None:
    """Tells of every half second of sound: its loudest frequency and level; opens a device that went away once more."""
    device = DeviceMicrophone(name)
    device.on_change(lambda: say("changed", name=device.name, missing=device.missing))
    device.open()
    say("open", name=device.name, missing=device.missing)
    for _ in range(2):
        _listen(device)
        device.close()
        try:
            device.open()
        except DeviceError as error:
            say("refused", reason=str(error))
            break
        say("open", name=device.name, missing=device.missing)
    device.close()


def _listen(device: DeviceMicrophone) -> None:
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


if __name__ == "__main__":
    {"speaker": speaker, "microphone": microphone}[sys.argv[1]]("".join(sys.argv[2:]))
