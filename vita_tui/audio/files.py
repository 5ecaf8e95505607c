"""Audio files: read in any format, written as WAV, and used in place of a microphone or a speaker."""

from __future__ import annotations

import threading
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from vita_tui.audio.base import BLOCK, SAMPLE_RATE, Frame, PlaybackMark, Samples, Span
from vita_tui.errors import AudioFileError
from vita_tui.health.registry import Entry, registry

__all__ = ["FileMicrophone", "FileSpeaker", "iter_audio", "read_audio", "write_wav"]

SPEAKER_RATE = 24_000


def iter_audio(path: Path) -> Iterator[Samples]:
    """The audio of a file, in any format that PyAV reads, as mono blocks at `SAMPLE_RATE`; memory does not grow with it.

    A file that breaks off in the middle gives what could be read.

    Raises:
        AudioFileError: there is no such file, it cannot be read, it holds no audio, or it is empty.
    """
    _check(path)
    import av
    import av.error

    blocks = 0
    try:
        with av.open(str(path), metadata_errors="ignore") as container:
            if not container.streams.audio:
                raise AudioFileError(f"{path} holds no audio.")
            resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
            try:
                for frame in container.decode(container.streams.audio[0]):
                    for block in _resampled(resampler, frame):
                        blocks += 1
                        yield block
            except av.error.FFmpegError:
                if not blocks:
                    raise
            for block in _resampled(resampler, None):
                blocks += 1
                yield block
    except av.error.FFmpegError as error:
        raise AudioFileError(f"{path} is not an audio file that can be read: {_reason(error)}.") from None
    if not blocks:
        raise AudioFileError(f"{path} holds no sound: it is 0 seconds long.")


def _check(path: Path) -> None:
    try:
        if path.is_dir():
            raise AudioFileError(f"{path} is a directory, not an audio file.")
        with path.open("rb") as file:
            if not file.read(1):
                raise AudioFileError(f"{path} is empty.")
    except FileNotFoundError:
        raise AudioFileError(f"There is no file {path}.") from None
    except OSError as error:
        raise AudioFileError(f"{path} cannot be read: {error.strerror or error}.") from None


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", "") or error).strip().rstrip(".").lower()


def _resampled(resampler: object, frame: object) -> Iterator[Samples]:
    for part in resampler.resample(frame):  # type: ignore[attr-defined]  # PyAV's classes are compiled
        samples: Samples = part.to_ndarray().reshape(-1).astype(np.float32, copy=False)
        if len(samples):
            yield samples


def read_audio(path: Path, *, max_seconds: float | None = None) -> Samples:
    """All of a file, or its first `max_seconds`, as mono samples at `SAMPLE_RATE`.

    Raises:
        AudioFileError: as `iter_audio`.
    """
    limit = None if max_seconds is None else round(max_seconds * SAMPLE_RATE)
    blocks: list[Samples] = []
    total = 0
    for block in iter_audio(path):
        blocks.append(block)
        total += len(block)
        if limit is not None and total >= limit:
            break
    return np.concatenate(blocks)[:limit]


