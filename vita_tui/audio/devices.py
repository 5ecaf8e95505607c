"""PortAudio, and the devices it knows.

PortAudio is not thread-safe while streams are opened and closed, so all of that happens under `portaudio()`. Its list of
devices is made once and then frozen; `refresh` makes it anew, which needs every stream to be closed for a moment.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal

from vita_tui.errors import DeviceError

__all__ = [
    "Device",
    "DeviceKind",
    "close_stream",
    "devices",
    "find",
    "portaudio",
    "portaudio_version",
    "refresh",
]

log = logging.getLogger(__name__)

DeviceKind = Literal["input", "output"]

_lock = threading.RLock()
_streams = 0
"""Streams that are open: while there are any, the list of devices cannot be made anew."""


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


@contextlib.contextmanager
def portaudio() -> Iterator[ModuleType]:
    """The `sounddevice` module, for one thread at a time.

    Raises:
        DeviceError: the PortAudio library is missing or cannot start.
    """
    with _lock:
        try:
            if "sounddevice" not in sys.modules:
                with _quiet_stderr():
                    import sounddevice
            else:
                import sounddevice
        except OSError as error:
            raise DeviceError(f"PortAudio is not installed: {error}.", remedy=_install_remedy()) from None
        yield sounddevice


def _install_remedy() -> str:
    if sys.platform == "darwin":
        return "brew install portaudio"
    return (
        "sudo apt-get install libportaudio2"
        if sys.platform == "linux"
        else "pip install --force-reinstall sounddevice"
    )


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """ALSA and JACK write their guesses to file descriptor 2 while PortAudio starts; nobody can act on them."""
    try:
        saved, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    except OSError:
        yield
        return
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)


def portaudio_version() -> str:
    """Such as "PortAudio V19.6.0".

    Raises:
        DeviceError: PortAudio is missing.
    """
    with portaudio() as sd:
        return str(sd.get_portaudio_version()[1]).split(",")[0]


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
        except sd.PortAudioError as error:
            raise DeviceError(f"PortAudio does not work: {error}.", remedy="vita devices") from None
    listed = []
    for kind, default in (("input", defaults[0]), ("output", defaults[1])):
        for info in found:
            channels = info[f"max_{kind}_channels"]
            if channels > 0:
                listed.append(
                    Device(
                        kind,  # type: ignore[arg-type]  # one of the two literals above
                        info["name"],
                        apis[info["hostapi"]],
                        channels,
                        info["default_samplerate"],
                        info["index"] == default,
                        info["index"],
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
        raise DeviceError(f"There is no {word}.", remedy="Plug one in, then see: vita devices")
    if not name:
        return next((device for device in listed if device.default), listed[0])
    exact = [device for device in listed if device.name == name]
    close = [device for device in listed if name.lower() in device.name.lower()]
    if not (exact or close):
        names = ", ".join(sorted({device.name for device in listed}))
        raise DeviceError(f"There is no {word} named “{name}”; there are: {names}.", remedy="Choose one: f2")
    return (exact or close)[0]


def refresh() -> bool:
    """Make the list of devices anew; returns False, and does nothing, while streams are open."""
    with portaudio() as sd:
        if _streams:
            return False
        with _quiet_stderr():
            sd._terminate()  # noqa: SLF001 - sounddevice offers no other way, and documents this one
            sd._initialize()  # noqa: SLF001
        return True


def open_stream(kind: Literal["InputStream", "OutputStream"], **arguments: Any) -> Any:
    """Open and start a stream of 32-bit floats; `arguments` are sounddevice's own.

    Raises:
        DeviceError: what PortAudio says, in a sentence.
    """
    global _streams
    with portaudio() as sd:
        try:
            with _quiet_stderr():
                stream = getattr(sd, kind)(dtype="float32", **arguments)
                stream.start()
        except (sd.PortAudioError, ValueError) as error:
            raise DeviceError(_sentence(str(error)), remedy="vita devices") from None
        _streams += 1
        return stream


def close_stream(stream: Any, name: str) -> None:
    """Close a stream; one whose device hangs is given up after a second."""
    global _streams

    def work() -> None:
        with contextlib.suppress(Exception):  # a device that is gone cannot be closed well
            stream.abort(ignore_errors=True)
            stream.close(ignore_errors=True)

    thread = threading.Thread(target=work, name=f"close {name}", daemon=True)
    thread.start()
    thread.join(1.0)
    if thread.is_alive():
        log.error("%s did not close within a second; it is left behind", name)
    with _lock:
        _streams -= 1


def _sentence(message: str) -> str:
    for part, sentence in (
        ("Device unavailable", "The sound device is busy or was taken by another program."),
        ("Invalid number of channels", "The sound device does not have the channels that are needed."),
        ("Invalid sample rate", "The sound device does not take the sample rate."),
        ("Invalid device", "The sound device is gone."),
    ):
        if part in message:
            return sentence
    return f"The sound device does not open: {message}."
