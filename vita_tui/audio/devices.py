"""The sound devices that there are, and the one that a name means."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vita_tui.audio.portaudio import portaudio
from vita_tui.errors import DeviceError

__all__ = ["Device", "DeviceKind", "devices", "find"]

DeviceKind = Literal["input", "output"]


@dataclass(frozen=True, slots=True)
class Device:
    """One direction of a sound device."""

    kind: DeviceKind
    name: str
    host_api: str
    channels: int
    rate: float
    """Hertz, the device's own."""
    default: bool
    index: int
    """PortAudio's number, which changes whenever devices come and go."""


def devices() -> list[Device]:
    """All devices, as PortAudio found them when it started or was last refreshed.

    Raises:
        DeviceError: PortAudio is missing.
    """
    with portaudio() as sd:
        try:
            apis = [api["name"] for api in sd.query_hostapis()]
            found = list(sd.query_devices())
            defaults = tuple(sd.default.device)
            standard = sd.query_hostapis(sd.default.hostapi) if apis else {}
        except sd.PortAudioError as error:
            raise DeviceError(f"PortAudio does not work: {error}.", remedy="vita devices") from None
    listed = []
    kinds: tuple[tuple[DeviceKind, int], ...] = (("input", defaults[0]), ("output", defaults[1]))
    for kind, default in kinds:
        if default < 0:  # nobody chose one: the default host API's own
            default = standard.get(f"default_{kind}_device", -1)
        for info in found:
            channels = info[f"max_{kind}_channels"]
            if channels > 0:
                index = info["index"]
                api = apis[info["hostapi"]]
                listed.append(
                    Device(
                        kind, info["name"], api, channels, info["default_samplerate"], index == default, index
                    )
                )
    return listed


def find(name: str, kind: DeviceKind) -> Device:
    """The device whose name is or contains `name`, whatever its case; the default one for an empty name.

    Raises:
        DeviceError: there is none; the message names those that there are.
    """
    word = "microphone" if kind == "input" else "speaker"
    listed = [device for device in devices() if device.kind == kind]
    if not listed:
        raise DeviceError(f"There is no {word}.", remedy=_missing_remedy())
    if not name:
        return next((device for device in listed if device.default), listed[0])
    exact = [device for device in listed if device.name == name]
    close = [device for device in listed if name.lower() in device.name.lower()]
    if not (exact or close):
        names = ", ".join(dict.fromkeys(device.name for device in listed))
        raise DeviceError(f"There is no {word} named “{name}”; there are: {names}.", remedy="Choose one: f2")
    candidates = exact or close
    return next((device for device in candidates if device.default), candidates[0])


def _missing_remedy() -> str:
    """What to do where there is no device at all."""
    if sys.platform == "linux":
        server = Path(os.environ.get("XDG_RUNTIME_DIR", "/nonexistent"), "pulse", "native")
        if (server.exists() or "PULSE_SERVER" in os.environ) and not _has_pulse_plugin():
            return "sudo apt-get install libasound2-plugins"
        sound = Path("/dev/snd")
        if sound.is_dir() and any(
            child.name.startswith("pcm") and not os.access(child, os.R_OK | os.W_OK)
            for child in sound.iterdir()
        ):
            return "sudo usermod -aG audio $USER, then log in again."
    return "Plug one in, then see: vita devices"


def _has_pulse_plugin() -> bool:
    return any(Path("/usr/lib").glob("**/alsa-lib/libasound_module_pcm_pulse.so"))
