"""A device that was asked for by name, the fallback that replaces it while it is away, and the way back.

A microphone or speaker that is named in the settings is remembered by that name. While it cannot be opened, because it is not
there or another program has it, the system's default is used instead, and every few seconds a child process tries whether it opens
again. Nothing of this costs anything while all is as it was asked for.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from vita_tui.audio.devices import Device, DeviceKind, find
from vita_tui.audio.portaudio import portaudio, refresh
from vita_tui.audio.retry_pace import waits
from vita_tui.errors import DeviceError
from vita_tui.health.processes import child_environment
from vita_tui.health.threads import RegisteredThread

__all__ = ["WayBack", "open_wanted", "opens"]

log = logging.getLogger(__name__)

RETURN_SECONDS = 4.0
"""Between the first attempts to find the device that was asked for."""
QUICK = 5
SLOWEST_SECONDS = 30.0
"""Between the later ones: another device takes its place meanwhile."""
CHILD_SECONDS = 10.0
"""A child that takes longer to open a device is ended: the device hangs."""

Opened = TypeVar("Opened")


def open_wanted(
    name: str, kind: DeviceKind, open_on: Callable[[Device], Opened], *, stand_in: bool
) -> tuple[Opened, str]:
    """Open the device of that name by `open_on`, or the default one in its place. Only under `portaudio()`.

    Args:
        name: or a part of it; empty for the default one.
        stand_in: whether another device will do.

    Returns:
        What was opened, and why it is not the device that was asked for: a sentence, empty when it is.

    Raises:
        DeviceError: none can be opened; says why the one that was asked for cannot.
    """
    wanted: Device | None = None
    try:
        wanted = find(name, kind)
        return open_on(wanted), ""
    except DeviceError as error:
        why = _named(error, wanted, kind)
    if not (name and stand_in):
        raise why
    try:
        other = find("", kind)
        if wanted is not None and other.index == wanted.index:
            raise why
        return open_on(other), why.message
    except DeviceError:
        raise why from None


def _named(error: DeviceError, device: Device | None, kind: DeviceKind) -> DeviceError:
    """The error of opening `device`, with its name and what to do about it."""
    if device is None:
        return error
    word = "microphone" if kind == "input" else "speaker"
    remedy = "Choose another: f2"
    if "busy" in error.message:
        remedy = "Close the program that uses it, or choose another: f2"
    return DeviceError(f"{error.message.rstrip('.')}: {word} “{device.name}”.", remedy=remedy)


def opens(name: str, kind: DeviceKind) -> bool:
    """Whether the device of that name can be opened now; a child process tries, so no stream is disturbed."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "vita_tui.audio.fallback", kind, name],
            capture_output=True,
            timeout=CHILD_SECONDS,
            stdin=subprocess.DEVNULL,
            env=child_environment(),
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


class WayBack:
    """Looks out for a device while a fallback replaces it. Its thread lives only so long."""

    def __init__(
        self, kind: DeviceKind, use: Callable[[str], None], *, every: float = RETURN_SECONDS
    ) -> None:
        """
        Args:
            use: opens the device of that name, or lets another replace it; called when it can be opened again.
            every: seconds between the first attempts.
        """
        self._kind: DeviceKind = kind
        self._use = use
        self._every = every
        self._lock = threading.Lock()
        self._stop: threading.Event | None = None
        """Of the thread that looks out; None when there is none."""

    def look_for(self, name: str) -> None:
        """Look out for the device of that name from now on."""
        self.stop()
        stop = threading.Event()
        with self._lock:
            self._stop = stop
        RegisteredThread(
            self._run, name, stop, name=f"{self._kind} retry", owner="audio.fallback", close=self.stop
        ).start()

    def stop(self) -> None:
        """Do not look out any more; from any thread, also its own."""
        with self._lock:
            if self._stop is not None:
                self._stop.set()
            self._stop = None

    def _run(self, name: str, stop: threading.Event) -> None:
        try:
            for wait in waits(self._every, QUICK, SLOWEST_SECONDS):
                if stop.wait(wait):
                    return
                if opens(name, self._kind) and not stop.is_set():
                    log.info("%s is there again", name)
                    # Its number may be another one now; whoever opens it looks for its name in the new list.
                    if not refresh(reopen=True, proven=True):
                        self._use(name)
        except Exception:
            log.exception("the retry of %s ended", name)


def _try(kind: str, name: str) -> int:
    """In the child: open the device for a moment."""
    direction: Any = kind
    try:
        device = find(name, direction)
        with portaudio() as sd:
            make = sd.InputStream if kind == "input" else sd.OutputStream
            stream = make(device=device.index, channels=min(2, device.channels), dtype="float32")
            stream.start()
            stream.abort()
            stream.close()
    except Exception:  # noqa: BLE001 - whatever it is, the device does not open
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_try(sys.argv[1], sys.argv[2]))
