"""PortAudio: started in a child process first, opened and closed by one thread at a time, begun anew when devices come and go.

A sound system that is set up wrongly ends the process that opens it, by abort(), or never answers. So a child process opens it first,
once in a run and before each new beginning.

PortAudio is not thread-safe while streams are opened and closed, so all of that happens under `portaudio()`, which is the outermost
lock of this room. Its list of devices is made once and then frozen; `refresh` makes it anew, for which every stream is closed for
a moment: `changed` finds out in a child process whether that is worth it.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, Protocol

from vita_tui.errors import NO_SOUND, DeviceError
from vita_tui.health.processes import child_environment

__all__ = [
    "Reopenable",
    "changed",
    "close_stream",
    "fresh",
    "open_stream",
    "portaudio",
    "portaudio_version",
    "prove",
    "refresh",
    "renew",
]

log = logging.getLogger(__name__)

CLOSE_SECONDS = 1.0
"""How long a stream may take to close."""
_LIST = (
    "import os, resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0)); " if os.name == "posix" else ""
) + ("import json, sounddevice as s; print(json.dumps([list(s.query_hostapis()), list(s.query_devices())]))")

PROVE_SECONDS = 10.0
"""For a child to list the devices; a sound server that wakes up takes a few."""
FRESH_SECONDS = 3.0
"""A list of devices that was made or checked so recently is not checked again."""

_lock = threading.RLock()
_listed = time.monotonic()
"""When the list of devices was made, or was last known to be right."""
_proving = threading.Lock()
_proven: bool | DeviceError = False
"""Whether a child has opened the sound system and lived; or why nobody should."""
_abandoned = 0
"""Streams that did not close: PortAudio can no longer be restarted, nor ended."""


class Reopenable(Protocol):
    """Who has a stream open; both methods are called under `portaudio()`."""

    def suspend(self) -> None:
        """Close the stream for a moment and keep everything else. Never raises."""
        ...

    def resume(self) -> None:
        """Open the stream again; a device that is gone by then is reported as lost. Never raises."""
        ...


_users: weakref.WeakSet[Reopenable] = weakref.WeakSet()
_streams: set[Any] = set()
"""Open streams: PortAudio calls into them, so they must live even when their user is gone."""


@contextlib.contextmanager
def portaudio() -> Iterator[ModuleType]:
    """The `sounddevice` module, for one thread at a time.

    Raises:
        DeviceError: the PortAudio library is missing or cannot start.
    """
    with _lock:
        yield _load()


def _load() -> ModuleType:
    global _listed
    loaded = sys.modules.get("sounddevice")
    if loaded is not None:
        return loaded
    prove()
    try:
        with _quiet_stderr():
            import sounddevice
    except OSError as error:
        raise DeviceError(f"PortAudio is not installed: {error}.", remedy=_install_remedy()) from None
    except Exception as error:  # noqa: BLE001 - sounddevice starts PortAudio on import; its own error type is not there yet
        raise DeviceError(f"PortAudio does not start: {error}.", remedy=_install_remedy()) from None
    # At the exit it would wait for devices that hang. The system takes back what is open.
    atexit.unregister(sounddevice._exit_handler)  # noqa: SLF001 - sounddevice offers no other way
    _listed = time.monotonic()
    module: ModuleType = sounddevice
    return module


def prove() -> None:
    """Have a child process open the sound system, once in this run; takes about as long as opening it. From any thread.

    Raises:
        DeviceError: it ends whoever opens it, which stays so for this run; or it does not answer.
    """
    global _proven
    with _proving:
        if _proven is False and sys.platform.startswith(("linux", "freebsd")):  # others have no ALSA
            try:
                _listed_by_child(PROVE_SECONDS)
            except DeviceError as error:
                if error.remedy != _SILENT:  # a server that hangs may wake up
                    _proven = error
                raise
            _proven = True
        if isinstance(_proven, DeviceError):
            raise DeviceError(_proven.message, remedy=_proven.remedy)


_SILENT = "Start the sound server again, such as: systemctl --user restart pipewire pulseaudio"


def _listed_by_child(timeout: float) -> list[Any] | None:
    """PortAudio's host APIs and devices, as a child process finds them now; None when that cannot be found out.

    Raises:
        DeviceError: the child was killed by it, or got no answer.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-c", _LIST],
            capture_output=True,
            timeout=timeout,
            check=False,
            stdin=subprocess.DEVNULL,
            env=child_environment(),
        )
    except subprocess.TimeoutExpired:
        raise DeviceError(f"{NO_SOUND} now: its sound server does not answer.", remedy=_SILENT) from None
    except OSError:
        log.info("the devices could not be listed by a child process", exc_info=True)
        return None
    if done.returncode < 0:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        log.error("opening the sound system ends a process by signal %d: %s", -done.returncode, last)
        raise _unusable()
    try:
        listed = json.loads(done.stdout)
    except ValueError:
        log.info("the devices could not be listed by a child process: %r", done.stderr[-500:])
        return None
    return listed if isinstance(listed, list) else None


