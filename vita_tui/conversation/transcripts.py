"""What is said in audio files, however long they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vita_tui.audio.base import SAMPLE_RATE, Samples
from vita_tui.audio.files import iter_audio
from vita_tui.engines.chain import Chain
from vita_tui.engines.stt.base import Recognizer, Transcription
from vita_tui.engines.stt.decoding.activity import pieces

__all__ = ["FileTranscript", "transcribe_file"]

HELD_SECONDS = 60.0
"""Audio in memory at once."""


@dataclass(frozen=True, slots=True)
class FileTranscript:
    text: str
    language: str
    seconds: float
    """Length of the audio."""
    problem: str = ""
    """A sentence when the file breaks off: the text is that of the part before."""


def transcribe_file(recognizers: Chain[Recognizer], path: Path) -> FileTranscript:
    """Transcribe a file piece by piece, cut where the speaker pauses; an hour takes no more memory than a minute.

    Raises:
        AudioFileError: it cannot be read.
        NoEngineError: no recogniser works.
    """
    total = 0
    texts: list[str] = []
    language = expected = ""
    cuts: list[str] = []
    for audio, fresh in _stretches(path, cuts.append):
        total += fresh
        result = _transcribe(recognizers, audio, language)
        expected = result.language
        if text := result.text.strip():
            texts.append(text)
            language = language or result.language
    return FileTranscript(" ".join(texts), language or expected, total / SAMPLE_RATE, " ".join(cuts))


def _transcribe(recognizers: Chain[Recognizer], audio: Samples, language: str) -> Transcription:
    for attempt in recognizers.attempts(allowance=len(audio) / SAMPLE_RATE):
        with attempt as engine:
            engine.load()
            result = engine.transcribe(audio, language=language or None)
    return result


def _stretches(path: Path, on_cut: Callable[[str], None]) -> Iterator[tuple[Samples, int]]:
    """Audio between pauses, and how many samples of the file each stretch has used up."""
    held: list[Samples] = []
    count = 0
    for block in iter_audio(path, on_cut=on_cut):
        held.append(block)
        count += len(block)
        if count >= HELD_SECONDS * SAMPLE_RATE:
            audio = np.concatenate(held)
            cut = _settled(audio)
            yield audio[:cut], cut
            held, count = [audio[cut:]], len(audio) - cut
    yield np.concatenate(held), count


def _settled(audio: Samples) -> int:
    """Where to cut `audio` so that no word is cut: after the last piece that more audio would not change."""
    settled = [piece.end for piece in pieces(audio) if not piece.last]
    # Without speech only the last second may hold the start of a word.
    return settled[-1] if settled else len(audio) - SAMPLE_RATE
