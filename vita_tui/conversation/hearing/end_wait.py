"""How long a silence must last to be the end of a turn: from the words, the sound, the language model, and the speaker's own pauses.

Each kind of evidence adds to the log-odds that this was all, and the more likely that is, the shorter is the wait. A fixed wait either cuts
people off while they think or makes every answer late; `vita bench endpoint` measures one against the other, with each kind of evidence
and without it.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from vita_tui.conversation.hearing.completeness import Completeness, completeness
from vita_tui.conversation.hearing.situation import Situation, situation

__all__ = ["EndWait", "Evidence", "of_sound"]

FACTOR: dict[Completeness, float] = {"finished": 0.6, "open": 1.0, "unfinished": 2.25}
"""Of the setting `talk.end_silence`, where neither the sound nor the language model is asked."""
EVEN = 2.5
"""The same where it may as well be the end as not."""
HALVED = 2.0
"""So much in log-odds halves the wait, or doubles it."""
SOUND_WEIGHT = 1.0
MODEL_WEIGHT = 1.0
"""Of the log-odds of either. These and the two below were chosen on half of the speakers of a set of spoken orders and judged on the others:
docs/conversation.md."""
LEAST_OF_SOUND = -2.0
"""What the sound adds at least where the words are finished: there are flat voices."""
SURE = 0.5
"""Log-odds of the language model's probability, above which they count twice: of a hold it is seldom sure."""
MODEL_EVEN = -1.0
"""Log-odds of the language model's probability at which it says nothing: it always leaves room for more words."""
WORDS: dict[Completeness, float] = {"finished": 1.0, "open": 0.0, "unfinished": -2.0}
"""What the words add to the log-odds."""
SHORT_ANSWER = 2
"""Words."""
SITUATION: dict[Situation, float] = {
    "holding": 0.0,
    "thinking": -4.0,
    "number": -2.0,
    "decided": 2.0,
    "asked": -0.5,
    "none": 0.0,
}
"""What a situation adds."""
LEAST: dict[Situation, float] = {"holding": 15.0, "thinking": 3.0, "number": 1.2}
"""Seconds that are waited in any case."""
MOST_CERTAIN = 0.995
"""The sound or the model alone is never more certain than that, either way."""
MIN_WAIT = 0.35
"""Seconds: gaps inside fluent speech, stop consonants and breaths included, are shorter."""
LEAST_JUDGED = 0.2
"""The same where the sound says that it is no such gap."""
MAX_WAIT = 4.0
REMEMBERED_PAUSES = 24
"""Pauses; an old habit is forgotten as the conversation goes on."""


def _log_odds(probability: float) -> float:
    bounded = min(max(probability, 1 - MOST_CERTAIN), MOST_CERTAIN)
    return math.log(bounded / (1 - bounded))


def of_sound(scores: Sequence[float]) -> float | None:
    """One probability from those of the same pause, each 0 to 1: their mean in log-odds."""
    if not scores:
        return None
    return 1 / (1 + math.exp(-sum(map(_log_odds, scores)) / len(scores)))


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known about a pause."""

    text: str = ""
    """The words so far."""
    language: str = "en"
    """Of the words."""
    asked: str = ""
    """What the assistant said just before."""
    sound: float | None = None
    """How likely the sound makes it that this is the end, 0 to 1; None where it is not judged."""
    model: float | None = None
    """How likely the language model thinks it that the message ends here, 0 to 1; for a request that needs no model, how likely such are;
    None where neither is known."""

    @property
    def situation(self) -> Situation:
        return situation(self.text, self.asked, self.language)

    @property
    def completeness(self) -> Completeness:
        return completeness(self.text, self.language) if self.text.strip() else "open"

    @property
    def judged(self) -> bool:
        """Whether anything but the words speaks."""
        return self.sound is not None or self.model is not None

    def log_odds(self) -> float:
        """That this is the end."""
        found = WORDS[self.completeness] + SITUATION[self.situation]
        if self.sound is not None:
            heard = SOUND_WEIGHT * _log_odds(self.sound)
            found += max(heard, LEAST_OF_SOUND) if self.completeness == "finished" else heard
        if self.model is not None:
            thought = _log_odds(self.model)
            expected = MODEL_WEIGHT * (thought - MODEL_EVEN + max(thought - SURE, 0.0))
            # To a question one answers in a word or two; no model expects a message to be as short.
            answers = self.situation in ("asked", "decided") and len(self.text.split()) <= SHORT_ANSWER
            found += max(expected, 0.0) if answers else expected
        return found

    @property
    def probability(self) -> float:
        """That this is the end, 0 to 1."""
        return 1 / (1 + math.exp(-self.log_odds()))


class EndWait:
    """How long a silence must last to be the end, for one user in one conversation."""

    def __init__(self) -> None:
        self._pauses: deque[float] = deque(maxlen=REMEMBERED_PAUSES)

    def seconds(self, end_silence: float, evidence: Evidence) -> float:
        """Seconds of silence after which what was said is all.

        Args:
            end_silence: the setting `talk.end_silence`: the wait when nothing speaks for an end or against it.
        """
        state = evidence.situation
        if state == "number":
            # Digits may always be followed by more: neither a model nor the voice knows where the number ends.
            wait, likely = end_silence * FACTOR["unfinished"], False
        elif evidence.judged:
            log_odds = evidence.log_odds()
            wait, likely = end_silence * EVEN * 2 ** (-log_odds / HALVED), log_odds > HALVED
        else:
            wait = end_silence * FACTOR[evidence.completeness] * 2 ** (-SITUATION[state] / HALVED)
            likely = evidence.completeness == "finished"
        if not likely:
            wait = max(wait, self._habit() * 1.15)
        wait = min(max(wait, LEAST_JUDGED if evidence.sound is not None else MIN_WAIT), MAX_WAIT)
        return max(wait, LEAST.get(state, 0.0))

    def went_on(self, pause: float) -> None:
        """The user spoke again after `pause` seconds of silence: that was not the end."""
        if pause >= 0.2:
            self._pauses.append(pause)

    def _habit(self) -> float:
        """The pause that nine in ten of the user's pauses do not exceed; 0 before there are four."""
        if len(self._pauses) < 4:
            return 0.0
        ordered = sorted(self._pauses)
        return ordered[int(0.9 * (len(ordered) - 1))]
