"""Somebody speaks while it is our turn: the reply is turned down at once, and it is found out whether that was meant.

An interruption is won by words that want something and are not our own; it is lost when the sound ends without any, or goes on for
too long without any: a cough, "mhm", music, our own echo.

It has no thread, no timer and no speaker: every method takes `now` and returns what is to be done. `deadline` says when `tick` is due.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from vita_tui.conversation.hearing.backchannel import meaning
from vita_tui.conversation.hearing.echo_text import OwnWords
from vita_tui.conversation.hearing.open_utterance import EDGE_SECONDS
from vita_tui.conversation.hearing.signals import DraftTranscript, Understood, WordsSoFar
from vita_tui.events import Interjection

__all__ = ["DUCKED", "HINTED", "WORDS_SECONDS", "Duck", "GiveBack", "Interruption", "Outcome", "TakeFloor"]

log = logging.getLogger(__name__)

DUCKED = 0.2
"""Loudness of a reply that somebody speaks into: 14 dB less."""
HINTED = 0.5
"""The same at the first 32 ms that sound like a voice: 6 dB less, until it is certain or over."""
HINT_SECONDS = 0.2
"""After so long without more of it the reply comes back up."""
SHORT_SECONDS = 0.5
"""Of voice; back-channels in Piper's voice have 0.3 to 0.5, and "Tell me more" 0.7."""
SHORT_WORDS = 2
CERTAIN = 0.5
"""Confidence in words that may end a reply; coughs and hums that are taken for words have less."""
CERTAIN_OF_SHORT = 0.6
"""The same for less than half a second of voice: "oh" and "good" are taken for other words with less."""
SURE = 0.75
"""Confidence in several words of one decode, above which no second one is waited for. Of sounds that are none, none has had more than 0.5."""
SURE_WORDS = 3
WORDS_SECONDS = 2.5
"""Seconds in which voice must have become words; then the reply comes back up. Twice as long while there are words that are not certain,
or nothing has been decoded yet."""


@dataclass(frozen=True, slots=True)
class Duck:
    """Move the loudness of the reply to `gain`, 0 to 1."""

    gain: float


@dataclass(frozen=True, slots=True)
class TakeFloor:
    """The user interrupts: end our turn."""


@dataclass(frozen=True, slots=True)
class GiveBack:
    """Nobody spoke after all: forget what was recorded and go on."""


Outcome = Duck | TakeFloor | GiveBack | Interjection


