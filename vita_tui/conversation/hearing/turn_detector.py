"""When the user speaks, pauses and has finished: decided from frames, probabilities of voice, and the words so far.

It has no thread, no clock and no engine. `Listener` feeds it one frame at a time and passes on the signals that it returns.

How long a pause must last to be the end is decided in `end_wait`. `vita bench turn --pause` measures what a wait costs.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable

from vita_tui.audio.base import Frame
from vita_tui.audio.voice import Onsets, VoiceChange
from vita_tui.conversation.hearing.end_wait import EndWait, Evidence
from vita_tui.conversation.hearing.open_utterance import OpenUtterance
from vita_tui.conversation.hearing.signals import (
    EndExpected,
    MicrophoneSilent,
    PauseBegan,
    PauseSoFar,
    Signal,
    SpeechBegan,
    SpeechSoFar,
    UtteranceEnded,
    VoiceHint,
    VoiceOnset,
)
from vita_tui.conversation.hearing.utterance import FRAME_SECONDS, EndReason, Utterance
from vita_tui.settings import TalkSettings

__all__ = ["TurnDetector"]

log = logging.getLogger(__name__)

HYSTERESIS = 0.15
"""So far below the threshold of `talk.threshold`, a frame still continues speech."""
SCORE_EVERY = 0.09
"""Seconds of silence between two questions whether that was the end; asked once only, a model cuts off more."""
SCORED_SECONDS = 0.35
"""Of a silence. The longer one is, the more does any look like an end: `vita bench endpoint` has the scores."""
WINDOW_SECONDS = 8.0
"""Of sound that the end-of-turn model gets."""
PAUSE_SECONDS = 0.1
"""Silence after which the utterance may be over. Many gaps between words are longer: then the decode was one that a partial would have
taken."""
UNCERTAIN_SECONDS = 1.0
"""An utterance that voice began, without a key, and in which none is found after all, ends after so long."""
MUTE_SECONDS = 30.0
"""Of nothing but zeros, after which a microphone that is listened to without a key is called mute."""
SILENT_SECONDS = 0.9
"""The same for an utterance that a key began."""
LATE_SECONDS = 0.15
"""For so long frames that were captured before the key may still be on their way."""


class TurnDetector:
    """Used by one thread. Every method returns what is to be told, in order."""

    def __init__(
        self, talk: TalkSettings, *, numbers: Callable[[], int], partial_interval: float = 0.2
    ) -> None:
        """
        Args:
            numbers: the number of a new utterance that voice begins.
            partial_interval: seconds of voice between two pieces of audio for partial transcripts.
        """
        self._talk = talk
        self._numbers = numbers
        self._partial_interval = partial_interval
        self._wait = EndWait()
        self._onsets = Onsets(talk.threshold)
        self._open: OpenUtterance | None = None
        self._asked = ""
        self._zeros = 0.0
        self.hands_free = False
        """Whether voice begins an utterance, as a key does."""

    @property
    def recording(self) -> bool:
        """Whether there is an utterance."""
        return self._open is not None

    def configure(self, talk: TalkSettings) -> None:
        """Decide by `talk` from now on, in the utterance that is being spoken, too."""
        if talk.threshold != self._talk.threshold:
            self._onsets = Onsets(talk.threshold)
        if self._open is not None and (talk.end_silence, talk.adaptive) != (
            self._talk.end_silence,
            self._talk.adaptive,
        ):
            self._open.wait = talk.end_silence
        self._talk = talk

    # ---- what keys and words say

    def begin(
        self,
        number: int,
        pre_roll: Iterable[tuple[Frame, float]] = (),
        *,
        by_voice: bool = False,
        kept: bool = False,
    ) -> list[Signal]:
        """Start the utterance `number`; does nothing while there is one.

        Args:
            pre_roll: frames from just before, each with its probability of voice.
            by_voice: it was not a key that began it.
            kept: no pause ends it before `let_go`.
        """
        if self._open is not None:
            return []
        self._open = OpenUtterance(number, self._talk.end_silence, by_voice, kept)
        return [
            signal for frame, probability in pre_roll for signal in self._hear(self._open, frame, probability)
        ]

    def let_go(self) -> list[Signal]:
        """From now on a pause may end the utterance."""
        if self._open is not None:
            self._open.kept = False
        return []

    def end(self, at: float) -> list[Signal]:
        """A key said at `at` that it is over: it is as soon as the frames up to then are there."""
        if self._open is not None:
            self._open.key_at = at
        return []

    def hold(self) -> list[Signal]:
        """Do not end the utterance in this pause, however long it is."""
        if self._open is None:
            return []
        self._open.held = True
        return [self._expected(self._open)]

    def cancel(self) -> list[Signal]:
        """Forget the utterance."""
        self._open = None
        return []

    def asked(self, said: str) -> list[Signal]:
        """`said` is what the assistant has said last: what the user says next may answer it."""
        self._asked = said
        return []

    def words(self, number: int, text: str, language: str = "en") -> list[Signal]:
        """`text` is what has been understood of the utterance so far: it tells how long to wait."""
        utterance = self._open
        if utterance is not None and utterance.number == number:
            if text != utterance.text:
                utterance.model = None
            utterance.text, utterance.language = text, language
            self._judge(utterance)
        return []

    def score(self, number: int, probability: float) -> list[Signal]:
        """The sound of the utterance makes it so likely, 0 to 1, that the pause which lasts is its end."""
        if self._open is not None and self._open.number == number and self._open.paused:
            self._open.scores.append(probability)
            self._judge(self._open)
        return []

    def model(self, number: int, text: str, probability: float) -> list[Signal]:
        """As a request, or by the language model, it is so likely, 0 to 1, that the message ends with `text`."""
        if self._open is not None and self._open.number == number and self._open.text == text:
            self._open.model = probability
            self._judge(self._open)
        return []

    # ---- what is heard

    def step(
        self,
        now: float,
        frame: Frame,
        probability: float,
        *,
        decoder_free: bool = True,
        scorer_free: bool = False,
    ) -> list[Signal]:
        """Take the next frame.

        Args:
            now: monotonic seconds.
            probability: of voice in it, 0 to 1.
            decoder_free: there is time for a partial transcript.
            scorer_free: there is somebody who judges the sound of a pause, and has time.
        """
        utterance = self._open
        signals: list[Signal] = []
        if utterance is not None or self.hands_free:
            before = self._onsets.candidate
            change = self._onsets.feed(probability, frame.captured - FRAME_SECONDS)
            if utterance is None:
                if not before and self._onsets.candidate and not self._onsets.speaking:
                    signals.append(VoiceHint())
                if change is VoiceChange.STARTED:
                    return [*signals, VoiceOnset(self._numbers())]
        if utterance is None:
            return signals + self._look_for_life(frame)
        signals += self._hear(utterance, frame, probability)
        utterance.waited += FRAME_SECONDS
        return signals + self._report(utterance, now, decoder_free, scorer_free)

    def expire(self, now: float) -> list[Signal]:
        """No frame has come: a microphone that hangs must not keep the answer."""
        utterance = self._open
        if utterance is None or utterance.key_at is None or now <= utterance.key_at + LATE_SECONDS:
            return []
        return self.close("key", now)

    def close(self, reason: EndReason, now: float) -> list[Signal]:
        """The utterance, if there is one, is over for `reason`."""
        utterance, self._open = self._open, None
        if utterance is None:
            return []
        if utterance.paused:
            _tell_why(utterance, utterance.evidence(self._asked), reason)
        recording = utterance.recording
        last = utterance.last_speech_at if utterance.last_speech is not None else now
        if reason == "key":
            ended = utterance.key_at or now
        elif reason == "end of file":
            ended = recording.captured if recording.frames else now
        else:
            ended = last
        silent = utterance.first_speech is None and recording.seconds >= SILENT_SECONDS and recording.silent
        return [
            UtteranceEnded(
                Utterance(
                    utterance.number,
                    utterance.audio(),
                    utterance.speech_seconds,
                    last,
                    ended,
                    now,
                    reason,
                    silent,
                )
            )
        ]

    # ----

    def _look_for_life(self, frame: Frame) -> list[Signal]:
        self._zeros = self._zeros + FRAME_SECONDS if self.hands_free and not frame.samples.any() else 0.0
        if self._zeros < MUTE_SECONDS:
            return []
        self._zeros = 0.0
        return [MicrophoneSilent()]

    def _hear(self, utterance: OpenUtterance, frame: Frame, probability: float) -> list[Signal]:
        """Add a frame, and keep count of voice and silence with hysteresis."""
        utterance.recording.append(frame)
        speaking = utterance.last_speech is not None and utterance.silence == 0.0
        if probability < self._talk.threshold - (HYSTERESIS if speaking else 0.0):
            utterance.silence += FRAME_SECONDS
            return []
        signals: list[Signal] = []
        if utterance.first_speech is None:
            utterance.first_speech = utterance.recording.frames - 1
            signals.append(SpeechBegan(utterance.number))
        elif utterance.paused:
            self._wait.went_on(utterance.silence)
            signals.append(SpeechBegan(utterance.number))
        utterance.last_speech = utterance.recording.frames - 1
        utterance.last_speech_at = frame.captured
        utterance.silence = 0.0
        utterance.paused = utterance.held = False
        utterance.announced = utterance.model = None
        utterance.scores.clear()
        utterance.since_score = math.inf
        utterance.speech_seconds += FRAME_SECONDS
        return signals

    def _report(
        self, utterance: OpenUtterance, now: float, decoder_free: bool, scorer_free: bool
    ) -> list[Signal]:
        """Audio for a partial transcript, a pause, or the end."""
        spoken = utterance.first_speech is not None
        open_ended = utterance.held or utterance.kept
        captured = utterance.recording.captured
        if utterance.key_at is not None and captured >= utterance.key_at:
            return self.close("key", now)
        if spoken and utterance.silence >= utterance.wait and not open_ended:
            return self.close("silence", now)
        patience = UNCERTAIN_SECONDS if utterance.by_voice else self._talk.patience
        if not (spoken or utterance.kept) and utterance.waited >= patience:
            return self.close("nothing", now)
        if utterance.recording.seconds >= self._talk.max_seconds:
            return self.close("limit", now)
        if not spoken:
            return []
        if not utterance.paused and utterance.silence >= PAUSE_SECONDS:
            utterance.paused = True
            self._judge(utterance)
            signals: list[Signal] = []
            if self._talk.think_ahead:
                signals.append(
                    PauseBegan(
                        utterance.number,
                        utterance.audio(),
                        utterance.speech_seconds,
                        utterance.last_speech_at,
                    )
                )
            return [*signals, self._expected(utterance), *self._to_judge(utterance, scorer_free)]
        if utterance.paused:
            if open_ended:
                return []
            told = [self._expected(utterance)] if utterance.announced != utterance.wait else []
            return [*told, *self._to_judge(utterance, scorer_free)]
        utterance.since_partial += FRAME_SECONDS
        if utterance.since_partial < self._partial_interval or not decoder_free:
            return []
        utterance.since_partial = 0.0
        return [SpeechSoFar(utterance.number, utterance.audio(), captured)]

    def _to_judge(self, utterance: OpenUtterance, scorer_free: bool) -> list[Signal]:
        """The sound of a pause, to be judged again and again while it lasts."""
        utterance.since_score += FRAME_SECONDS
        wanted = self._talk.adaptive and self._talk.smart_turn and not (utterance.held or utterance.kept)
        if not (wanted and scorer_free) or utterance.silence > SCORED_SECONDS:
            return []
        if utterance.since_score < SCORE_EVERY:
            return []
        utterance.since_score = 0.0
        frames = utterance.recording.frames
        window = utterance.recording.slice(frames - round(WINDOW_SECONDS / FRAME_SECONDS), frames)
        return [PauseSoFar(utterance.number, window)]

    def _judge(self, utterance: OpenUtterance) -> None:
        """How long to wait, from the words and the sound."""
        if self._talk.adaptive:
            utterance.wait = self._wait.seconds(self._talk.end_silence, utterance.evidence(self._asked))

    def _expected(self, utterance: OpenUtterance) -> EndExpected:
        """How long the pause may still last; told again when what was understood has changed that."""
        utterance.announced = utterance.wait
        evidence = utterance.evidence(self._asked)
        likely = evidence.probability if evidence.judged and self._talk.adaptive else None
        if utterance.held or utterance.kept:
            return EndExpected(utterance.number, None, likely)
        return EndExpected(utterance.number, max(0.0, utterance.wait - utterance.silence), likely)


def _tell_why(utterance: OpenUtterance, evidence: Evidence, reason: EndReason) -> None:
    """What a pause was judged by goes to the log; no words, for those are nobody else's."""
    log.debug(
        "utterance %d ended by %s after %.2f s of %.2f: words %s, situation %s, sound %s, model %s",
        utterance.number,
        reason,
        utterance.silence,
        utterance.wait,
        evidence.completeness,
        evidence.situation,
        [round(score, 3) for score in utterance.scores],
        "not asked" if evidence.model is None else f"{evidence.model:.4f}",
    )
