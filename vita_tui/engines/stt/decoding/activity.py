"""Where in a recording there is speech, judged by the Silero network that faster-whisper ships.

Whisper writes down words for any sound that it is given, silence included; and the less silence surrounds the speech, the
less often a short window makes it repeat itself. So audio passes here first. The network runs over a whole block at once:
2 ms for a second of audio, a fortieth of what chunk by chunk costs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vita_tui.engines.onnx import open_session
from vita_tui.engines.stt.base import SAMPLE_RATE
from vita_tui.engines.whisper_parts import whisper_file

__all__ = ["MAX_SEGMENT_SECONDS", "SpeechSegment", "pieces", "sentences", "speech_probabilities"]

CHUNK = 512
"""Samples that one probability stands for: 32 ms."""
MAX_SEGMENT_SECONDS = 25.0
"""Seconds in a piece: with margin it fits Whisper's 30."""
SPEECH = 0.5
"""Probability that proves speech. White and pink noise, hum and chords stay under 0.4, one-word answers reach 0.9."""
LEAST_CHUNKS = 2
"""Chunks over `SPEECH` without which there was none."""
MAYBE = 0.35
"""Probability that may be the quiet start or end of a word (Silero's own hysteresis: 0.15 under the threshold)."""
EDGE = 0.3
"""Seconds that are kept around speech: soft consonants score low."""
OVERLAP = 1.0
"""Seconds of a block without speech that are looked at again with the next block: a word may begin there."""


SENTENCE = 2.0
"""Seconds from which on a pause ends what `sentences` gives: the language of less is a guess."""
SENTENCE_PAUSE = 0.3
"""Seconds without speech that end a sentence."""

NETWORK = "assets/silero_vad_v6.onnx"
CONTEXT = 64
"""Samples before each chunk that the network is given with it."""
STATE = 128
"""Numbers in each of its two states."""
AT_ONCE = 10_000
"""Chunks in one run: five minutes."""


@dataclass(frozen=True, slots=True)
class SpeechSegment:
    """Speech between sample `start` and sample `end`."""

    start: int
    end: int
    last: bool
    """More audio at the end would make it another piece."""


def speech_probabilities(audio: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probability of speech in each `CHUNK` of `audio`, the last one filled up with silence."""
    # faster-whisper overwrites the end of its input: pad copies, also where nothing is to be padded.
    padded = np.pad(audio.astype(np.float32, copy=False), (0, -len(audio) % CHUNK))
    probabilities: NDArray[np.float32] = np.asarray(_network()(padded)).reshape(-1)
    return probabilities


@cache
def _network() -> Callable[[NDArray[np.float32]], Any]:
    """Silero's, as it comes with faster-whisper; by way of its own module where that has another version of it."""
    if (file := whisper_file(NETWORK)) is None:
        made: Callable[[NDArray[np.float32]], Any] = import_module("faster_whisper.vad").get_vad_model()
        return made
    session = open_session(file, 1)

    def run(audio: NDArray[np.float32]) -> Any:
        chunks = audio.reshape(-1, CHUNK)
        before = np.zeros((len(chunks), CONTEXT), np.float32)
        before[1:] = chunks[:-1, -CONTEXT:]
        hidden = cell = np.zeros((1, 1, STATE), np.float32)
        found = []
        for start in range(0, len(chunks), AT_ONCE):
            some = slice(start, start + AT_ONCE)
            given = {"input": np.concatenate((before[some], chunks[some]), axis=1), "h": hidden, "c": cell}
            made, hidden, cell = session.run(None, given)
            found.append(made)
        return np.concatenate(found)

    return run


def pieces(audio: NDArray[np.float32], *, longest: float = MAX_SEGMENT_SECONDS) -> Iterator[SpeechSegment]:
    """The stretches of `audio` that hold speech, at most `longest` seconds each, cut where the speaker pauses.

    Looks at one block at a time, so memory does not grow with the length of `audio`. Where pieces are cut depends only on the
    audio before them: a longer recording of the same speech begins with the same pieces.
    """
    size = int(longest * SAMPLE_RATE)
    overlap = int(OVERLAP * SAMPLE_RATE)
    position = 0
    while position < len(audio):
        block = audio[position : position + size]
        more = position + len(block) < len(audio)
        probabilities = speech_probabilities(block)
        if more:
            cut = _cut(probabilities)
            probabilities = probabilities[:cut]
        span = _speech_span(probabilities)
        length = min(len(block), len(probabilities) * CHUNK)
        if span is not None:
            edge = int(EDGE * SAMPLE_RATE)
            yield SpeechSegment(
                position + max(0, span[0] * CHUNK - edge),
                position + min(length, span[1] * CHUNK + edge),
                last=not more,
            )
            position += length
        else:
            position += max(length - overlap, CHUNK) if more else length


def sentences(audio: NDArray[np.float32]) -> list[tuple[int, int]]:
    """First and one past the last sample of stretches that end where the speaker pauses, some seconds each and together all of `audio`.

    Short enough that hardly ever two languages are in one.
    """
    quiet = speech_probabilities(audio) < MAYBE
    edges = np.flatnonzero(np.diff(np.concatenate(([False], quiet, [False])).astype(np.int8)))
    found: list[tuple[int, int]] = []
    start = 0
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        middle = int(begin + end) // 2 * CHUNK
        if (end - begin) * CHUNK >= SENTENCE_PAUSE * SAMPLE_RATE and middle - start >= SENTENCE * SAMPLE_RATE:
            found.append((start, middle))
            start = middle
    if start < len(audio):
        found.append((start, len(audio)))
    return found


def _speech_span(probabilities: NDArray[np.float32]) -> tuple[int, int] | None:
    """First and one past the last chunk of speech; None without any."""
    if int(np.count_nonzero(probabilities >= SPEECH)) < LEAST_CHUNKS:
        return None
    maybe = np.flatnonzero(probabilities >= MAYBE)
    return int(maybe[0]), int(maybe[-1]) + 1


def _cut(probabilities: NDArray[np.float32]) -> int:
    """The chunk at which to cut: amid the longest pause of the second half, else where speech is least likely."""
    middle = len(probabilities) // 2
    quiet = probabilities[middle:] < MAYBE
    edges = np.flatnonzero(np.diff(np.concatenate(([False], quiet, [False])).astype(np.int8)))
    starts, ends = edges[::2], edges[1::2]
    if len(starts) == 0:
        return middle + int(np.argmin(probabilities[middle:]))
    longest = int(np.argmax(ends - starts))
    return middle + max(1, int(starts[longest] + ends[longest]) // 2)
