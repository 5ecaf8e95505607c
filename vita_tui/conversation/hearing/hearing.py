"""Hearing, as the conversation uses it: microphone, listener thread and whisper thread behind one object on the asyncio loop.

    microphone → Listener (thread) → TurnDetector → signals → Transcriber → whisper thread → signals → loop

Every signal comes to the loop in order and passes one gate there: what belongs to an utterance that has been forgotten is dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import threading
from collections.abc import Callable

import numpy as np

from vita_tui.audio.base import Microphone, Substitutable, Switchable
from vita_tui.audio.echo import EchoMicrophone
from vita_tui.clock import Clock
from vita_tui.conversation.hearing.end_scoring import EndScoring
from vita_tui.conversation.hearing.listener import Listener
from vita_tui.conversation.hearing.signals import (
    DraftTranscript,
    EchoNotCancelled,
    EndExpected,
    Level,
    MicrophoneFound,
    MicrophoneLost,
    MicrophoneSilent,
    PauseSoFar,
    Signal,
    SpeechBegan,
    UtteranceEnded,
    WakeWordUnavailable,
    WordsSoFar,
)
from vita_tui.conversation.hearing.transcriber import Transcriber
from vita_tui.conversation.hearing.utterance import Utterance
from vita_tui.engines.chain import Chain
from vita_tui.engines.stt.base import Recognizer
from vita_tui.engines.stt.scheduling.worker import WhisperWorker
from vita_tui.engines.turn.smart_turn import EndScorer
from vita_tui.errors import DeviceError
from vita_tui.events import EventBus, LevelChanged, Notice, PartialTranscript, Passed, Pausing
from vita_tui.settings import Settings

__all__ = ["Hearing"]

log = logging.getLogger(__name__)

CLIPPED = 0.98
"""Amplitude of a sample at full scale."""
MOST_CLIPPED = 0.005
"""Share of such samples in what was said, above which it is distorted; loud speech that just fits has none."""


class _Numbers:
    """Numbers of utterances. Thread-safe: a key gives one on the loop, a voice in the listener thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._last = 0

    def next(self) -> int:
        with self._lock:
            self._last = next(self._numbers)
            return self._last

    @property
    def last(self) -> int:
        with self._lock:
            return self._last