class Interruption:
    """At most one at a time."""

    def __init__(self, own: OwnWords | None) -> None:
        """
        Args:
            own: what we say and when; None when the microphone cannot hear it.
        """
        self.number = 0
        """The utterance that interrupts; 0 when none does."""
        self.last = 0
        """The one that won last, or outlasted our turn."""
        self._own = own
        self._began = 0.0
        self._text = ""
        self._decoded = False
        """Something has been understood, if only that there are no words."""
        self._extended = False
        self._until: float | None = None
        self._hint_until: float | None = None

    @property
    def deadline(self) -> float | None:
        """Monotonic seconds at which `tick` is due; None while nothing is waited for."""
        return min((at for at in (self._until, self._hint_until) if at is not None), default=None)

    def hint(self, now: float) -> list[Outcome]:
        """Something has just begun that may be a voice."""
        if self.number or self._hint_until is not None:
            return []
        self._hint_until = now + HINT_SECONDS
        return [Duck(HINTED)]

    def onset(self, number: int, now: float) -> list[Outcome]:
        """Voice began in the utterance `number`."""
        self._hint_until = None  # the reply is turned down further, not up
        outcomes = self.end(now)
        self.number, self._began, self._text = number, now, ""
        self._decoded = self._extended = False
        self._until = now + WORDS_SECONDS
        return [*outcomes, Duck(DUCKED), Interjection("onset", "", 0.0)]

    def words(self, words: WordsSoFar, now: float) -> list[Outcome]:
        """What has been understood so far of the utterance that interrupts.

        A first guess at a cough is a word, too: certain is what will not change any more, or several words that are sure.
        """
        voice = words.until - words.since - EDGE_SECONDS
        sure = words.confidence >= SURE and len(words.text.split()) >= SURE_WORDS
        certain = bool(words.stable) or sure
        return self._judge(words.text, words.since, words.until, now, voice, certain=certain, final=False)

    def drafted(self, draft: DraftTranscript, now: float) -> list[Outcome]:
        """What was understood in a pause of the utterance that interrupts: all of it, if it does not go on."""
        certain = _certain(draft.confidence, draft.speech_seconds)
        return self._judge(
            draft.text, draft.since, draft.until, now, draft.speech_seconds, certain=certain, final=False
        )

    def understood(self, understood: Understood, now: float) -> list[Outcome]:
        """All that was said in the utterance that interrupts."""
        until, voice = understood.utterance.last_speech, understood.utterance.speech_seconds
        since = until - understood.utterance.audio_seconds
        certain = _certain(understood.confidence, voice)
        outcomes = self._judge(understood.text, since, until, now, voice, certain=certain, final=True)
        return outcomes or self.end(now, ignored=True)

    def is_own(self, text: str, since: float, until: float) -> bool:
        """Whether `text`, captured between two monotonic times, is what we said ourselves."""
        return bool(text) and self._own is not None and self._own.is_own(text, since, until)

    def outlasted(self, now: float) -> list[Outcome]:
        """Our turn has ended by itself while somebody speaks: it is their turn now."""
        self.last, self.number = self.number, 0
        return self.end(now)

    def tick(self, now: float) -> list[Outcome]:
        """Time has passed."""
        if self._hint_until is not None and now >= self._hint_until:
            self._hint_until = None
            return [Duck(1.0)]
        if self._until is None or now < self._until:
            return []
        # On a busy machine words take their time; a second time nobody waits for them.
        undecided = not self._decoded or meaning(self._text, final=False) in ("speech", "unsure")
        if undecided and not self._extended:
            self._extended = True
            self._until = now + WORDS_SECONDS
            return []
        log.info("nobody spoke after all; last understood was %r", self._text)
        return [*self.end(now, ignored=True), GiveBack()]

    def end(self, now: float, *, ignored: bool = False) -> list[Outcome]:
        """Bring the reply back up, if there is one."""
        outcomes: list[Outcome] = []
        if self.deadline is not None:
            outcomes.append(Duck(1.0))
        self._until = self._hint_until = None
        if ignored and self.number:
            outcomes.append(Interjection("ignored", self._text, now - self._began))
        self.number = 0
        return outcomes

    def _judge(
        self, text: str, since: float, until: float, now: float, voice: float, *, certain: bool, final: bool
    ) -> list[Outcome]:
        """Whether `text`, captured between two monotonic times, is somebody who interrupts.

        Args:
            voice: seconds of voice in it. In a very short one there is no room for more than two words: what has more is "okay",
                misheard.
            certain: these may well be the words. "Stop" is obeyed all the same.
        """
        self._text, self._decoded = text, True
        certain = certain and not (voice < SHORT_SECONDS and len(text.split()) > SHORT_WORDS)
        if self.is_own(text, since, until):
            return []
        wanted = ("stop", "speech") if certain else ("stop",)
        # What is left of a mixture is judged; the words around it may be ours, heard badly.
        if (
            self._own is not None
            and meaning(self._own.foreign(text, since, until), final=final) not in wanted
        ):
            return []
        if meaning(text, final=final) not in wanted:
            return []
        self.last, self.number = self.number, 0
        stopped = Interjection("stopped", text, now - self._began)
        return [stopped, TakeFloor(), *self.end(now)]


def _certain(confidence: float, voice: float) -> bool:
    """Whether a whole decode of so many seconds of voice may be believed."""
    return confidence >= (CERTAIN if voice >= SHORT_SECONDS else CERTAIN_OF_SHORT)