def _unusable() -> DeviceError:
    named = os.environ.get("ALSA_CONFIG_PATH", "")
    if named and not all(Path(part).exists() for part in named.split(":")):
        return DeviceError(
            f"{NO_SOUND}: ALSA_CONFIG_PATH names {named}, which is not there.",
            remedy="unset ALSA_CONFIG_PATH",
        )
    if not Path("/usr/share/alsa/alsa.conf").exists():
        return DeviceError(
            f"{NO_SOUND}: ALSA has no configuration.",
            remedy="sudo apt-get install libasound2-data",
        )
    return DeviceError(
        f"{NO_SOUND}: its sound system crashes when it is opened.",
        remedy="Check ~/.asoundrc and /etc/asound.conf, then: aplay -L",
    )


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
    """ALSA, JACK and PortAudio write their guesses to file descriptor 2 while devices are tried; nobody can act on them.

    Only with `_lock` held, so that no two threads redirect at once. The screen has its own descriptor.
    """
    try:
        saved = os.dup(2)
    except OSError:
        yield  # there is no standard error
        return
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)


def portaudio_version() -> str:
    """Such as "PortAudio V19.6.0".

    Raises:
        DeviceError: PortAudio is missing.
    """
    with portaudio() as sd:
        return str(sd.get_portaudio_version()[1]).split(",")[0]


# ---- devices that come and go


def fresh() -> bool:
    """Whether the list of devices was made, or found right, a moment ago."""
    return "sounddevice" in sys.modules and time.monotonic() - _listed < FRESH_SECONDS


def refresh(*, reopen: bool = False, proven: bool = False) -> bool:
    """Make the list of devices anew.

    Args:
        proven: a child process has opened the sound system a moment ago.
        reopen: close the streams that are open for that moment, and open them again. Otherwise, while there are any, nothing
            is done.

    Returns:
        Whether the list was rebuilt.

    Raises:
        DeviceError: PortAudio is missing, or does not start again.
    """
    global _listed
    with portaudio() as sd:
        users = list(_users)
        if _abandoned or (_streams and not reopen):
            return False
        if not proven:
            _listed_by_child(PROVE_SECONDS)
        for user in users:
            user.suspend()
        try:
            with _quiet_stderr():
                with contextlib.suppress(sd.PortAudioError):  # it did not start again the last time
                    sd._terminate()  # noqa: SLF001 - sounddevice offers no other way, and documents this one
                sd._initialize()  # noqa: SLF001
            _listed = time.monotonic()
        except sd.PortAudioError as error:
            raise DeviceError(
                f"PortAudio does not start again: {error}.", remedy="Start vita again"
            ) from None
        finally:
            for user in users:
                user.resume()
        return True


def renew() -> bool:
    """Make the list of devices anew if devices came or went; streams that are open pause for a moment, and only then.

    Takes about half a second. Not for the audio or the main thread, and not under `portaudio()`.

    Returns:
        Whether the list was rebuilt.

    Raises:
        DeviceError: PortAudio is missing, or does not start again.
    """
    global _listed
    if refresh():
        return True
    if time.monotonic() - _listed < FRESH_SECONDS:
        return False
    if changed():
        return refresh(reopen=True, proven=True)
    _listed = time.monotonic()
    return False


def changed(timeout: float = PROVE_SECONDS) -> bool:
    """Whether devices came or went since PortAudio made its list; asks a child process, so no stream is disturbed.

    Takes about half a second; False when it cannot be found out. Not for the audio or the main thread.

    Raises:
        DeviceError: PortAudio is missing or ended, or the sound system does not answer.
    """
    with portaudio() as sd:
        try:
            known = [_essence(info) for info in sd.query_devices()]
        except sd.PortAudioError as error:
            raise DeviceError(f"PortAudio does not work: {error}.", remedy="vita devices") from None
    listed = _listed_by_child(timeout)
    return listed is not None and [_essence(info) for info in listed[1]] != known


def _essence(info: dict[str, Any]) -> tuple[str, int, int, int]:
    return info["name"], info["hostapi"], info["max_input_channels"], info["max_output_channels"]


# ---- streams


def open_stream(kind: Literal["InputStream", "OutputStream"], user: Reopenable, **arguments: Any) -> Any:
    """Open and start a stream of 32-bit floats for `user`; `arguments` are sounddevice's own. Only under `portaudio()`.

    Raises:
        DeviceError: what PortAudio says, in a sentence.
    """
    with portaudio() as sd:
        stream = None
        try:
            with _quiet_stderr():
                stream = getattr(sd, kind)(dtype="float32", **arguments)
                stream.start()
        except (sd.PortAudioError, ValueError) as error:
            if stream is not None:
                stream.close(ignore_errors=True)
            raise DeviceError(_sentence(str(error)), remedy="vita devices") from None
        _users.add(user)
        _streams.add(stream)
        return stream


def close_stream(stream: Any, user: Reopenable, name: str) -> None:
    """Close a stream of `user`; one whose device hangs is abandoned after `CLOSE_SECONDS`."""
    global _abandoned

    def work() -> None:
        with contextlib.suppress(Exception):  # a device that is gone cannot be closed well
            stream.abort(ignore_errors=True)
            stream.close(ignore_errors=True)

    with _lock:
        _users.discard(user)
        thread = threading.Thread(target=work, name=f"close {name}", daemon=True)
        with _quiet_stderr():
            thread.start()
            thread.join(CLOSE_SECONDS)
        if not thread.is_alive():
            _streams.discard(stream)
        else:
            _abandoned += 1
            log.error("%s did not close within a second; it is left behind", name)


def _sentence(message: str) -> str:
    for part, sentence in (
        ("Device unavailable", "The sound device is busy or was taken by another program."),
        ("Invalid number of channels", "The sound device does not have the channels that are needed."),
        ("Invalid sample rate", "The sound device does not take the sample rate."),
        ("Invalid device", "The sound device is gone."),
        ("Illegal combination", "The sound server does not answer."),
    ):
        if part in message:
            return sentence
    return f"The sound device does not open: {message}."
