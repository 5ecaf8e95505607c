"""The sound that a client sends, cut into utterances by the conversation's own turn detector.

Time is the sound's own: a client that sends ten seconds at once has the same turns as one that takes ten seconds to send them. Used by one
thread at a time; what is known meanwhile of words and pauses waits in a queue, as commands do for the listener.
"""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from vita_tui.audio.base import BLOCK, SAMPLE_RATE, Frame, Samples
from vita_tui.audio.voice import VoiceActivity
from vita_tui.conversation.hearing.signals import Signal, VoiceOnset
from vita_tui.conversation.hearing.turn_detector import TurnDetector
from vita_tui.conversation.hearing.utterance import FRAME_SECONDS
from vita_tui.settings import TalkSettings

__all__ = ["IncomingSound"]

PARTIAL_SECONDS = 0.3
"""Of voice between two pieces of sound for partial transcripts."""


class IncomingSound:
    """Of one session."""

    def __init__(
        self,
        talk: TalkSettings | None,
        *,
        rate: int,
        pre_roll: float,
        numbers: Callable[[], int],
        decoder_free: Callable[[], bool],
        scorer_free: Callable[[], bool],
    ) -> None:
        """
        Args:
            talk: how turns are detected; None when the client says when one is over.
            rate: Hertz of what comes.
            pre_roll: seconds from before the voice that belong to an utterance.
            numbers: the number of a new utterance.
            decoder_free, scorer_free: as of `Listener`.
        """
        self._rate = rate
        self._stream: Any = None
        self._odd = b""
        self._rest = np.zeros(0, np.float32)
        self._decoder_free = decoder_free
        self._scorer_free = scorer_free
        self._commands: queue.SimpleQueue[Callable[[TurnDetector], Iterable[Signal]]] = queue.SimpleQueue()
        self._frames = 0
        self._held: list[Samples] = []
        """Without turn detection: what is not committed."""
        self._detector: TurnDetector | None = None
        self._voice: VoiceActivity | None = None
        self._watch: VoiceActivity | None = None
        self._pre_roll: deque[Frame] = deque(maxlen=max(1, round(pre_roll / FRAME_SECONDS)))
        if talk is not None:
            self._detector = TurnDetector(talk, numbers=numbers, partial_interval=PARTIAL_SECONDS)
            self._detector.hands_free = True
            self._voice, self._watch = VoiceActivity(), VoiceActivity(thrifty=True)

    @property
    def seconds(self) -> float:
        """Of sound that has come."""
        return self._frames * FRAME_SECONDS + len(self._rest) / SAMPLE_RATE

    @property
    def held_seconds(self) -> float:
        """That are not committed, without turn detection."""
        return sum(map(len, self._held)) / SAMPLE_RATE

    @property
    def recording(self) -> bool:
        """Whether an utterance is being spoken."""
        return self._detector is not None and self._detector.recording

    def command(self, work: Callable[[TurnDetector], Iterable[Signal]]) -> None:
        """Have `work` done before the next frame; from any thread."""
        self._commands.put(work)

    def take(self, data: bytes) -> list[Signal]:
        """Take mono PCM of 16 bits; what it told."""
        data = self._odd + data
        self._odd = data[len(data) & ~1 :]
        samples = np.frombuffer(data[: len(data) & ~1], "<i2").astype(np.float32) / 32768.0
        return self._hear(self._resampled(samples))

    def commit(self) -> tuple[Samples | None, list[Signal]]:
        """The client says that the turn is over: without turn detection what has come since, else what that told."""
        if self._detector is not None:
            signals = self._hear(np.zeros(BLOCK - len(self._rest) % BLOCK, np.float32))
            return None, signals + list(self._detector.close("key", self.seconds))
        audio = np.concatenate([*self._held, self._rest])
        self._held, self._rest = [], self._rest[:0]
        return audio, []

    def clear(self) -> None:
        """Forget what is not committed."""
        self._held, self._rest, self._odd = [], self._rest[:0], b""
        self._pre_roll.clear()
        if self._detector is not None:
            self._detector.cancel()

    # ----

    def _resampled(self, samples: Samples) -> Samples:
        if self._rate == SAMPLE_RATE:
            return samples
        if self._stream is None:
            import soxr

            self._stream = soxr.ResampleStream(self._rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
        made: Samples = self._stream.resample_chunk(samples)
        return made

    def _hear(self, samples: Samples) -> list[Signal]:
        sound = np.concatenate([self._rest, samples])
        whole = len(sound) // BLOCK * BLOCK
        self._rest = sound[whole:].copy()
        signals: list[Signal] = []
        for start in range(0, whole, BLOCK):
            signals += self._frame(sound[start : start + BLOCK])
        return signals

    def _frame(self, samples: Samples) -> list[Signal]:
        self._frames += 1
        detector = self._detector
        if detector is None or self._voice is None or self._watch is None:
            self._held.append(samples)
            return []
        signals: list[Signal] = []
        while not self._commands.empty():
            signals += self._commands.get()(detector)
        now = self._frames * FRAME_SECONDS
        frame = Frame(samples, (self._frames - 1) * BLOCK, now)
        self._pre_roll.append(frame)
        recording = detector.recording
        probability = (self._voice if recording else self._watch).probability(samples)
        for signal in detector.step(
            now,
            frame,
            probability,
            decoder_free=recording and self._decoder_free(),
            scorer_free=recording and self._scorer_free(),
        ):
            signals.append(signal)
            if isinstance(signal, VoiceOnset):
                self._voice.reset()
                before = [(one, self._voice.probability(one.samples)) for one in self._pre_roll]
                signals += detector.begin(signal.number, before, by_voice=True)
        return signals
