"""Recordings as people have them: any format, several tracks, damaged in places, on disk or through a pipe.

PyAV reads them; what comes out is mono at `SAMPLE_RATE`, in blocks, so that memory does not grow with a recording.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import stat
import tempfile
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np

from vita_tui.audio.base import SAMPLE_RATE, Samples
from vita_tui.audio.downmix import Centred, Downmix
from vita_tui.errors import AudioFileError
from vita_tui.text.clean import clean_line, clean_name

if TYPE_CHECKING:
    from av import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer

__all__ = ["MediaSource", "iter_audio", "source_name"]

log = logging.getLogger(__name__)

MediaSource = Path | BinaryIO
"""A file's place, or one that is open for reading, such as standard input."""

GAP = 0.25
"""Seconds between two frames that are told of; codecs leave a few hundredths."""
BELIEVED = 6 * 3600.0
"""Seconds of a gap beyond which the times in a file are taken for wrong."""
SILENCE = 1.0
"""Seconds at most that stand for what is missing, so that the words around it do not run together."""
NAMED_DAMAGES = 3
"""Damaged places that are named."""
STUBBORN = 200
"""Damaged packets in a row after which the rest is not read."""
GUESSES = {"mp3", "aac", "ac3", "eac3", "dts", "amr", "mpegts", "loas", "wav"}
"""Formats of which FFmpeg works out the length by the size of the file."""
UNKNOWN_SIZE = 2**31 - 2**17
"""Bytes from which on the head of a file says what a program writes that does not know yet: sox, ffmpeg and arecord through a pipe."""
AT_THE_END = {b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip"}
"""How files begin whose table of contents may stand at the end, so that they cannot be read in one go."""


def source_name(source: MediaSource) -> str:
    """What to call it, in a form that is fit for a terminal."""
    return clean_name(source) if isinstance(source, Path) else "Standard input"


def iter_audio(
    source: MediaSource,
    *,
    track: int | None = None,
    on_cut: Callable[[str], None] = log.warning,
    on_note: Callable[[str], None] = log.info,
    on_length: Callable[[float], None] = lambda _: None,
) -> Iterator[Samples]:
    """The audio of a recording, in any format that PyAV reads, as mono blocks at `SAMPLE_RATE`.

    Args:
        track: which of several, from 1; None for the one that is marked as default, else the first.
        on_cut: called with a sentence when the recording is damaged or breaks off: the rest is read all the same.
        on_note: called with a sentence when there is something to know, such as other tracks.
        on_length: called with the seconds that the file says it has, when it does, before the first block.

    Raises:
        AudioFileError: there is no such file, it cannot be read, it holds no audio or no such track, or it is empty.
    """
    import av
    import av.error

    name = source_name(source)
    missing = _Missing(name)
    samples = 0
    try:
        with _opened(source) as file:
            # Playlists must not reach out into the network.
            options = {"protocol_whitelist": "file,pipe,fd"}
            with cast("InputContainer", av.open(file, "r", options=options, **_lenient())) as container:
                stream = _track(container, name, track, on_note)
                length = _length(container, stream) or _wav_length(source, container)
                if length:
                    on_length(length)
                for block in _decoded(container, stream, missing):
                    samples += len(block)
                    yield block
                missing.end(_length(container, stream) or _wav_length(source, container))
    except av.error.FFmpegError as error:
        if not samples:
            raise AudioFileError(f"{name} is not an audio file that can be read: {_reason(error)}.") from None
        missing.broken(_reason(error))
    except OSError as error:
        raise AudioFileError(f"{name} cannot be read: {_reason(error)}.") from None
    except (ValueError, MemoryError) as error:  # formats that nothing can convert
        raise AudioFileError(f"{name} is not an audio file that can be read: {_reason(error)}.") from None
    if not samples:
        raise AudioFileError(f"{name} holds no sound: it is 0 seconds long.")
    if told := missing.sentence():
        on_cut(told)


def _lenient() -> dict[str, Any]:
    """What `av.open` must be told so that titles in other encodings than UTF-8 do not matter: nothing from PyAV 19 on."""
    import av

    return {"metadata_errors": "ignore"} if int(av.__version__.split(".")[0]) < 19 else {}


@contextlib.contextmanager
def _opened(source: MediaSource) -> Iterator[BinaryIO]:
    """Open for PyAV: what it may have to go back in is copied first when it comes through a pipe."""
    with contextlib.ExitStack() as closing:
        if isinstance(source, Path):
            _check(source)
            file: Any = closing.enter_context(source.open("rb"))
        else:
            file = source
        if not file.seekable():
            head = file.peek(8)[:8] if hasattr(file, "peek") else b""
            if not head:
                raise AudioFileError(f"{source_name(source)} is empty.")
            if head[4:] in AT_THE_END:
                copy = closing.enter_context(tempfile.TemporaryFile())
                while data := file.read(1 << 20):
                    copy.write(data)
                copy.seek(0)
                file = copy
        yield _without_tail(file) if file.seekable() else file


class _Start(io.RawIOBase):
    """The first `size` bytes of a file."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        left = max(0, self._size - self._file.tell())
        return self._file.read(left if size < 0 else min(size, left))

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        return (
            self._file.seek(offset + self._size, os.SEEK_SET)
            if whence == os.SEEK_END
            else self._file.seek(offset, whence)
        )

    def tell(self) -> int:
        return self._file.tell()


def _without_tail(file: BinaryIO) -> BinaryIO:
    """A WAV file without the zeros after what its head speaks of, in which FFmpeg would look for more, eight bytes at a time."""
    begin = file.tell()
    head = file.read(12)
    size = int.from_bytes(head[4:8], "little") + 8
    zeros = False
    if head[:4] == b"RIFF" and head[8:] == b"WAVE" and size > 44:
        file.seek(begin + size + size % 2)
        tail = file.read(64)
        zeros = len(tail) == 64 and not any(tail)
    file.seek(begin)
    return cast("BinaryIO", _Start(file, begin + size)) if zeros else file


def _check(path: Path) -> None:
    name = clean_name(path)
    try:
        kind = path.stat()
        if stat.S_ISDIR(kind.st_mode):
            raise AudioFileError(f"{name} is a directory, not an audio file.")
        if stat.S_ISFIFO(kind.st_mode):
            return  # what is read from it is gone
        if not stat.S_ISREG(kind.st_mode):
            raise AudioFileError(f"{name} is a device, not an audio file.")
        with path.open("rb") as file:
            empty = not kind.st_size and not file.read(1)  # files of the kernel have no size
        if empty:
            raise AudioFileError(f"{name} is empty.")
    except FileNotFoundError:
        raise AudioFileError(f"There is no file {name}.") from None
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise AudioFileError(f"{name} cannot be read: {_reason(error)}.") from None


def _track(
    container: InputContainer, name: str, wanted: int | None, on_note: Callable[[str], None]
) -> AudioStream:
    tracks = container.streams.audio
    if not tracks:
        raise AudioFileError(f"{name} holds no audio.")
    if wanted is not None and not 1 <= wanted <= len(tracks):
        there = f"{len(tracks)} audio tracks" if len(tracks) > 1 else "one audio track"
        raise AudioFileError(f"{name} has {there}: there is no track {wanted}.")
    default = next((place for place, one in enumerate(tracks) if _is_default(one)), 0)
    chosen = default if wanted is None else wanted - 1
    if len(tracks) > 1 and wanted is None:
        others = ", ".join(_about(one, place) for place, one in enumerate(tracks) if place != chosen)
        on_note(
            f"{name} has {len(tracks)} audio tracks: track {_about(tracks[chosen], chosen)} is read, not {others}. Choose with --track."
        )
    return tracks[chosen]


def _is_default(stream: AudioStream) -> bool:
    disposition: Any = stream.disposition  # a flag, or a number in later versions
    return bool(getattr(disposition, "value", disposition) & 1)


def _about(stream: AudioStream, place: int) -> str:
    """Such as "2 (deu, Commentary)"."""
    known = [stream.metadata.get("language", ""), stream.metadata.get("title", "")]
    words = ", ".join(clean_line(one)[:60] for one in known if one and one != "und")
    return f"{place + 1} ({words})" if words else str(place + 1)


def _decoded(container: InputContainer, stream: AudioStream, missing: _Missing) -> Iterator[Samples]:
    """Mono blocks; a format that changes on the way is converted anew."""
    convert = _Converter()
    ends: float | None = None
    """When the sound so far ends, in seconds of the file's own time."""
    for packet in _packets(container, stream, missing):
        for frame in _frames(packet, missing):
            starts = frame.time if frame.time is not None else ends
            if starts is not None and ends is not None:
                gap = starts - ends
                gap = gap if 0.0 < gap < BELIEVED else 0.0
                if missing.pending or gap >= GAP:
                    silence = np.zeros(round(min(gap, SILENCE) * SAMPLE_RATE), np.float32)
                    missing.spot(gap)
                    yield silence
            elif missing.pending:
                missing.spot(0.0)
            for block in convert(frame):
                missing.read(len(block))
                yield block
            if starts is not None:
                ends = starts + frame.samples / frame.sample_rate
            elif ends is None:
                ends = frame.samples / frame.sample_rate
    yield from convert.rest()


class _Converter:
    """Frames of any format to mono blocks at `SAMPLE_RATE`."""

    def __init__(self) -> None:
        self._format: tuple[str, str, int] | None = None
        self._resampler: Any = None
        self._downmix = Downmix(SAMPLE_RATE)
        self._centred = Centred(SAMPLE_RATE)

    def __call__(self, frame: AudioFrame) -> Iterator[Samples]:
        import av

        found = (frame.format.name, frame.layout.name, frame.sample_rate)
        if found != self._format:
            yield from self.rest()
            layout = "mono" if frame.layout.nb_channels == 1 else "stereo"
            self._resampler = av.AudioResampler(format="fltp", layout=layout, rate=SAMPLE_RATE)
            self._format = found
        yield from self._blocks(frame)

    def rest(self) -> Iterator[Samples]:
        """What the resampler still holds."""
        if self._resampler is not None:
            yield from self._blocks(None)
            self._resampler = None

    def _blocks(self, frame: AudioFrame | None) -> Iterator[Samples]:
        for part in self._resampler.resample(frame):
            # Files of floating-point samples may hold anything.
            block = np.nan_to_num(part.to_ndarray().astype(np.float32), posinf=1.0, neginf=-1.0)
            if block.size:
                yield np.clip(self._centred(self._downmix(block)), -1.0, 1.0)


def _packets(container: InputContainer, stream: AudioStream, missing: _Missing) -> Iterator[Any]:
    """Every packet that can be found, damaged places between them or not."""
    import av.error

    while True:
        try:
            yield from container.demux(stream)
            return
        except av.error.InvalidDataError as error:
            missing.damaged(error)


def _frames(packet: Any, missing: _Missing) -> list[AudioFrame]:
    import av.error

    try:
        frames = cast("list[AudioFrame]", packet.decode())
    except av.error.EOFError:  # a decoder that was told to end, and then again
        return []
    except av.error.InvalidDataError as error:
        missing.damaged(error)
        return []
    if frames:
        missing.repaired()
    return [frame for frame in frames if frame.samples]


@dataclass(slots=True)
class _Missing:
    """What could not be read of a recording."""

    name: str
    spots: list[tuple[float, float]] = field(default_factory=list)
    """Where, and how many seconds; 0 when that is not known."""
    pending: str = ""
    """Why the last packets could not be read."""
    failures: int = 0
    """How many of them in a row."""
    samples: int = 0
    """Of the recording's own time, what is missing included."""
    cut: str = ""

    def damaged(self, error: Exception) -> None:
        self.pending = _reason(error)
        self.failures += 1
        if self.failures > STUBBORN:
            raise error

    def repaired(self) -> None:
        self.failures = 0

    def read(self, samples: int) -> None:
        self.samples += samples

    def spot(self, seconds: float) -> None:
        """Reading goes on after a damaged place."""
        self.spots.append((self.samples / SAMPLE_RATE, seconds))
        self.samples += round(seconds * SAMPLE_RATE)
        self.pending = ""

    def broken(self, reason: str) -> None:
        self.cut = f"{self.name} breaks off after {self.samples / SAMPLE_RATE:.1f} seconds: {reason}."

    def end(self, length: float | None) -> None:
        """There is no more.

        Args:
            length: seconds that there should have been, if that is known.
        """
        if not self.samples:
            return
        read = self.samples / SAMPLE_RATE
        short = length is not None and length - read > max(0.5, length / 50)
        if self.pending or short:
            of = f" of {length:.1f}" if length else ""
            reason = self.pending or "the rest is missing"
            self.cut = f"{self.name} breaks off after {read:.1f}{of} seconds: {reason}."

    def sentence(self) -> str:
        """What is to be said; empty when all was read."""
        if not self.spots:
            return self.cut
        places = ", ".join(f"{at:.1f} s" for at, _ in self.spots[:NAMED_DAMAGES])
        more = (
            f" and {len(self.spots) - NAMED_DAMAGES} more places" if len(self.spots) > NAMED_DAMAGES else ""
        )
        lost = sum(seconds for _, seconds in self.spots)
        much = f"{lost:.1f} seconds are missing" if lost >= 0.05 else "a part is missing"
        return f"{self.name} is damaged at {places}{more}: {much}. {self.cut}".rstrip()


def _length(container: InputContainer, stream: AudioStream) -> float | None:
    """Seconds that the track says it has; None where that is a guess, or what a program writes that does not know it yet."""
    if container.format.name in GUESSES:
        return None
    if stream.duration is None or stream.time_base is None:
        return container.duration / 1e6 if container.duration and len(container.streams) == 1 else None
    seconds = float(stream.duration * stream.time_base)
    context = stream.codec_context
    size = seconds * context.sample_rate * context.channels * 2
    if container.format.name in {"wav", "w64", "aiff", "au"} and size >= UNKNOWN_SIZE:
        return None
    return seconds


def _wav_length(source: MediaSource, container: InputContainer) -> float | None:
    """What the head of a WAV file says: FFmpeg goes by the size of the file instead."""
    if container.format.name != "wav" or not isinstance(source, Path) or not source.is_file():
        return None
    with contextlib.suppress(OSError, EOFError, wave.Error), wave.open(os.fspath(source)) as file:
        size = file.getnframes() * file.getnchannels() * file.getsampwidth()
        return None if size >= UNKNOWN_SIZE else file.getnframes() / file.getframerate()
    return None


def _reason(error: Exception) -> str:
    return clean_line(str(getattr(error, "strerror", "") or error)).strip().rstrip(".").lower()
