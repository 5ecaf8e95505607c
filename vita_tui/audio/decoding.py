"""Recordings as people have them: any format, several tracks, damaged in places, on disk or through a pipe.

PyAV reads them; what comes out is mono at `SAMPLE_RATE`, in blocks, so that memory does not grow with a recording.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from vita_tui.audio.base import SAMPLE_RATE, Samples
from vita_tui.audio.downmix import Centred, Downmix
from vita_tui.audio.media_source import MediaSource, opened, reason_of, source_name, told_length
from vita_tui.audio.missing_sound import Missing
from vita_tui.errors import AudioFileError
from vita_tui.text.clean import clean_line

if TYPE_CHECKING:
    from av import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer

__all__ = ["iter_audio"]

log = logging.getLogger(__name__)

GAP = 0.25
"""Seconds between two frames that are told of; codecs leave a few hundredths."""
BELIEVED = 6 * 3600.0
"""Seconds of a gap beyond which the times in a file are taken for wrong."""
SILENCE = 1.0
"""Seconds at most that stand for what is missing, so that the words around it do not run together."""


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
    missing = Missing(name)
    samples = 0
    try:
        with opened(source) as file:
            # Playlists must not reach out into the network.
            options = {"protocol_whitelist": "file,pipe,fd"}
            with cast("InputContainer", av.open(file, "r", options=options, **_lenient())) as container:
                stream = _track(container, name, track, on_note)
                length = told_length(source, container, stream)
                if length:
                    on_length(length)
                for block in _decoded(container, stream, missing):
                    samples += len(block)
                    yield block
                missing.end(told_length(source, container, stream))
    except av.error.FFmpegError as error:
        if not samples:
            raise AudioFileError(
                f"{name} is not an audio file that can be read: {reason_of(error)}."
            ) from None
        missing.broken(reason_of(error))
    except OSError as error:
        raise AudioFileError(f"{name} cannot be read: {reason_of(error)}.") from None
    except (ValueError, MemoryError) as error:  # formats that nothing can convert
        raise AudioFileError(f"{name} is not an audio file that can be read: {reason_of(error)}.") from None
    if not samples:
        raise AudioFileError(f"{name} holds no sound: it is 0 seconds long.")
    if told := missing.sentence():
        on_cut(told)


def _lenient() -> dict[str, Any]:
    """What `av.open` must be told so that titles in other encodings than UTF-8 do not matter: nothing from PyAV 19 on."""
    import av

    return {"metadata_errors": "ignore"} if int(av.__version__.split(".")[0]) < 19 else {}


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


def _decoded(container: InputContainer, stream: AudioStream, missing: Missing) -> Iterator[Samples]:
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


def _packets(container: InputContainer, stream: AudioStream, missing: Missing) -> Iterator[Any]:
    """Every packet that can be found, damaged places between them or not."""
    import av.error

    while True:
        try:
            yield from container.demux(stream)
            return
        except av.error.InvalidDataError as error:
            missing.damaged(error)


def _frames(packet: Any, missing: Missing) -> list[AudioFrame]:
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
