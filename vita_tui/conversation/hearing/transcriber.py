"""From what the listener hears to words: partial transcripts while the user speaks, and a final one that is usually ready at the end.

At the first short silence the final decode is started speculatively; speech that goes on throws it away, and an utterance that
ends there claims it.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future

from vita_tui.clock import Clock
from vita_tui.conversation.hearing.signals import (
    DraftTranscript,
    PauseBegan,
    Signal,
    SpeechBegan,
    SpeechSoFar,
    Understood,
    UtteranceEnded,
    WordsSoFar,
)
from vita_tui.conversation.hearing.utterance import Utterance
from vita_tui.engines.chain import Chain
from vita_tui.engines.stt.base import SAMPLE_RATE, Recognizer, Transcription
from vita_tui.engines.stt.scheduling.agreement import Partial
from vita_tui.engines.stt.scheduling.worker import WhisperWorker
from vita_tui.errors import EngineError
from vita_tui.events import EventBus, Notice, TurnFailed

__all__ = ["PartialPace", "Transcriber"]

SHARE = 0.8
"""Of the time of the whisper thread that partial transcripts may take: the model is prefilled in the rest, and what is urgent finds it
free."""


class PartialPace:
    """When the next partial transcript may begin. Thread-safe."""

    def __init__(self, share: float = SHARE) -> None:
        """
        Args:
            share: of the time that partial transcripts may take, 0 to 1.
        """
        self._share = share
        self._lock = threading.Lock()
        self._rest_until = 0.0
        self._wanted = True
        self._needed = False

    def want(self, wanted: bool) -> None:
        """Whether partial transcripts are to be shown."""
        with self._lock:
            self._wanted = wanted

    def need(self, needed: bool) -> None:
        """Whether they are needed, shown or not."""
        with self._lock:
            self._needed = needed

    def took(self, seconds: float, now: float) -> None:
        """One that lasted `seconds` ended `now`."""
        with self._lock:
            self._rest_until = now + seconds * (1 / self._share - 1)

    def may(self, now: float) -> bool:
        with self._lock:
            return (self._wanted or self._needed) and now >= self._rest_until


class Transcriber:
    """`take` is called in the listener thread; what comes of it goes to `emit`, from that thread or the whisper thread."""

    def __init__(
        self,
        recognizers: Chain[Recognizer],
        emit: Callable[[Signal], None],
        bus: EventBus,
        *,
        timeout: float,
        clock: Clock,
    ) -> None:
        """
        Args:
            timeout: seconds after which a decode has failed.
        """
        self.worker = WhisperWorker(recognizers, timeout=timeout)
        self.pace = PartialPace()
        self._recognizers = recognizers
        self._emit = emit
        self._bus = bus
        self._clock = clock

    def free(self) -> bool:
        """Whether there is time for a partial transcript."""
        return self.pace.may(self._clock.monotonic()) and self.worker.idle

    def take(self, signal: Signal) -> None:
        """Do what `signal` asks for, and pass on what is not only for us."""
        match signal:
            case SpeechSoFar():
                self._partial(signal)
            case PauseBegan():
                self._speculate(signal)
            case SpeechBegan():
                self.worker.discard(signal.number)
                self._emit(signal)
            case UtteranceEnded():
                self._emit(signal)
                self._final(signal.utterance)
            case _:
                self._emit(signal)

    # ----

    def _partial(self, speech: SpeechSoFar) -> None:
        def understood(partial: Partial) -> None:
            self.pace.took(partial.transcription.decode_seconds, self._clock.monotonic())
            since = speech.captured - partial.audio_seconds
            decoded = partial.transcription
            self._emit(
                WordsSoFar(
                    speech.number,
                    partial.stable,
                    partial.tail,
                    since,
                    speech.captured,
                    decoded.language,
                    decoded.confidence,
                )
            )

        self.worker.partial(speech.number, speech.audio, understood)

    def _speculate(self, pause: PauseBegan) -> None:
        def done(future: Future[Transcription]) -> None:
            if not future.cancelled() and future.exception() is None:
                result = future.result()
                self._emit(
                    DraftTranscript(
                        pause.number,
                        result.text.strip(),
                        result.language,
                        result.confidence,
                        pause.speech_seconds,
                        pause.last_speech - len(pause.audio) / SAMPLE_RATE,
                        pause.last_speech,
                    )
                )

        with contextlib.suppress(EngineError):  # not running any more
            self.worker.speculate(pause.number, pause.audio).add_done_callback(done)

    def _final(self, utterance: Utterance) -> None:
        if not utterance.speech_seconds:
            self._nothing(utterance, "No speech was heard; nothing was sent.")
            return
        try:
            future = self.worker.claim(utterance.number) or self.worker.final(
                utterance.audio, key=utterance.number
            )
        except EngineError as error:
            self._failed(utterance, error)
            return
        future.add_done_callback(lambda done: self._understood(utterance, done))

    def _understood(self, utterance: Utterance, future: Future[Transcription]) -> None:
        try:
            result = future.result()
        except CancelledError:
            return
        except EngineError as error:
            self._bus.publish(Notice("Not understood", error.message, error.remedy, "error"))
            self._failed(utterance, error)
            return
        text = result.text.strip()
        problem = "" if text else "No words were understood; nothing was sent."
        now = self._clock.monotonic()
        instead_of, because = self._recognizers.replaced(result.engine)
        self._emit(
            Understood(
                utterance,
                text,
                problem,
                result.confidence,
                result.guard,
                now,
                result.engine,
                instead_of,
                because,
                result.language,
            )
        )

    def _failed(self, utterance: Utterance, error: EngineError) -> None:
        engine = self._recognizers.active_name
        self._bus.publish(TurnFailed("stt", engine, type(error).__name__, str(error)))
        self._nothing(utterance, error.message)

    def _nothing(self, utterance: Utterance, problem: str) -> None:
        self._emit(Understood(utterance, "", problem, 0.0, (), self._clock.monotonic()))
