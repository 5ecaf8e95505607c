"""Calibration: what the microphone hears of the speaker, how late, and how quiet it is otherwise.

Three sweeps are played and recorded. `record` works the devices, in the calling thread; `measure` and `choose` are plain
functions of what was recorded.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np

from vita_tui.audio.base import BLOCK, SAMPLE_RATE, Frame, Microphone, PlaybackMark, Samples, Speaker
from vita_tui.audio.delay import find_delay
from vita_tui.audio.echo import HEADPHONES_DB, INSTALL
from vita_tui.audio.reference import Reference, Tappable
from vita_tui.audio.voice import SILENCE_DBFS, dbfs
from vita_tui.clock import Clock, SystemClock
from vita_tui.errors import DeviceError
from vita_tui.settings import DuplexMode

__all__ = ["DuplexChoice", "Measurement", "RoomRecording", "choose", "measure", "record", "sweeps"]

SWEEP_SECONDS = 0.4
PAUSE_SECONDS = 0.3
SWEEPS = 3
SWEEP_BAND = (200.0, 7000.0)
"""Hertz."""
LOUDNESS = 0.35
"""Peak of a sweep: as loud as speech."""
WARM_SECONDS = 0.6
"""At the start that are not judged: microphones click and adjust themselves when they are opened."""
NOISE_SECONDS = 1.2
AFTER_SECONDS = 0.9
"""Recorded after the last sweep: the longest delay that is found, and the room's echo."""
WAIT_SECONDS = 8.0
"""For the first sound from the microphone, or for the sweeps to be over."""

SHARP = 15.0
"""Sharpness of the delay from which the sweeps were certainly heard."""
CLIPPED = 0.98
MOST_CLIPPED = 0.001
"""Share of samples at full scale above which an echo can no longer be computed away."""
LOUD_ECHO_DB = -3.0
"""From here on the echo buries the person: measured, see docs/conversation.md."""
LOUD_ROOM_DBFS = -32.0
"""A room as loud as a person at arm's length: hands-free listening would never hear a pause."""
BUSY_ROOM_DBFS = -45.0
"""From here on sound must be more surely speech."""
MOST_DELAY = 0.8
THRESHOLD, BUSY_THRESHOLD = 0.5, 0.65


