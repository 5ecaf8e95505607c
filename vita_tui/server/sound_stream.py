"""Sound that is sent while it is made, in the formats of OpenAI's speech route."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np

from vita_tui.audio.base import Samples
from vita_tui.audio.encoding import pcm16

__all__ = ["MEDIA_TYPES", "SoundStream"]

MEDIA_TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
"""By the name that a client asks for."""
CODECS = {
    "mp3": ("mp3", "libmp3lame"),
    "opus": ("ogg", "libopus"),
    "aac": ("adts", "aac"),
    "flac": ("flac", "flac"),
}
"""Container and codec of PyAV."""
UNKNOWN = 0xFFFFFFFF
"""Bytes of a WAV file that is not at its end."""


class SoundStream:
    """Feed it samples, send what comes out. Used by one thread at a time."""

    def __init__(self, form: str, rate: int) -> None:
        """
        Args:
            form: one of `MEDIA_TYPES`.
            rate: Hertz of the samples.
        """
        self._form = form
        self._rate = rate
        self._count = 0
        self._begun = False
        self._sink = _Sink()
        self._container: Any = None
        self._stream: Any = None
        if form in CODECS:
            import av

            name, codec = CODECS[form]
            self._container = av.open(self._sink, "w", format=name)
            self._stream = self._container.add_stream(codec, rate=rate, layout="mono")

    def feed(self, samples: Samples) -> bytes:
        """What can be sent of `samples` and what came before."""
        pcm = pcm16(samples)
        if self._container is None:
            head = b"" if self._begun or self._form != "wav" else _wav_head(self._rate)
            self._begun = True
            return head + pcm.tobytes()
        if not len(pcm):
            return self._sink.take()
        import av

        frame = av.AudioFrame.from_ndarray(pcm[np.newaxis, :], format="s16", layout="mono")
        frame.sample_rate = self._rate
        frame.pts = self._count
        self._count += len(pcm)
        self._container.mux(self._stream.encode(frame))
        return self._sink.take()

    def finish(self) -> bytes:
        """The end."""
        if self._container is None:
            return b""
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._sink.take()


class _Sink(io.RawIOBase):
    """What a muxer writes, which cannot go back."""

    def __init__(self) -> None:
        self._data = bytearray()

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def write(self, data: Any) -> int:
        self._data += data
        return len(data)

    def take(self) -> bytes:
        data = bytes(self._data)
        self._data.clear()
        return data


def _wav_head(rate: int) -> bytes:
    """Of a mono file of 16 bits whose length nobody knows yet."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16)
    return struct.pack("<4sI4s", b"RIFF", UNKNOWN, b"WAVE") + form + struct.pack("<4sI", b"data", UNKNOWN)
