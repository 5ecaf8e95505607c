"""Silences for measuring the end of a turn: those inside of recordings, and the one after each.

Each recording is one turn. It is cut at random word boundaries, where a hold is put in as long as people's really are; its last silence is
the end. For every silence it is noted what VITA knows as it goes on: the words so far, and what Smart Turn says of the sound.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

import numpy as np

from vita_tui.audio.base import SAMPLE_RATE, Samples
from vita_tui.bench.recordings import SpokenSample, trimmed
from vita_tui.engines.stt.base import Recognizer
from vita_tui.engines.turn.smart_turn import EndScorer

__all__ = ["AT", "Silence", "silences"]

HOLDS = 3
"""In each recording, where it has words enough."""
MEDIAN_SECONDS, SIGMA = 0.6, 0.75
"""Of a hold: log-normal, as in recorded conversations."""
SHORTEST, LONGEST = 0.2, 5.0
AT = (0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1.1, 1.5)
"""Seconds of silence at which the sound is judged."""
ROOM_DBFS = -65.0
"""Noise that a silence is made of."""
FADE = 0.1
"""Seconds in which a voice dies away at the end of a recording."""
BREATH = 0.05
"""Seconds after a word's end that still belong to it."""


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
    """Of the sound at each of `AT`: how likely it is that the speaker has finished."""


def silences(
    recordings: Sequence[SpokenSample], recognizer: Recognizer, scorer: EndScorer, *, seed: int = 1
) -> Iterator[Silence]:
    """The holds and the end of each recording."""
    for number, recording in enumerate(recordings):
        random = Random(f"{seed} {number} {recording.name}")  # noqa: S311  # repeatable, not secret
        audio = _to_the_last_sound(recording.audio)
        words = recognizer.transcribe(audio, words=True).words
        inner = [word.end for word in words[1:-1]]
        for cut in sorted(random.sample(inner, min(HOLDS, len(inner)))):
            seconds = random.lognormvariate(math.log(MEDIAN_SECONDS), SIGMA)
            seconds = min(max(seconds, SHORTEST), LONGEST)
            spoken = audio[: round((cut + BREATH) * SAMPLE_RATE)]
            yield _silence(recording.name, "hold", seconds, spoken, recognizer, scorer, random)
        yield _silence(recording.name, "end", math.inf, audio, recognizer, scorer, random)


def _to_the_last_sound(audio: Samples) -> Samples:
    """`audio` with the beginning of its last silence, in which a voice dies away."""
    return audio[: len(trimmed(audio)) + round(FADE * SAMPLE_RATE)]


def _silence(
    name: str,
    kind: Literal["hold", "end"],
    seconds: float,
    spoken: Samples,
    recognizer: Recognizer,
    scorer: EndScorer,
    random: Random,
) -> Silence:
    text = recognizer.transcribe(np.concatenate([spoken, _room(0.3, random)])).text
    scores = tuple(
        round(scorer.probability(np.concatenate([spoken, _room(at, random)])), 4)
        for at in AT
        if at <= seconds
    )
    return Silence(name, kind, seconds, text, scores)


def _room(seconds: float, random: Random) -> Samples:
    noise = np.random.default_rng(random.getrandbits(32)).standard_normal(round(seconds * SAMPLE_RATE))
    return (noise * 10 ** (ROOM_DBFS / 20)).astype(np.float32)