@dataclass(frozen=True, slots=True)
class RoomRecording:
    """What was played and captured, from one moment on; mono at `SAMPLE_RATE`."""

    played: Samples
    captured: Samples
    noise: Samples
    """What was captured before anything was played."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """What is known of the room."""

    echo_heard: bool
    """The sweeps were found in what was captured."""
    delay: float | None
    """Seconds from the moment at which the clocks say that something sounds to its echo; None when none was heard."""
    echo_db: float
    """Level of the echo over what was played; when none was heard, what it can be at most."""
    noise_dbfs: float
    """Of the room when nothing is played."""
    peak: float
    """Of what was captured, 0 to 1."""
    clipped: float
    """Share of the captured samples at full scale."""


@dataclass(frozen=True, slots=True)
class DuplexChoice:
    """The settings that fit."""

    mode: DuplexMode
    why: str
    """A sentence."""
    threshold: float
    """For `talk.threshold`."""


def sweeps(rate: int) -> Samples:
    """The sequence that is played, at `rate` Hz: exponential sweeps with pauses after them."""
    low, high = SWEEP_BAND
    time = np.arange(round(SWEEP_SECONDS * rate)) / rate
    growth = np.log(high / low)
    phase = 2 * np.pi * low * SWEEP_SECONDS / growth * (np.exp(time / SWEEP_SECONDS * growth) - 1.0)
    sweep = LOUDNESS * np.sin(phase)
    edge = round(0.01 * rate)
    sweep[:edge] *= np.linspace(0.0, 1.0, edge)
    sweep[-edge:] *= np.linspace(1.0, 0.0, edge)
    one = np.concatenate((sweep, np.zeros(round(PAUSE_SECONDS * rate))))
    return np.tile(one, SWEEPS).astype(np.float32)


def record(microphone: Microphone, speaker: Speaker, *, clock: Clock | None = None) -> RoomRecording:
    """Play the sweeps and record them; opens both devices and closes them. Takes about six seconds.

    Raises:
        DeviceError: there is no microphone or speaker, one is busy or gives nothing; says what to do.
    """
    clock = clock or SystemClock()
    reference = Reference()
    over = threading.Event()
    lost: list[str] = []

    def note(mark: PlaybackMark) -> None:
        if mark.kind == "lost":
            lost.append(mark.reason)
        if mark.kind in ("finished", "lost", "dropped"):
            over.set()

    frames: list[Frame] = []
    forget = None
    try:
        _open(microphone, "microphone", "audio.input")
        _open(speaker, "speaker", "audio.output")
        forget = speaker.subscribe(note)
        if isinstance(speaker, Tappable):
            speaker.tap(reference.tap)
        _listen(microphone, frames, WARM_SECONDS, clock)
        quiet = len(frames)
        _listen(microphone, frames, NOISE_SECONDS, clock)
        begin = len(frames)
        speaker.enqueue(sweeps(speaker.sample_rate))
        deadline = clock.monotonic() + WAIT_SECONDS
        while not over.is_set():
            _listen(microphone, frames, BLOCK / SAMPLE_RATE, clock)
            if clock.monotonic() > deadline:
                raise DeviceError(
                    f"The speaker {speaker.name} does not play what it is given.",
                    remedy="Choose another: vita devices, then audio.output in the settings.",
                )
        if lost:
            raise DeviceError(lost[0], remedy="Plug it in, or choose another: audio.output in the settings.")
        _listen(microphone, frames, AFTER_SECONDS, clock)
    finally:
        if forget is not None:
            forget()
        if isinstance(speaker, Tappable):
            speaker.tap(None)
        speaker.close()
        microphone.close()
    # Blocks' times jump by milliseconds: one offset for all frames.
    offset = float(np.median([one.captured - (one.position + BLOCK) / SAMPLE_RATE for one in frames]))
    captured = np.concatenate([frame.samples for frame in frames[begin:]])
    end = offset + (frames[-1].position + BLOCK) / SAMPLE_RATE
    return RoomRecording(
        reference.window(end, len(captured) / SAMPLE_RATE),
        captured,
        np.concatenate([frame.samples for frame in frames[quiet:begin]]),
    )


def _open(device: Microphone | Speaker, word: str, setting: str) -> None:
    try:
        device.open()
    except DeviceError as error:
        if error.message.startswith(("There is no", "PortAudio")):
            raise
        raise DeviceError(
            f"The {word} ({device.name}) cannot be opened: {error.message}",
            remedy=f"Close the program that uses it, or choose another: vita devices, then {setting} in the settings.",
        ) from None


def _listen(microphone: Microphone, frames: list[Frame], seconds: float, clock: Clock) -> None:
    """Append frames of so many `seconds`."""
    wanted = len(frames) + max(1, round(seconds * SAMPLE_RATE / BLOCK))
    deadline = clock.monotonic() + WAIT_SECONDS
    while len(frames) < wanted:
        frame = microphone.read(timeout=0.2)
        if frame is not None:
            frames.append(frame)
            deadline = clock.monotonic() + WAIT_SECONDS
        elif clock.monotonic() > deadline:
            raise DeviceError(
                f"The microphone {microphone.name} gives no sound.",
                remedy="Choose another: vita devices, then audio.input in the settings.",
            )


def measure(recording: RoomRecording, *, name: str = "microphone") -> Measurement:
    """What the recording says of the room.

    Raises:
        DeviceError: nothing but digital silence was captured, or nothing was played.
    """
    captured, noise = recording.captured, recording.noise
    if not np.any(captured) and not np.any(noise):
        raise DeviceError(
            f"The microphone {name} delivers silence only.",
            remedy="Unmute it in the system's sound settings, or allow this terminal to use it.",
        )
    played_power = float(np.dot(recording.played, recording.played))
    if played_power == 0.0:
        raise DeviceError("Nothing was played.", remedy="Turn tts.volume up in the settings.")
    found = find_delay(recording.played, captured, most=1.0)
    heard = found.sharpness >= SHARP
    noise_power = float(np.mean(noise**2)) if len(noise) else 0.0
    extra = float(np.dot(captured, captured)) - noise_power * len(captured)
    # What of the noise may still hide an echo that was not found.
    hidden = 0.1 * noise_power * len(captured)
    echo = max(extra if heard else min(max(extra, 0.0), hidden), hidden / 10, 1e-9 * played_power)
    return Measurement(
        heard,
        found.seconds if heard else None,
        float(10.0 * np.log10(echo / played_power)),
        dbfs(noise) if len(noise) else SILENCE_DBFS,
        float(np.max(np.abs(captured), initial=0.0)),
        float(np.mean(np.abs(captured) >= CLIPPED)),
    )


def choose(measured: Measurement, *, canceller: bool) -> DuplexChoice:
    """The mode and thresholds for a room.

    Args:
        canceller: whether the extra `echo` is installed.
    """
    threshold = BUSY_THRESHOLD if measured.noise_dbfs > BUSY_ROOM_DBFS else THRESHOLD
    echo = f"{measured.echo_db:.0f} dB"
    if measured.noise_dbfs > LOUD_ROOM_DBFS:
        return DuplexChoice(
            "push_to_talk",
            f"The room is as loud as a voice ({measured.noise_dbfs:.0f} dBFS), so only the key can tell when you speak.",
            threshold,
        )
    if not measured.echo_heard:
        if canceller or measured.echo_db <= HEADPHONES_DB:
            return DuplexChoice(
                "full_duplex",
                "The microphone hears nothing of the speaker, as with headphones, so you can talk into the reply.",
                threshold,
            )
        return DuplexChoice(
            "half_duplex",
            f"The speaker was not heard, but the room's noise may hide it, and echo cancelling is not installed: {INSTALL}",
            threshold,
        )
    if measured.clipped > MOST_CLIPPED:
        return DuplexChoice(
            "half_duplex",
            "The speaker drives the microphone into clipping, which cannot be cancelled; turn one of them down and run it again.",
            threshold,
        )
    if measured.echo_db > LOUD_ECHO_DB:
        return DuplexChoice(
            "half_duplex",
            f"The speaker is too loud at the microphone ({echo}) for you to be heard over it; turn it down and run it again.",
            threshold,
        )
    if measured.delay is None or not -0.1 <= measured.delay <= MOST_DELAY:
        return DuplexChoice(
            "half_duplex",
            f"The echo comes {measured.delay or 0.0:.1f} s late, which is more than can be cancelled.",
            threshold,
        )
    if not canceller and measured.echo_db > HEADPHONES_DB:
        return DuplexChoice(
            "half_duplex",
            f"The microphone hears the speaker ({echo}) and echo cancelling is not installed; for more: {INSTALL}",
            threshold,
        )
    return DuplexChoice(
        "full_duplex",
        f"The microphone hears the speaker {echo} and {measured.delay * 1000:.0f} ms late, which is cancelled, "
        "so you can talk into the reply.",
        threshold,
    )
