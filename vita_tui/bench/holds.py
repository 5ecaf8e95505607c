"""Silences for measuring the end of a turn: those inside of recordings, and the one after each.

Each recording is one turn. Where it has silences of its own, they are holds; besides, it is cut at random word boundaries, where a hold is
put in as long as people's really are; its last silence is the end. For every silence it is noted what VITA knows as it goes on: the words
so far, what Smart Turn says of the sound, and what the language model says of the words.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

import numpy as np

from vita_tui.audio.base import BLOCK, SAMPLE_RATE, Samples
from vita_tui.audio.voice import FRAME_SECONDS, Onsets, VoiceActivity, VoiceChange
from vita_tui.bench.recordings import SpokenSample, trimmed
from vita_tui.engines.stt.base import Recognizer, Word
from vita_tui.engines.turn.smart_turn import EndScorer

__all__ = ["AT", "Silence", "pauses", "silences"]

HOLDS = 3
"""Made in each recording, where it has words enough."""
MEDIAN_SECONDS, SIGMA = 0.6, 0.75
"""Of a hold: log-normal, as in recorded conversations."""
SHORTEST, LONGEST = 0.2, 5.0
AT = (0.13, 0.22, 0.32)
"""Seconds of silence at which the sound is judged: when the frames of 32 ms are there."""
QUIETEST = 5
"""Per cent of a recording's tenths of seconds that are as quiet as its room."""
FADE = 0.1
"""Seconds in which a voice dies away at the end of a recording."""
CUT_FADE = 0.02
"""The same where a recording is cut."""
AFTER_SECONDS = 0.15
"""Of silence that recognition gets with what came before it."""
NEAR = 0.3
"""Seconds: a hold that would be so near to a silence is none of its own."""
PAUSE_THRESHOLD = 0.5
"""Probability of voice, as `talk.threshold`."""

EndModel = Callable[[str], float | None]
"""How likely a language model makes it that a message is whole."""


@dataclass(frozen=True, slots=True)
class Silence:
    """One silence after some words."""

    recording: str
    kind: Literal["hold", "end"]
    seconds: float
    """How long a hold is; infinite for the end."""
    text: str
    """What has been understood up to it."""
    scores: tuple[float, ...]
    """Of the sound at each of `AT`, as far as it lasts: how likely it is that the speaker has finished."""
    model: float | None = None
    """How likely the language model makes it that this was all."""
    language: str = "en"
    natural: bool = False
    """It is the recording's own."""
    at: float = 0.0
    """Seconds of the recording before it."""


def silences(
    recordings: Sequence[SpokenSample],
    recognizer: Recognizer,
    scorer: EndScorer,
    model: EndModel = lambda text: None,
    *,
    seed: int = 1,
) -> Iterator[Silence]:
    """The holds and the end of each recording.

    Raises:
        EngineError: an engine failed.
    """
    for number, recording in enumerate(recordings):
        random = Random(f"{seed} {number} {recording.name}")  # noqa: S311  # repeatable, not secret
        audio = _to_the_last_sound(recording.audio)
        hush = _Hush(recording.audio, random)

        def silence(
            spoken: Samples,
            follows: Samples,
            seconds: float = math.inf,
            *,
            natural: bool = False,
            name: str = recording.name,
        ) -> Silence:
            heard = recognizer.transcribe(np.concatenate([spoken, follows[: _samples(AFTER_SECONDS)]]))
            scores = tuple(
                round(scorer.probability(np.concatenate([spoken, follows[: _samples(at)]])), 4)
                for at in AT
                if at <= seconds
            )
            likely = model(heard.text) if heard.text.strip() else None
            kind: Literal["hold", "end"] = "end" if seconds == math.inf else "hold"
            at = len(spoken) / SAMPLE_RATE
            return Silence(name, kind, seconds, heard.text, scores, likely, heard.language, natural, at)

        own = pauses(audio)
        for start, end in own:
            yield silence(audio[: _samples(start)], audio[_samples(start) :], end - start, natural=True)
        words = recognizer.transcribe(audio, words=True).words
        for cut in _cuts(words, recording.holds, own, random):
            seconds = random.lognormvariate(math.log(MEDIAN_SECONDS), SIGMA)
            seconds = min(max(seconds, SHORTEST), LONGEST)
            yield silence(_faded(audio[: _samples(cut)]), hush.seconds(AT[-1]), seconds)
        yield silence(audio, hush.seconds(AT[-1]))


def pauses(audio: Samples) -> list[tuple[float, float]]:
    """Beginning and end, in seconds, of each silence inside of `audio` that a listener takes for a pause and that lasts 0.2 to 5 s."""
    activity, onsets = VoiceActivity(), Onsets(PAUSE_THRESHOLD, end_seconds=SHORTEST)
    found: list[tuple[float, float]] = []
    ended: float | None = None
    for number in range(len(audio) // BLOCK):
        at = number * FRAME_SECONDS
        change = onsets.feed(activity.probability(audio[number * BLOCK : (number + 1) * BLOCK]), at)
        if change is VoiceChange.ENDED:
            ended = onsets.since
        elif change is VoiceChange.STARTED and ended is not None:
            if SHORTEST <= onsets.since - ended <= LONGEST:
                found.append((ended, onsets.since))
            ended = None
    return found


def _cuts(
    words: Sequence[Word], marks: Sequence[float], own: Sequence[tuple[float, float]], random: Random
) -> list[float]:
    """Ends of words after which a hold is made: nearest to `marks`, or where there are none, at random; not where there is a silence."""
    ends = [word.end for word in words]
    letters = np.cumsum([sum(map(str.isalnum, word.text)) for word in words])
    if marks and len(words) > 1:
        shares = letters[:-1] / letters[-1]
        chosen = [ends[int(np.abs(shares - mark).argmin())] for mark in marks]
    else:
        inner = ends[1:-1]
        chosen = random.sample(inner, min(HOLDS, len(inner)))
    return sorted({cut for cut in chosen if not any(a - NEAR < cut < b + NEAR for a, b in own)})


class _Hush:
    """The room of a recording when nobody speaks: noise as loud as its quietest moments."""

    def __init__(self, audio: Samples, random: Random) -> None:
        size = SAMPLE_RATE // 10
        tenths = audio[: len(audio) // size * size].reshape(-1, size)
        loudness = np.sqrt((tenths**2).mean(axis=1)) if len(tenths) else np.zeros(1)
        loudness = loudness[loudness > 0.0]
        self._loudness = float(np.percentile(loudness, QUIETEST)) if len(loudness) else 0.0
        self._random = random

    def seconds(self, seconds: float) -> Samples:
        noise = np.random.default_rng(self._random.getrandbits(32)).standard_normal(_samples(seconds))
        return (noise * self._loudness).astype(np.float32)


def _to_the_last_sound(audio: Samples) -> Samples:
    """`audio` with the beginning of its last silence, in which a voice dies away."""
    return audio[: len(trimmed(audio)) + _samples(FADE)]


def _faded(audio: Samples) -> Samples:
    size = min(_samples(CUT_FADE), len(audio))
    faded = audio.copy()
    faded[len(faded) - size :] *= np.linspace(1.0, 0.0, size, dtype=np.float32)
    return faded


def _samples(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE)
