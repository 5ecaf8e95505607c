"""Devices of every rate and number of channels: what they are opened with, and what becomes of their sound."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from vita_tui.audio import capture, device_speaker
from vita_tui.audio.devices import Device
from vita_tui.audio.fallback import open_wanted
from vita_tui.audio.portaudio import portaudio
from vita_tui.audio.timeline import Timeline
from vita_tui.clock import FakeClock
from vita_tui.errors import DeviceError

pytestmark = pytest.mark.audio


def device(kind: Any, channels: int, rate: float) -> Device:
    return Device(kind, "box", "ALSA", channels, rate, default=True, index=0)


def takes(monkeypatch: pytest.MonkeyPatch, *formats: tuple[int, int]) -> None:
    """Let every device take only these: (rate, channels)."""
    with portaudio() as sd:

        def check(*, device: int, samplerate: float, channels: int, dtype: str) -> None:
            del device, dtype
            if (samplerate, channels) not in formats:
                raise sd.PortAudioError("Invalid sample rate")

        monkeypatch.setattr(sd, "check_input_settings", check)
        monkeypatch.setattr(sd, "check_output_settings", check)


@pytest.mark.parametrize(
    ("channels", "rate", "formats", "chosen"),
    [
        (1, 48_000, [(16_000, 1), (48_000, 1)], (16_000, 1)),
        (1, 44_100, [(44_100, 1)], (44_100, 1)),
        (2, 48_000, [(48_000, 2)], (48_000, 2)),
        (32, 96_000, [(96_000, 8)], (96_000, 8)),
        (2, 48_000, [], (48_000, 2)),  # opening it then says why not
    ],
)
def test_a_microphone_is_opened_with_what_it_can(
    monkeypatch: pytest.MonkeyPatch,
    channels: int,
    rate: int,
    formats: list[tuple[int, int]],
    chosen: tuple[int, int],
) -> None:
    takes(monkeypatch, *formats)
    assert capture._format(device("input", channels, rate)) == chosen


@pytest.mark.parametrize(
    ("preferred", "formats", "chosen"),
    [
        (0, [(44_100, 1)], (44_100, 1)),
        (48_000, [(48_000, 2), (44_100, 1)], (48_000, 2)),  # what it was, if that can be had
        (24_000, [(44_100, 6)], (44_100, 6)),
        (0, [(48_000, 2)], (48_000, 2)),
    ],
)
def test_a_speaker_is_opened_with_what_it_can(
    monkeypatch: pytest.MonkeyPatch, preferred: int, formats: list[tuple[int, int]], chosen: tuple[int, int]
) -> None:
    takes(monkeypatch, *formats)
    assert device_speaker._format(device("output", 6, 44_100), preferred) == chosen


@pytest.mark.parametrize("channels", [1, 2, 8])
def test_every_channel_is_heard_and_sounds(monkeypatch: pytest.MonkeyPatch, channels: int) -> None:
    takes(monkeypatch, (16_000, channels))
    intake = capture._Intake(device("input", channels, 16_000), FakeClock())
    block = np.tile(np.linspace(-1, 1, 320, dtype=np.float32)[:, np.newaxis], channels)
    times = SimpleNamespace(currentTime=1.0, inputBufferAdcTime=0.97, outputBufferDacTime=1.02)
    fine = SimpleNamespace(input_overflow=False, output_underflow=False)
    intake.callback(block, 320, times, fine)
    chunk = intake.ring.read(320, 0.0)
    assert chunk is not None
    assert np.allclose(chunk.samples, block[:, 0])
    timeline = Timeline(16_000)
    timeline.enqueue(block[:, 0].copy())
    out = np.zeros((320, channels), np.float32)
    running = device_speaker._Output(timeline, SimpleNamespace(set=lambda: None), FakeClock())  # type: ignore[arg-type]
    running.callback(out, 320, times, fine)
    assert np.allclose(out, block)


def test_a_device_that_is_busy_is_named_with_what_to_do_and_another_one_stands_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    built_in, usb = (
        Device("input", name, "ALSA", 1, 48_000.0, default=not index, index=index)
        for index, name in enumerate(("Built-in", "USB mic"))
    )
    listed = {"": built_in, "USB": usb}
    monkeypatch.setattr("vita_tui.audio.fallback.find", lambda name, kind: listed[name])

    def open_on(chosen: Device) -> str:
        if chosen.name == "USB mic":
            raise DeviceError("The sound device is busy or was taken by another program.")
        return chosen.name

    opened, why = open_wanted("USB", "input", open_on, stand_in=True)
    assert opened == "Built-in"
    assert why == "The sound device is busy or was taken by another program: microphone “USB mic”."
    with pytest.raises(DeviceError) as caught:
        open_wanted("USB", "input", open_on, stand_in=False)
    assert caught.value.remedy == "Close the program that uses it, or choose another: f2"
