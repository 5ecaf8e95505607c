"""Where a recording comes from: a file or a pipe, opened for PyAV, and how long it says it is."""

from __future__ import annotations

import contextlib
import io
import os
import stat
import tempfile
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from vita_tui.errors import AudioFileError
from vita_tui.text.clean import clean_line, clean_name

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer

__all__ = ["MediaSource", "opened", "reason_of", "source_name", "told_length"]

MediaSource = Path | BinaryIO
"""A file's place, or one that is open for reading, such as standard input."""

GUESSES = {"mp3", "aac", "ac3", "eac3", "dts", "amr", "mpegts", "loas", "wav"}
"""Formats of which FFmpeg works out the length by the size of the file."""
UNKNOWN_SIZE = 2**31 - 2**17
"""Bytes from which on the head of a file says what a program writes that does not know yet: sox, ffmpeg and arecord through a pipe."""
AT_THE_END = {b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip"}
"""How files begin whose table of contents may stand at the end, so that they cannot be read in one go."""


def source_name(source: MediaSource) -> str:
    """What to call it, in a form that is fit for a terminal."""
    return clean_name(source) if isinstance(source, Path) else "Standard input"


@contextlib.contextmanager
def opened(source: MediaSource) -> Iterator[BinaryIO]:
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
        raise AudioFileError(f"{name} cannot be read: {reason_of(error)}.") from None


def told_length(source: MediaSource, container: InputContainer, stream: AudioStream) -> float | None:
    """Seconds that the recording says it has, if it does."""
    return _length(container, stream) or _wav_length(source, container)


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


def reason_of(error: Exception) -> str:
    """What the system or a library says, as it stands in a sentence."""
    return clean_line(str(getattr(error, "strerror", "") or error)).strip().rstrip(".").lower()
