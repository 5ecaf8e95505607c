"""Partial transcripts at a cost that does not grow with the utterance, and which of their words are certain.

Two decodes of a growing utterance that agree on its first words are right about them nearly always (local agreement, Macháček
et al. 2023). What was understood before is the draft of the next decode: what is still right of it is read at once, and what more sound
shows to be wrong is corrected. Once words that are agreed on cover enough audio, that audio is left out altogether.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from threading import Event

import numpy as np
from numpy.typing import NDArray

from vita_tui.engines.served import Served
from vita_tui.engines.stt.base import SAMPLE_RATE, Recognizer, Transcription
from vita_tui.engines.stt.decoding import runaway
from vita_tui.engines.stt.decoding.decoder import UNSPACED

__all__ = ["Agreement", "Partial", "PartialTranscriber"]

CROWDED = 5.0
"""Seconds of window from which its stable beginning is cut off; with margin this is hardly more than the least window."""
KEPT_SECONDS = 2.5
"""Seconds that stay at least: the words in them still change, and those before them are their context."""
FINAL = 12.0
"""Seconds that are decoded again at least when the utterance is over: with fewer, words are lost that their context decides. Where 6 s were
cut off from what came before, "turnips and carrots" became "turnips and Some carrots"."""
STUCK = 9.0
"""Seconds of window at which it is cut whether its words are stable or not: an utterance that never settles must not grow."""


@dataclass(frozen=True, slots=True)
class Partial:
    """What has been understood so far."""

    stable: str
    """Two decodes in a row agreed on it: it hardly ever changes any more."""
    tail: str
    """May change with every partial."""
    audio_seconds: float
    """How much of the utterance this covers."""
    transcription: Transcription
    """Of the window that was decoded: its windows, tokens and time."""


class Agreement:
    """Which of the first words of successive decodes are stable."""

    def __init__(self) -> None:
        self.stable: list[str] = []
        self._previous: list[str] = []

    def update(self, words: Sequence[str]) -> list[str]:
        """Take the words of the newest decode; returns those after the stable ones.

        A word is stable when two decodes in a row have it and all before it at the same place, and a word follows it: the last
        word is often half spoken. Case and punctuation may differ, the newer decode's are kept.
        """
        agreed = 0
        for old, new in zip(self._previous, words, strict=False):
            if runaway.words(old) != runaway.words(new):
                break
            agreed += 1
        agreed = max(0, min(agreed, len(words) - 1))
        self.stable = list(words[:agreed])
        self._previous = list(words)
        return list(words[agreed:])

    def drop(self, count: int) -> list[str]:
        """Forget the first `count` words, which the next decode will not see; returns them."""
        dropped = self._previous[:count]
        del self.stable[:count]
        del self._previous[:count]
        return dropped


@dataclass(frozen=True, slots=True)
class _Cut:
    """Where the audio was cut, in samples, and how many words lie before."""

    offset: int
    words: int


class PartialTranscriber:
    """Transcribes one utterance again and again while it grows. Used by one thread at a time."""

    def __init__(self) -> None:
        self._agreement = Agreement()
        self._settled: list[str] = []
        """Words whose audio is left out."""
        self._cuts: list[_Cut] = [_Cut(0, 0)]
        """In order; the last one tells what is left out."""
        self._space = " "
        self._tail: list[str] = []

    def decode(
        self, recognizer: Recognizer, audio: NDArray[np.float32], cancelled: Event | None = None
    ) -> Partial | None:
        """Transcribe `audio`, the whole utterance so far; None when `cancelled` was set meanwhile, or the decode ran away.

        Raises:
            EngineError: the recognizer failed.
        """
        window = audio[self._cuts[-1].offset :]
        seconds = len(window) / SAMPLE_RATE
        # A server tells no times of words, by which sound could be left out; and one that streams wants what it has, and more.
        crowded = seconds > CROWDED and not isinstance(recognizer, Served)
        result = recognizer.transcribe(
            window,
            draft=self._draft,
            words=crowded,
            partial=True,
            cancelled=cancelled,
        )
        if (cancelled is not None and cancelled.is_set()) or (result.guard and not result.text):
            return None
        self._space = "" if result.language in UNSPACED else " "
        words = result.text.split() if self._space else list(result.text)
        self._tail = tail = self._agreement.update(words)
        partial = Partial(
            stable=self._space.join([*self._settled, *self._agreement.stable]),
            tail=self._space.join(tail),
            audio_seconds=len(audio) / SAMPLE_RATE,
            transcription=result,
        )
        if crowded:
            self._leave_out(result, len(words), seconds)
        return partial

    def finish(
        self, recognizer: Recognizer, audio: NDArray[np.float32], cancelled: Event | None = None
    ) -> Transcription:
        """Transcribe `audio`, the whole utterance; words that ended `FINAL` seconds before its end stand as they are.

        Raises:
            EngineError: the recognizer failed.
        """
        kept = len(audio) - round(FINAL * SAMPLE_RATE)
        cut = next((cut for cut in reversed(self._cuts) if cut.offset <= kept), self._cuts[0])
        draft = self._space.join([*self._settled[cut.words :], self._draft])
        rest = recognizer.transcribe(audio[cut.offset :], draft=draft, cancelled=cancelled)
        words = [*self._settled[: cut.words], *([rest.text] if rest.text else [])]
        return replace(rest, text=self._space.join(words), audio_seconds=len(audio) / SAMPLE_RATE)

    @property
    def _draft(self) -> str:
        """What was understood last of the audio that is not left out."""
        return self._space.join([*self._agreement.stable, *self._tail])

    def _leave_out(self, result: Transcription, words: int, seconds: float) -> None:
        """Cut the window after a stable word that ends `KEPT_SECONDS` seconds or more before its end."""
        stuck, stable = seconds > STUCK, len(self._agreement.stable)
        count = 0
        if len(result.words) == words:
            ended = sum(1 for word in result.words if word.end <= seconds - KEPT_SECONDS)
            count = ended if stuck else min(ended, stable)
        if count:
            end = result.words[count - 1].end
            begin = result.words[count].start if count < words else end
            cut = (end + max(begin, end)) / 2
        elif stuck or not words:
            cut = seconds - KEPT_SECONDS
        else:
            return
        self._settled += self._agreement.drop(count)
        del self._tail[: max(0, count - stable)]
        self._cuts.append(_Cut(self._cuts[-1].offset + int(cut * SAMPLE_RATE), len(self._settled)))