def write_wav(path: Path, samples: Samples, rate: int) -> None:
    """Write mono samples as a 16-bit WAV file.

    Raises:
        AudioFileError: the file cannot be written.
    """
    pcm = (np.clip(samples, -1.0, 1.0) * 32767.0).round().astype("<i2")
    try:
        with path.open("wb") as raw, wave.open(raw, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes(pcm.tobytes())
    except OSError as error:
        raise AudioFileError(f"{path} cannot be written: {error.strerror or error}.") from None


class FileMicrophone:
    """Samples that arrive like those of a microphone: each frame at the time at which it would have been captured."""

    def __init__(self, samples: Samples, *, name: str = "file", pace: bool = True) -> None:
        """
        Args:
            samples: mono, at `SAMPLE_RATE`; silence fills the last frame.
            pace: in real time; otherwise as fast as they are read.
        """
        self.name = name
        self._samples = np.concatenate([samples, np.zeros(-len(samples) % BLOCK, np.float32)]).astype(
            np.float32
        )
        self._pace = pace
        self._position = 0
        self._started: float | None = None
        self._closed = threading.Event()
        self._hold = threading.Event()
        self._hold.set()

    def open(self) -> None:
        self._closed.clear()

    def hold(self) -> None:
        """Let no frame come until `play`: the file starts with the talk key."""
        self._hold.clear()

    def play(self) -> None:
        """Let the frames come."""
        self._hold.set()

    def read(self, timeout: float) -> Frame | None:
        if not self._hold.wait(timeout):
            return None
        if self._position >= len(self._samples):
            raise EOFError
        if self._started is None:
            self._started = time.monotonic()
        captured = self._started + (self._position + BLOCK) / SAMPLE_RATE
        if self._pace and (left := captured - time.monotonic()) > 0 and self._closed.wait(left):
            return None
        frame = Frame(
            self._samples[self._position : self._position + BLOCK],
            self._position,
            captured if self._pace else time.monotonic(),
        )
        self._position += BLOCK
        return frame

    def close(self) -> None:
        self._closed.set()


class FileSpeaker:
    """Keeps what is played. Its clock is real time, or a jump to the end of whatever is queued.

    A thread `file speaker` stands for the device: it tells of spans as they start and end, and stops on `close`.
    """

    def __init__(self, sample_rate: int = SPEAKER_RATE, *, pace: bool = True) -> None:
        self.name = "file"
        self.sample_rate = sample_rate
        self._pace = pace
        self._condition = threading.Condition()
        self._queue: list[tuple[Span, Samples]] = []
        self._recorded: list[Samples] = []
        self._end = 0
        self._played = 0
        self._current: tuple[Span, float] | None = None
        """The span that plays, and when it started."""
        self._dropped: list[Span] = []
        """Flushed, and not yet told of."""
        self._subscribers: tuple[Callable[[PlaybackMark], None], ...] = ()
        self._closed = True
        self._thread: threading.Thread | None = None
        self._entry: Entry | None = None
        self.gain = 1.0

    def open(self) -> None:
        if not self._closed:
            return
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="file speaker", daemon=True)
        self._entry = registry.register(
            self._thread, kind="thread", name="file speaker", owner="audio.files", close=self.close
        )
        self._thread.start()

    def enqueue(self, samples: Samples) -> Span:
        with self._condition:
            span = Span(self._end, self._end + len(samples))
            self._end = span.end
            self._queue.append((span, samples))
            self._condition.notify_all()
        return span

    def played(self) -> int:
        with self._condition:
            return self._now_played()

    def flush(self) -> int:
        with self._condition:
            played = self._now_played()
            dropped = [span for span, _ in self._queue]
            if self._current is not None:
                span = self._current[0]
                dropped.insert(0, span)
                self._recorded[-1] = self._recorded[-1][: played - span.start]
                self._current = None
            self._queue.clear()
            self._played = self._end
            self._condition.notify_all()
            self._dropped += dropped
        return played

    def fade(self, gain: float, seconds: float) -> None:
        self.gain = gain

    def subscribe(self, callback: Callable[[PlaybackMark], None]) -> Callable[[], None]:
        self._subscribers = (*self._subscribers, callback)

        def end() -> None:
            self._subscribers = tuple(one for one in self._subscribers if one is not callback)

        return end

    def samples(self) -> Samples:
        """All that was played, without the pauses between."""
        with self._condition:
            return np.concatenate(self._recorded) if self._recorded else np.zeros(0, np.float32)

    def close(self) -> None:
        with self._condition:
            self._closed = True
            self._condition.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=1.0)
        if self._entry is not None:
            self._entry.leave()

    # ----

    def _now_played(self) -> int:
        if self._current is None:
            return self._played
        span, started = self._current
        return min(span.end, span.start + int((time.monotonic() - started) * self.sample_rate))

    def _tell(self, mark: PlaybackMark) -> None:
        for subscriber in self._subscribers:
            subscriber(mark)

    def _run(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._closed or self._queue or self._dropped)
                dropped, self._dropped = self._dropped, []
            # Marks are told without the lock, and never in the thread that flushed.
            for span in dropped:
                self._tell(PlaybackMark("dropped", span, time.monotonic()))
            with self._condition:
                if self._closed:
                    return
                if not self._queue:
                    continue
                span, samples = self._queue.pop(0)
                started = time.monotonic()
                self._current = (span, started)
                self._recorded.append(samples)
            self._tell(PlaybackMark("started", span, started))
            if self._sound(span, started):
                self._tell(PlaybackMark("finished", span, time.monotonic()))

    def _sound(self, span: Span, started: float) -> bool:
        """Let `span` play to its end; False when it was flushed or the speaker closed meanwhile."""

        def over() -> bool:
            return self._closed or self._current is None or self._current[0] is not span

        seconds = (span.end - span.start) / self.sample_rate if self._pace else 0.0
        with self._condition:
            if self._condition.wait_for(over, timeout=max(0.0, started + seconds - time.monotonic())):
                return False
            self._played = span.end
            self._current = None
            return True
