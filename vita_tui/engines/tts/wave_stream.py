"""Sound as a server sends it, piece by piece: a WAV file whose length nobody knew at its start, or bare 16-bit samples."""

from __future__ import annotations

import struct

import numpy as np

from vita_tui.engines.tts.base import Pcm
from vita_tui.errors import EngineError

__all__ = ["WaveStream"]

PCM_RATE = 24_000
"""Hertz of samples without a header: what OpenAI's `pcm` has, and those who follow it."""
LONGEST_HEADER = 65_536
"""Bytes in which the samples of a WAV file have begun."""
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE


class WaveStream:
    """Feed it bytes; get samples."""

    def __init__(self, *, bare: bool) -> None:
        """
        Args:
            bare: there is no header: 16-bit mono at `PCM_RATE`.
        """
        self.rate = PCM_RATE if bare else 0
        """Hertz; 0 until the header has come."""
        self._channels = 1
        self._kind = "<i2"
        self._left: int | None = None
        """Bytes of sound that are still to come; None when nobody knows."""
        self._held = b""

    @property
    def short(self) -> bool:
        """Whether sound is still to come, by what the header says."""
        return bool(self._left)

    def feed(self, piece: bytes) -> Pcm:
        """The samples that `piece` completes, mono.

        Raises:
            EngineError: it is not a WAV file, or of a kind that is not understood.
        """
        self._held += piece
        if not self.rate and not self._read_header():
            return np.zeros(0, np.float32)
        if self._left is not None:
            self._held = self._held[: self._left]
        kind = np.dtype(self._kind)
        size = kind.itemsize * self._channels
        whole = len(self._held) // size * size
        samples = np.frombuffer(self._held[:whole], kind).astype(np.float32).reshape(-1, self._channels)
        self._held = self._held[whole:]
        if self._left is not None:
            self._left -= whole
        scale = 1.0 if kind.kind == "f" else float(2 ** (8 * kind.itemsize - 1))
        return np.asarray(samples.mean(axis=1) / scale, np.float32)

    def _read_header(self) -> bool:
        """Whether the samples have begun; what is held then starts with them."""
        held = self._held
        if len(held) >= 12 and (held[:4] != b"RIFF" or held[8:12] != b"WAVE"):
            raise EngineError("What was sent is not a WAV file.")
        at = 12
        form = b""
        while at + 8 <= len(held):
            name, size = held[at : at + 4], struct.unpack_from("<I", held, at + 4)[0]
            if name == b"data":
                self._understand(form)
                # A server that streams does not know the length: it writes 0, or the largest number that fits.
                self._left = None if size == 0 or size >= 0x7FFF_0000 else size
                self._held = held[at + 8 :]
                return True
            if name == b"fmt ":
                form = held[at + 8 : at + 8 + size]
            at += 8 + size + size % 2
        if len(held) > LONGEST_HEADER:
            raise EngineError("What was sent is a WAV file without sound.")
        return False

    def _understand(self, form: bytes) -> None:
        if len(form) < 16:
            raise EngineError("What was sent is a WAV file without a format.")
        code, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", form)
        if code == _EXTENSIBLE and len(form) >= 26:
            code = struct.unpack_from("<H", form, 24)[0]
        kinds = {(_PCM, 16): "<i2", (_PCM, 32): "<i4", (_FLOAT, 32): "<f4"}
        kind = kinds.get((code, bits))
        if kind is None or not channels or not rate:
            raise EngineError(f"What was sent is a WAV file of a kind that is not understood ({bits} bits).")
        self._kind, self._channels, self.rate = kind, channels, rate