class Hearing:
    """Microphone and speech recognition. For the loop, but where a method says otherwise."""

    def __init__(
        self,
        microphone: Microphone,
        recognizers: Chain[Recognizer],
        on_signal: Callable[[Signal], None],
        bus: EventBus,
        *,
        settings: Settings,
        clock: Clock,
        scorer: EndScorer | None = None,
    ) -> None:
        """
        Args:
            scorer: judges by its sound whether a pause is the end; None leaves that to the words.
            on_signal: called on the loop with everything that may matter to a turn.
        """
        self._settings = settings
        self._on_signal = on_signal
        self._bus = bus
        self._clock = clock
        self._loop: asyncio.AbstractEventLoop | None = None
        self._numbers = _Numbers()
        self._forgotten = 0
        """Utterances up to this number do not count any more."""
        self._private = False
        self._hands_free = False
        self.lost: DeviceError | None = None
        """Why there is no microphone now."""
        self._listened_to = ""
        """The microphone of before; empty before the first."""
        self._told_lost = False
        """It was said that the microphone is away."""
        self._microphone = microphone
        self.echo = microphone if isinstance(microphone, EchoMicrophone) else None
        """What knows the assistant's own voice."""
        if isinstance(microphone, Substitutable):
            microphone.on_change(lambda: self._emit(MicrophoneFound(microphone.name)))
        self._transcriber = Transcriber(
            recognizers, self._emit, bus, timeout=settings.stt.longest_wait, clock=clock
        )
        self._transcriber.pace.want(settings.stt.partials)
        self._scoring = EndScoring(scorer, self._score) if scorer is not None else None
        self._listener = Listener(
            microphone,
            self._take,
            talk=settings.talk.model_copy(),
            pre_roll=settings.audio.pre_roll,
            numbers=self._numbers.next,
            partial_interval=settings.stt.partial_interval,
            decoder_free=self._transcriber.free,
            scorer_free=lambda: self._scoring is not None and self._scoring.free,
            clock=clock,
        )

    @property
    def worker(self) -> WhisperWorker:
        return self._transcriber.worker

    @property
    def judging(self) -> bool:
        """Whether the sound of a pause is being judged."""
        return self._scoring is not None and self._scoring.judging

    def start(self, on_ready: Callable[[], None]) -> None:
        """Start both threads; `on_ready` is called in the whisper thread when the model is loaded, or is known not to load."""
        self._loop = asyncio.get_running_loop()
        self.worker.start().add_done_callback(lambda _: on_ready())
        self.reload_scorer()
        self._listener.start()

    def cleanup(self) -> None:
        """Stop both threads; may be called twice. Blocks for up to a second: not for the loop."""
        self._listener.cleanup()
        if self._scoring is not None:
            self._scoring.cleanup()
        self.worker.cleanup()

    # ---- settings

    def configure(self) -> None:
        """The settings of `talk` or `stt` have changed: they count from now on, in the utterance that is being spoken, too."""
        self._listener.configure(self._settings.talk.model_copy())
        self._transcriber.pace.want(self._settings.stt.partials)
        self.reload_scorer()

    def reload_scorer(self) -> None:
        """What judges pauses by their sound is wanted, or was missing and is there now."""
        if self._scoring is not None and self._settings.talk.smart_turn:
            self._scoring.start()

    def show_partials(self, wanted: bool) -> None:
        """Whether to decode while the user speaks, as far as the settings want it; from any thread."""
        self._transcriber.pace.want(wanted and self._settings.stt.partials)

    def use(self, name: str) -> None:
        """Listen to the device of that name. Blocks while streams are opened; from any thread."""
        if isinstance(self._microphone, Switchable):
            self._microphone.use(name)

    @property
    def private(self) -> bool:
        """It is not certain that the user speaks to us: nothing is shown of it, and partial transcripts are needed to find out."""
        return self._private

    @private.setter
    def private(self, on: bool) -> None:
        self._private = on
        self._transcriber.pace.need(on)

    @property
    def hands_free(self) -> bool:
        """Whether voice begins an utterance, as a key does."""
        return self._hands_free

    @hands_free.setter
    def hands_free(self, on: bool) -> None:
        self._hands_free = on
        self._listener.set_hands_free(on)

    # ---- utterances

    def begin(self, *, kept: bool = False) -> None:
        """Start an utterance; one that is `kept` is not ended by a pause before `let_go`."""
        self._listener.begin(self._numbers.next(), kept=kept)

    def end(self) -> None:
        """The key says that it is over."""
        self._listener.end()

    def let_go(self) -> None:
        """From now on a pause may end the utterance."""
        self._listener.let_go()

    def hold(self) -> None:
        """Do not take this pause for the end."""
        self._listener.hold()

    def asked(self, said: str) -> None:
        """`said` is what the assistant has said last, as far as it was heard: what the user says next may answer it."""
        self._listener.asked(said)

    def expect_end(self, number: int, text: str, probability: float) -> None:
        """As a request, or by the language model, it is so likely that the utterance `number` is `text` and no more."""
        self._listener.model(number, text, probability)

    def cancel(self) -> None:
        """Forget the utterance, and whatever is still being decoded of it or of earlier ones."""
        self._forgotten = self._numbers.last
        self.forget_recording()

    def forget_recording(self) -> None:
        """Forget the utterance that is being spoken; what was said before it still counts."""
        self._listener.cancel()
        self.worker.discard(self._numbers.last)
        self._bus.publish(Pausing(None))

    # ---- what comes from the threads

    def _take(self, signal: Signal) -> None:
        """In the listener thread."""
        if isinstance(signal, PauseSoFar):
            assert self._scoring is not None
            self._scoring.judge(signal)
        else:
            self._transcriber.take(signal)

    def _score(self, number: int, probability: float) -> None:
        self._listener.score(number, probability)

    def _emit(self, signal: Signal) -> None:
        """From any thread."""
        if isinstance(signal, Level):
            self._bus.publish(LevelChanged(signal.dbfs, signal.speech))
        elif self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be told
                self._loop.call_soon_threadsafe(self.receive, signal)

    def receive(self, signal: Signal) -> None:
        """Let `signal` pass unless its utterance is forgotten; say what concerns the microphone; hand it to the turn."""
        number: int | None = getattr(signal, "number", None)
        if number is not None and number <= self._forgotten:
            return
        if not (isinstance(signal, DraftTranscript) and not signal.text):
            self._on_signal(signal)
        match signal:
            case SpeechBegan() if not self.private:
                self._bus.publish(Pausing(None))
            case EndExpected() if not self.private:
                self._bus.publish(Pausing(signal.seconds, signal.probability))
            case DraftTranscript():
                self._listener.words(signal.number, signal.text, signal.language)
            case WordsSoFar():
                self._listener.words(signal.number, signal.text, signal.language)
                if not self.private:
                    lag = self._clock.monotonic() - signal.until
                    seconds = signal.until - signal.since
                    self._bus.publish(PartialTranscript(signal.stable, signal.tail, seconds, lag))
            case UtteranceEnded():
                self._bus.publish(Pausing(None))
                self._judge_level(signal.utterance)
            case MicrophoneSilent():
                self._tell_mute()
            case MicrophoneLost():
                self.lost = signal.error
                log.info("lost the microphone: %s", signal.error.message)
                self._told_lost = True
                self._tell("No microphone", signal.error.message, signal.error.remedy)
            case MicrophoneFound():
                self.lost = None
                self._tell_found(signal.name)
            case EchoNotCancelled():
                self._tell(
                    "Half duplex", signal.reason, "Interrupt with escape, or start VITA again", key="echo"
                )
            case WakeWordUnavailable():
                error = signal.error
                self._bus.publish(Notice("No wake word", error.message, error.remedy, "warning", "wake word"))
            case _:
                pass

    def _judge_level(self, utterance: Utterance) -> None:
        if utterance.silent:
            self._tell_mute()
        elif len(utterance.audio) and np.mean(np.abs(utterance.audio) >= CLIPPED) > MOST_CLIPPED:
            self._tell(
                "Microphone too loud",
                f"{self._microphone.name} clips: what you say is distorted.",
                "Turn the microphone down in the system's sound settings",
                key="microphone level",
            )

    def _tell_mute(self) -> None:
        self._tell(
            "Microphone mute",
            f"{self._microphone.name} delivers silence only.",
            "Unmute it in the system's sound settings, allow this terminal to use it, or choose another: f2",
            key="microphone level",
        )

    def _tell_found(self, name: str) -> None:
        log.info("listening to %s", name)
        missing = self._microphone.missing if isinstance(self._microphone, Substitutable) else ""
        if missing:
            message = f"{missing} Until it is back VITA listens to {name}."
            self._bus.publish(Passed("microphone"))
            self._tell(
                "Another microphone", message, "Plug it in, or choose another: f2", key="other microphone"
            )
            self._told_lost = True
            return
        self._bus.publish(Passed("other microphone"))
        if self._listened_to in ("", name) and not self._told_lost:
            self._bus.publish(Passed("microphone"))  # no news
        else:
            self._bus.publish(Notice("Now listening", f"With {name}.", key="microphone"))
        self._listened_to, self._told_lost = name, False

    def _tell(self, title: str, message: str, remedy: str, *, key: str = "microphone") -> None:
        self._bus.publish(Notice(title, message, remedy, "warning", key=key))
