"""Sound devices without a sound card: a PulseAudio of the test's own, with a speaker, a microphone, and ways to both.

PortAudio looks for devices once in a process, and finds these through the environment: programs under test run as child
processes with `VirtualAudio.env`; tests of the audio room itself ask for `sound_here`, which makes PortAudio look again. The test
speaks and listens with PulseAudio's own clients.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from vita_tui.audio.encoding import write_wav

__all__ = ["Recording", "VirtualAudio", "sound", "sound_here", "virtual_audio"]

RATE = 16_000
"""Hertz, of what the test speaks and hears."""
_ASOUND = """
pcm.pulse { type pulse }
pcm.!default { type pulse }
ctl.pulse { type pulse }
ctl.!default { type pulse }
"""
"""The whole of ALSA's configuration: no card of this machine, no file of this user."""

_NAMED = """
pcm.{name} {{
    type asym
    playback.pcm {{ type pulse device "{name}" }}
    capture.pcm {{ type pulse device "{name}.monitor" }}
}}
"""


class Recording:
    """What the speaker played, while and after it is recorded; mono at `RATE`."""

    def __init__(self, process: subprocess.Popen[bytes], file: Path) -> None:
        self._process = process
        self._file = file

    def samples(self) -> NDArray[np.float32]:
        """All that was heard so far."""
        raw = self._file.read_bytes()
        return np.frombuffer(raw[: len(raw) // 2 * 2], "<i2").astype(np.float32) / 32768.0

    def seconds(self) -> float:
        return len(self.samples()) / RATE

    def stop(self) -> NDArray[np.float32]:
        """End the recording; all that was heard."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(timeout=5)
        return self.samples()


class VirtualAudio:
    """A running PulseAudio with a null sink `speaker`, and a null sink `mic` whose monitor is the source `virtmic`.

    Its sinks do not rewind: otherwise one that nobody uses renders two seconds ahead, and streams that open then hear and say
    nothing for as long. It ends with the process that made it, however that ends.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        runtime = folder / "run"
        runtime.mkdir(mode=0o700)
        self._named: set[str] = set()
        self._write_names()
        self.variables = {
            "ALSA_CONFIG_PATH": str(folder / "asound.conf"),
            "XDG_RUNTIME_DIR": str(runtime),
            "PULSE_RUNTIME_PATH": str(runtime),
            "PULSE_SERVER": f"unix:{runtime}/native",
            "PULSE_COOKIE": str(folder / "cookie"),
        }
        """What leads programs to these devices."""
        self._modules: dict[str, str] = {}
        self._server: subprocess.Popen[bytes]
        self.start()

    @property
    def env(self) -> dict[str, str]:
        """The environment of now, with these devices: for child processes."""
        return {**os.environ, **self.variables}

    def start(self) -> None:
        """Start the server; after `stop`, again."""
        with (self.folder / "pulse.log").open("ab") as log:
            self._server = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "pulseaudio",
                 "--daemonize=no", "--exit-idle-time=-1", "-n", "--use-pid-file=no", "--realtime=no", "--high-priority=no",
                 "-L", f"module-native-protocol-unix socket={self.folder}/run/native auth-anonymous=1",
                 "-L", f"module-cli-protocol-unix socket={self.folder}/run/cli",
                 "-L", "module-null-sink sink_name=speaker norewinds=1",
                 "-L", "module-null-sink sink_name=mic norewinds=1",
                 "-L", "module-remap-source master=mic.monitor source_name=virtmic"],
                env=self.env, stdout=log, stderr=log,
            )  # fmt: skip
        self._until_it_answers()
        self._pactl("set-default-sink", "speaker")
        self._pactl("set-default-source", "virtmic")

    def _until_it_answers(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                self._pactl("info")
            except subprocess.CalledProcessError:
                if self._server.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self.folder / "pulse.log").read_text()) from None
                time.sleep(0.05)
            else:
                return

    def _pactl(self, *arguments: str) -> str:
        done = subprocess.run(["pactl", *arguments], env=self.env, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    # ---- the room

    def speak(self, samples: NDArray[np.float32], rate: int = RATE) -> subprocess.Popen[bytes]:
        """Play `samples` into the microphone; returns at once, and the process ends when they were spoken."""
        file = Path(tempfile.mkstemp(suffix=".wav", dir=self.folder)[1])
        write_wav(file, samples, rate)
        return self.speak_file(file)

    def speak_file(self, file: Path) -> subprocess.Popen[bytes]:
        """Play a WAV file into the microphone."""
        return subprocess.Popen(["paplay", "--device=mic", str(file)], env=self.env)

    @contextlib.contextmanager
    def recording(self, speaker: str = "speaker") -> Iterator[Recording]:
        """Record what a speaker plays."""
        file = Path(tempfile.mkstemp(suffix=".raw", dir=self.folder)[1])
        with file.open("wb") as out:
            process = subprocess.Popen(
                ["parecord", f"--device={speaker}.monitor", "--raw", f"--rate={RATE}", "--channels=1",
                 "--format=s16le", "--latency-msec=20"],
                env=self.env, stdout=out,
            )  # fmt: skip
        recording = Recording(process, file)
        try:
            deadline = time.monotonic() + 60
            while not file.stat().st_size and time.monotonic() < deadline:
                time.sleep(0.01)
            yield recording
        finally:
            recording.stop()

    # ---- devices that come and go

    def unplug(self, *names: str) -> None:
        """Take away `speaker`, `mic` or `virtmic`, or several of them at the same moment.

        PulseAudio moves the streams of a device that goes away to another one of its kind, if there is one: programs notice
        nothing. The last one takes its streams with it; so does `stop`.
        """
        numbers = {}
        for row in self._rows("modules"):
            number, module, arguments = (*row, "")[:3]
            for name in names:
                if {f"sink_name={name}", f"source_name={name}"} & set(arguments.split()):
                    self._modules[name] = f"{module} {arguments}".strip()
                    numbers[name] = number
        self._tell(f"unload-module {numbers[name]}" for name in names)

    def plug(self, *names: str) -> None:
        """Bring back what was unplugged, as the default, at the same moment."""
        commands = [f"load-module {self._modules.pop(name)}" for name in names]
        kinds = {"speaker": "sink", "virtmic": "source"}
        commands += [f"set-default-{kinds[name]} {name}" for name in names if name in kinds]
        self._tell(commands)

    def attach(self, name: str) -> None:
        """Plug in a device that programs can choose by its name: a speaker, and a microphone into which `paplay` speaks."""
        self._pactl("load-module", "module-null-sink", f"sink_name={name}", "norewinds=1")
        self._named.add(name)
        self._write_names()

    def detach(self, name: str, *, listed: bool = False) -> None:
        """Unplug it: its streams end, they are not moved.

        Args:
            listed: it stays in the list of devices, but cannot be opened.
        """
        if not listed:
            self._named.discard(name)
            self._write_names()
        ends = [f"kill-sink-input {number}" for number in self._streams("sink-inputs", "sinks", name)]
        ends += [
            f"kill-source-output {number}"
            for number in self._streams("source-outputs", "sources", f"{name}.monitor")
        ]
        self.unplug(name)
        self._modules.pop(name, None)
        # PulseAudio may have moved them to another device, or have ended them with this one.
        self._tell(ends)

    def _tell(self, commands: Iterable[str]) -> None:
        """Have the server do all of this before it does anything else."""
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(self.folder / "run" / "cli"))
            line.sendall("".join(f"{command}\n" for command in commands).encode())
            line.shutdown(socket.SHUT_WR)
            while line.recv(4096):
                pass

    def _streams(self, streams: str, devices: str, device: str) -> list[str]:
        """The numbers of the streams that play on a sink, or capture from a source."""
        numbers = {row[1]: row[0] for row in self._rows(devices)}
        return [row[0] for row in self._rows(streams) if row[1] == numbers.get(device)]

    def _rows(self, what: str) -> list[list[str]]:
        return [line.split("\t") for line in self._pactl("list", "short", what).splitlines()]

    def _write_names(self) -> None:
        names = "".join(_NAMED.format(name=name) for name in sorted(self._named))
        (self.folder / "asound.conf").write_text(_ASOUND + names)

    def stop(self) -> None:
        """All devices are gone at once."""
        self._server.terminate()
        try:
            self._server.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()

    def freeze(self) -> None:
        """The server hangs: whoever asks it something waits."""
        self._server.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        self._server.send_signal(signal.SIGCONT)

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def virtual_audio() -> Iterator[VirtualAudio]:
    """A `VirtualAudio` that is gone at the end."""
    audio = VirtualAudio(Path(tempfile.mkdtemp(prefix="vita-audio-")))
    try:
        yield audio
    finally:
        audio.close()


@pytest.fixture(scope="session")
def sound() -> Iterator[VirtualAudio]:
    """Virtual devices for programs that run as child processes with `sound.env`."""
    with virtual_audio() as audio:
        yield audio


@pytest.fixture
def sound_here(sound: VirtualAudio, monkeypatch: pytest.MonkeyPatch) -> Iterator[VirtualAudio]:
    """The same for this very process: PortAudio looks for devices again before and after the test."""
    from vita_tui.audio import portaudio

    for name, value in sound.variables.items():
        monkeypatch.setenv(name, value)
    assert portaudio.refresh(), "an earlier test has left a stream open"
    yield sound
    monkeypatch.undo()
    assert portaudio.refresh(), "the test has left a stream open"
