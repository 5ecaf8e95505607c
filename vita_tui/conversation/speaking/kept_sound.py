"""The sound of what was said last, so that it is said again at once: bounded by bytes, the longest unused goes first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator

from vita_tui.engines.tts.base import Multilingual, Pcm, Synthesizer

__all__ = ["KEPT_BYTES", "KeptSound"]

KEPT_BYTES = 16_000_000
"""Three minutes of a voice at 22,050 Hz."""

_Key = tuple[str, float, float, str]


class KeptSound:
    """Sound by its words and by how the voice spoke them. Used by one thread."""

    def __init__(self, limit: int = KEPT_BYTES) -> None:
        self._limit = limit
        self._engine: Synthesizer | None = None
        self._sounds: OrderedDict[_Key, list[Pcm]] = OrderedDict()
        self.bytes = 0

    def of(self, engine: Synthesizer, words: str) -> list[Pcm] | None:
        """What `engine` has made of `words` when it spoke as it does now."""
        if engine is not self._engine:
            return None
        found = self._sounds.get(key := _key(engine, words))
        if found is not None:
            self._sounds.move_to_end(key)
        return found

    def keep(self, engine: Synthesizer, words: str, pieces: Iterable[Pcm]) -> Iterator[Pcm]:
        """`pieces` as they come, kept when they have come to their end."""
        key, made = _key(engine, words), []
        for piece in pieces:
            made.append(piece)
            yield piece
        self._put(engine, key, made)

    def _put(self, engine: Synthesizer, key: _Key, made: list[Pcm]) -> None:
        size = _size(made)
        if not made or size > self._limit // 2:
            return
        if engine is not self._engine:  # another voice: what was said sounds otherwise now
            self.clear()
            self._engine = engine
        self.bytes += size - _size(self._sounds.pop(key, []))
        self._sounds[key] = made
        while self.bytes > self._limit:
            _, oldest = self._sounds.popitem(last=False)
            self.bytes -= _size(oldest)

    def clear(self) -> None:
        """Keep nothing, and hold no voice."""
        self._sounds.clear()
        self.bytes = 0
        self._engine = None


def _key(engine: Synthesizer, words: str) -> _Key:
    language = engine.language if isinstance(engine, Multilingual) else ""
    return words, engine.rate, engine.volume, language


def _size(pieces: list[Pcm]) -> int:
    return sum(piece.nbytes for piece in pieces)
