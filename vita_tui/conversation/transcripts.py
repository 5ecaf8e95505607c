"""What is said in recordings, however long they are, in one language or in several."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from vita_tui.audio.base import SAMPLE_RATE, Samples
from vita_tui.audio.decoding import iter_audio
from vita_tui.audio.media_source import MediaSource
from vita_tui.engines.chain import Chain
from vita_tui.engines.stt.base import Recognizer, Transcription, Word
from vita_tui.engines.stt.decoding.activity import pieces, sentences
from vita_tui.engines.stt.decoding.decoder import UNSPACED

__all__ = ["FileTranscript", "Transcribe", "TranscriptPart", "transcribe_file", "transcribe_recording"]

HELD_SECONDS = 60.0
"""Audio in memory at once."""
LANGUAGE_SECONDS = 2.0
"""Seconds of speech from which on it is asked in which language it is; one that is shorter is heard in that of what came before."""

LIKELIER = 0.1
"""Mean probability of a word by which another language must be likelier to be believed. Where one begins in the recordings of
tests/conversation/test_transcripts.py it is 0.3 to 0.5; a mumbled sentence in the same language may reach 0.03."""


Transcribe = Callable[[Samples, str | None, bool], Transcription]
"""Transcribes a stretch of speech in a language (None for the recognizer's setting), with the times of its words or without; as
`Recognizer.transcribe`."""


@dataclass(frozen=True, slots=True)
class TranscriptPart:
    """A stretch in one language."""

    start: float
    """Seconds from the beginning of the recording."""
    end: float
    language: str
    text: str
    words: tuple[Word, ...] = ()
    """With their times, when they were asked for."""


@dataclass(frozen=True, slots=True)
class FileTranscript:
    text: str
    language: str
    """The one of most of the text."""
    seconds: float
    """Length of the audio."""
    parts: tuple[TranscriptPart, ...] = ()
    """More than one where more than one language is spoken."""
    problem: str = ""
    """A sentence when the recording is damaged or breaks off: the text is that of the rest."""


def transcribe_file(
    recognizers: Chain[Recognizer],
    source: MediaSource,
    *,
    languages: str = "",
    track: int | None = None,
    words: bool = False,
    on_note: Callable[[str], None] = lambda _: None,
    on_progress: Callable[[float, float | None], None] = lambda *_: None,
) -> FileTranscript:
    """`transcribe_recording` by the recognizers of a chain, in this thread.

    Args:
        languages: "auto" to find out for each stretch in which language it is; else the recognizer's own setting counts.

    Raises:
        AudioFileError: it cannot be read.
        NoEngineError: no recognizer works.
    """

    def transcribe(audio: Samples, language: str | None, times: bool) -> Transcription:
        for attempt in recognizers.attempts(allowance=len(audio) / SAMPLE_RATE):
            with attempt as engine:
                engine.load()
                result = engine.transcribe(audio, language=language, words=times)
        return result

    return transcribe_recording(
        transcribe,
        source,
        each=languages == "auto",
        track=track,
        words=words,
        on_note=on_note,
        on_progress=on_progress,
    )


def transcribe_recording(
    transcribe: Transcribe,
    source: MediaSource,
    *,
    each: bool = False,
    language: str | None = None,
    track: int | None = None,
    words: bool = False,
    held_seconds: float = HELD_SECONDS,
    on_part: Callable[[TranscriptPart], None] = lambda _: None,
    on_note: Callable[[str], None] = lambda _: None,
    on_progress: Callable[[float, float | None], None] = lambda *_: None,
) -> FileTranscript:
    """Transcribe a recording piece by piece, cut where the speaker pauses; an hour takes no more memory than a minute.

    Args:
        each: find out for each stretch in which language it is.
        language: of the recording; None for the recognizer's setting, or, once it is known, that of its beginning.
        words: also find out when each word was said.
        track, on_note: as in `iter_audio`.
        held_seconds: of audio that is in memory, and transcribed, at once.
        on_part: called with each stretch as it is understood.
        on_progress: called with the seconds that are done, and those that there are, when they are known.

    Raises:
        AudioFileError: it cannot be read.
    """
    cuts: list[str] = []
    heard = _Heard(transcribe, each=each, language=language, words=words, on_part=on_part)
    total = 0
    length: list[float] = []
    blocks = iter_audio(source, track=track, on_cut=cuts.append, on_note=on_note, on_length=length.append)
    for audio, fresh in _stretches(blocks, held_seconds):
        heard.stretch(audio, total)
        total += fresh
        on_progress(total / SAMPLE_RATE, length[0] if length else None)
    parts = tuple(_joined(heard.parts))
    amounts: dict[str, int] = {}
    for part in parts:
        amounts[part.language] = amounts.get(part.language, 0) + len(part.text)
    return FileTranscript(
        " ".join(part.text for part in parts),
        max(amounts, key=lambda name: amounts[name], default=heard.language),
        total / SAMPLE_RATE,
        parts,
        " ".join(cuts),
    )


class _Heard:
    """What has been understood so far, and in which language."""

    def __init__(
        self,
        transcribe: Transcribe,
        *,
        each: bool,
        language: str | None,
        words: bool,
        on_part: Callable[[TranscriptPart], None],
    ) -> None:
        self._ask = transcribe
        self._each = each
        self._words = words
        self._on_part = on_part
        self.language = language or ""
        self.parts: list[TranscriptPart] = []

    def stretch(self, audio: Samples, offset: int) -> None:
        """Transcribe `audio`, whose first sample is number `offset` of the recording."""
        spans = sentences(audio) if self._each else [(0, len(audio))]
        for start, end in spans:
            result = self._sentence(audio[start:end])
            text = result.text.strip()
            if text:
                self.language = result.language
                begin = (offset + start) / SAMPLE_RATE
                length = (end - start) / SAMPLE_RATE
                part = TranscriptPart(
                    round(begin, 2),
                    round(begin + length, 2),
                    result.language,
                    text,
                    tuple(
                        Word(word.text, round(begin + word.start, 2), round(begin + word.end, 2))
                        for word in result.words
                    ),
                )
                self.parts.append(part)
                self._on_part(part)
            else:
                self.language = self.language or result.language

    def _sentence(self, audio: Samples) -> Transcription:
        known = self.language
        if not self._each or not known:
            return self._transcribe(audio, known or None)
        if len(audio) < LANGUAGE_SECONDS * SAMPLE_RATE:
            return self._transcribe(audio, known)
        found = self._transcribe(audio, "auto")
        if found.language == known:
            return found
        # Another one only where its words are clearly likelier: one sentence is little to tell a language from.
        same = self._transcribe(audio, known)
        return found if found.confidence >= same.confidence + LIKELIER else same

    def _transcribe(self, audio: Samples, language: str | None) -> Transcription:
        return self._ask(audio, language, self._words)


def _joined(parts: list[TranscriptPart]) -> Iterator[TranscriptPart]:
    """Neighbours in one language as one."""
    last: TranscriptPart | None = None
    for part in parts:
        if last is not None and last.language == part.language:
            space = "" if part.language in UNSPACED else " "
            last = replace(
                last, end=part.end, text=f"{last.text}{space}{part.text}", words=last.words + part.words
            )
            continue
        if last is not None:
            yield last
        last = part
    if last is not None:
        yield last


def _stretches(blocks: Iterator[Samples], held_seconds: float) -> Iterator[tuple[Samples, int]]:
    """Audio between pauses, and how many samples of the recording each stretch has used up."""
    held: list[Samples] = []
    count = 0
    for block in blocks:
        held.append(block)
        count += len(block)
        if count >= held_seconds * SAMPLE_RATE:
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
