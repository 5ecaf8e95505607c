"""Tells a decode that can be believed from one that ran away.

On a window much shorter than the 30 s that Whisper was trained on, a decode sometimes repeats itself without end, or says
what nobody said. Such a decode is recognisable without knowing the words: more tokens than the audio has room for, a text
that compresses too well, the same words again and again, or a low probability of the tokens. One short word is often written twice: of 40
recordings of one digit 15 on a window of 5 s, 7 on 10 s, none on 20 s.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from vita_tui.engines.stt.runtime.onnx_whisper import TokenChoice

__all__ = [
    "FULL_WINDOW",
    "SECOND_OPINION",
    "DecodedWindow",
    "believable",
    "best",
    "budget",
    "compression_ratio",
    "doubled",
    "once",
    "reasons",
    "repetition",
    "runaway",
    "wordless",
    "words",
]

FULL_WINDOW = 30.0
"""Seconds that Whisper was trained on."""
COMPRESSION_RATIO = 2.4
"""Length of the text over its zlib length; OpenAI's threshold."""
LOG_PROBABILITY = -1.0
"""Least mean log-probability of a token on the full window; OpenAI's threshold."""
SHORT_LOG_PROBABILITY = -0.8
"""The same on a shorter window, where a weak decode may be half a sentence. Measured on clean and noisy speech: what lies over it is
the same on a longer window, right or wrong."""
ONE_WORD = 3
"""Tokens up to which OpenAI's threshold is used on every window: the uncertain full stop weighs much in a short answer."""
NO_SPEECH = 0.6
"""Probability of no speech from which a weak decode counts as silence; OpenAI's threshold, on the full window."""
SHORT_NO_SPEECH = 0.4
"""The same on a shorter window, where a loud kitchen stays under OpenAI's: its weak decodes ("Right.", "I think") are at 0.40 to 0.50, those
of spoken digits, as weak but right, at 0.32 at most."""
SECOND_OPINION = 20.0
"""Seconds of the window that decides whether the same words were said twice."""
WORD_SECONDS = 0.45
"""Speech for each word of a text that is all the same words again; with less it was said once, or in a hurry."""
WEAK_PHRASE_LOG_PROBABILITY = -0.7
WEAK_PHRASE_NO_SPEECH = 0.4
TOKENS_AT_START = 8
"""Tokens that even the shortest audio may hold: a word, its punctuation and a margin."""
_WORD = r"[^\W_]+(?:['’][^\W_]+)*"
DENSE = frozenset(
    re.findall(
        r"\w+",
        "am ar as ba be bn bo el fa gu ha he hi hy ja ka kk km kn ko lo ml mn mr my ne pa ps ru sa sd si sn so sr ta te tg th "
        "tk tt uk ur yi yue zh",
    )
)
"""Languages that take two or three tokens for what takes one in a Latin script."""

INVENTED = frozenset(
    (
        "you",
        "thank you",
        "thank you very much",
        "thank you for watching",
        "thanks for watching",
        "thank you for listening",
        "please subscribe",
        "so",
        "oh",
        "i",
        "the",
        "the end",
    )
)
"""What Whisper writes for sounds without words. It is dropped only where the decode is weak: people say these things too."""


@dataclass(frozen=True, slots=True)
class DecodedWindow:
    """One decode of one window."""

    text: str
    """With the words that were known before."""
    tokens: tuple[int, ...]
    """Without those of the words that were known before."""
    log_probability: float
    """Mean over the tokens, the end token included."""
    no_speech: float
    """Probability that there was no speech, 0 to 1."""
    window: float
    """Seconds that were encoded."""
    temperature: float
    full: bool
    """It used up all its tokens: there may have been more to come."""
    seconds: float = math.inf
    """Of speech, without the silence around it."""
    choices: tuple[TokenChoice, ...] = ()
    """For each of `tokens` and the end token, where they are known."""
    past: tuple[NDArray[np.float32], ...] = ()
    """What the decoder has read for it, where that is known."""


def budget(seconds: float, language: str) -> int:
    """The most tokens that `seconds` of speech can hold.

    Fast English is 3.5 words, 5.5 tokens a second; German and Polish reach 9; scripts that Whisper spells in bytes, 20.
    """
    rate = 25.0 if language in DENSE else 11.0
    return min(224, TOKENS_AT_START + math.ceil(rate * seconds))


