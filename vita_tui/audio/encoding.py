"""Sound written to files: the ending of a name decides the format."""

from __future__ import annotations

import io
import wave
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from vita_tui.atomic_files import replacing
from vita_tui.audio.base import Samples
from vita_tui.errors import AudioFileError
from vita_tui.text.clean import clean_name

__all__ = ["FORMATS", "audio_format", "pcm16", "write_audio", "write_wav"]

FORMATS = {
    ".wav": ("wav", "pcm_s16le", ()),
    ".flac": ("flac", "flac", ()),
    ".ogg": ("ogg", "libopus", (48_000, 24_000, 16_000, 12_000, 8_000)),
    ".oga": ("ogg", "libopus", (48_000, 24_000, 16_000, 12_000, 8_000)),
    ".opus": ("ogg", "libopus", (48_000, 24_000, 16_000, 12_000, 8_000)),
    ".mp3": ("mp3", "libmp3lame", (48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000)),
}
"""Container, codec and the rates that it takes (any where there are none), by the ending of a file's name."""


def audio_format(path: Path) -> str:
    """The ending of `path`, in lower case.

    Raises:
        AudioFileError: it stands for no format that can be written.
    """
    ending = path.suffix.lower()
    if ending not in FORMATS:
        known = ", ".join(FORMATS)
        what = (
            f"a file that ends in {clean_name(path.suffix)}"
            if ending
            else f"{clean_name(path)}, which has no ending"
        )
        raise AudioFileError(f"VITA does not write {what}: the name must end in one of {known}.")
    return ending


def write_audio(target: Path | BinaryIO, samples: Samples, rate: int) -> None:
    """Write mono samples in the format that the ending of `target` names, or as WAV into an open file.

    The file is there whole or not at all.

    Raises:
        AudioFileError: it cannot be written, or its ending stands for no format.
    """
    name = clean_name(target if isinstance(target, Path) else str(target.name))
    name = "Standard output" if name == "<stdout>" else name
    try:
        if not isinstance(target, Path):
            target.write(_wav(samples, rate))
            target.flush()
            return
        ending = audio_format(target)
        data = _wav(samples, rate) if ending == ".wav" else _encoded(samples, rate, ending)
        with replacing(target, mode=0o666, keep_mode=True, durable=False) as new:
            new.write_bytes(data)
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        reason = getattr(error, "strerror", None) or error
        raise AudioFileError(f"{name} cannot be written: {reason}.") from None


def write_wav(path: Path, samples: Samples, rate: int) -> None:
    """Write mono samples as a 16-bit WAV file, whatever its name.

    Raises:
        AudioFileError: the file cannot be written.
    """
    try:
        with replacing(path, mode=0o666, keep_mode=True, durable=False) as new:
            new.write_bytes(_wav(samples, rate))
    except OSError as error:
        raise AudioFileError(f"{clean_name(path)} cannot be written: {error.strerror or error}.") from None


def pcm16(samples: Samples) -> np.ndarray[Any, np.dtype[np.int16]]:
    """Values of −1…1 as 16-bit samples, little-endian, rounded; what is louder is clipped."""
    return (np.clip(samples, -1.0, 1.0) * 32767.0).round().astype("<i2")


def _wav(samples: Samples, rate: int) -> bytes:
    raw = io.BytesIO()
    with wave.open(raw, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm16(samples).tobytes())
    return raw.getvalue()


def _encoded(samples: Samples, rate: int, ending: str) -> bytes:
    import av

    container_format, codec, rates = FORMATS[ending]
    raw = io.BytesIO()
    with av.open(raw, "w", format=container_format) as container:
        best = min(rates, key=lambda one: (one < rate, abs(one - rate)), default=rate)
        stream: Any = container.add_stream(codec, rate=best, layout="mono")
        pcm = pcm16(samples)
        for start in range(0, len(pcm), rate):
            frame = av.AudioFrame.from_ndarray(
                pcm[np.newaxis, start : start + rate], format="s16", layout="mono"
            )
            frame.sample_rate = rate
            frame.pts = start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return raw.getvalue()