def reasons(attempt: DecodedWindow) -> tuple[str, ...]:
    """Why `attempt` is not to be believed, in words; empty when it is."""
    found = []
    if attempt.full:
        found.append(f"{len(attempt.tokens)} tokens and no end")
    ratio = compression_ratio(attempt.text)
    if ratio > COMPRESSION_RATIO:
        found.append(f"compression ratio {ratio:.1f}")
    if repeated := repetition(attempt.text):
        found.append(f"repeats “{repeated}”")
    if doubled(attempt):
        found.append(f"says “{once(attempt.text)}” more than once")
    lenient = attempt.window >= FULL_WINDOW or len(attempt.tokens) <= ONE_WORD
    least = LOG_PROBABILITY if lenient else SHORT_LOG_PROBABILITY
    if not math.isfinite(attempt.log_probability) or attempt.log_probability < least:
        found.append(f"mean log-probability {attempt.log_probability:.2f}")
    return tuple(found)


def believable(attempt: DecodedWindow, earlier: Sequence[DecodedWindow]) -> bool:
    """Whether `attempt` can be taken, knowing the attempts before it.

    A text that two windows agree on was said, however odd it looks: people do say "no, no, no, no, no, no". And what is weak on two
    windows but did not run away gets no better on a third: the likelier of the two is taken.
    """
    if not reasons(attempt):
        return True
    if not runaway(attempt) and any(not runaway(other) for other in earlier):
        return True
    if attempt.full:
        return False
    said = words(attempt.text)
    return any(words(other.text) == said and not other.full for other in earlier)


def best(attempts: Sequence[DecodedWindow]) -> DecodedWindow | None:
    """The likeliest of `attempts` that did not run away; None when all did."""
    sane = [
        attempt for attempt in attempts if not runaway(attempt) and math.isfinite(attempt.log_probability)
    ]
    return max(sane, key=lambda attempt: attempt.log_probability, default=None)


def runaway(attempt: DecodedWindow) -> bool:
    """Whether `attempt` ran on or went round in circles."""
    return (
        attempt.full
        or compression_ratio(attempt.text) > COMPRESSION_RATIO
        or bool(repetition(attempt.text))
        or doubled(attempt)
    )


def doubled(attempt: DecodedWindow) -> bool:
    """Whether all that was said are the same words again, in less time than it takes to say them."""
    said = words(attempt.text)
    return bool(once(attempt.text)) and attempt.seconds < WORD_SECONDS * len(said)


def once(text: str) -> str:
    """The words that all of `text` repeats; empty when it does not."""
    found = list(re.finditer(_WORD, text))
    said = [match[0].casefold() for match in found]
    for size in range(1, len(said) // 2 + 1):
        if len(said) % size == 0 and said == said[:size] * (len(said) // size):
            return text[: found[size - 1].end()]
    return ""


def wordless(attempt: DecodedWindow) -> bool:
    """Whether `attempt` is what Whisper writes for sound without words."""
    said = " ".join(words(attempt.text))
    if not said:
        return True
    silence = NO_SPEECH if attempt.window >= FULL_WINDOW else SHORT_NO_SPEECH
    if attempt.no_speech > silence and attempt.log_probability < LOG_PROBABILITY:
        return True
    weak = attempt.log_probability < WEAK_PHRASE_LOG_PROBABILITY or attempt.no_speech > WEAK_PHRASE_NO_SPEECH
    return weak and said in INVENTED


def compression_ratio(text: str) -> float:
    """Bytes of `text` over the bytes that zlib needs for it; under 1 for a short text."""
    raw = text.encode()
    return len(raw) / len(zlib.compress(raw))


def repetition(text: str) -> str:
    """The words that follow on themselves too often; empty when none do.

    One word may come five times in a row, a group of two to eight words three times.
    """
    said = words(text)
    for size in range(1, 9):
        most = 5 if size == 1 else 3
        run = 0
        for index in range(size, len(said)):
            run = run + 1 if said[index] == said[index - size] else 0
            if run >= size * most:
                return " ".join(said[index - size + 1 : index + 1])
    return ""


def words(text: str) -> list[str]:
    """The words of `text` without case and punctuation."""
    return re.findall(_WORD, text.casefold())
