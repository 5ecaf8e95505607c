"""From utterances to words: partial transcripts while the user speaks, and a final one that is usually ready at the end.

`Recognition` is what the listener reports to, in the listener's thread. It hands audio to the whisper thread and tells the
assistant, on the asyncio loop, what was understood. At the first short silence it has the final decode started speculatively;
speech that goes on throws it away, and an utterance that ends there claims it.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from vita_tui.audio.base import Microphone, Samples, StandsIn, Switchable
from vita_tui.audio.echo import EchoMicrophone
from vita_tui.clock import Clock
from vita_tui.conversation.hearing.listener import Listener, Utterance
from vita_tui.conversation.hearing.turn_detector import Endpointer
from vita_tui.engines.chain import Chain
from vita_tui.engines.stt.base import Recognizer, Transcription
from vita_tui.engines.stt.scheduling.agreement import Partial
from vita_tui.engines.stt.scheduling.worker import WhisperWorker
from vita_tui.errors import DeviceError, EngineError
from vita_tui.events import EventBus, LevelChanged, Notice, PartialTranscript, Pausing, TurnFailed
from vita_tui.settings import Settings

__all__ = ["Listening", "Recognition", "Understood"]

log = logging.getLogger(__name__)

SHARE = 0.8
"""Of the time of the whisper thread that partial transcripts may take: the model reads ahead in the rest, and what is urgent finds it free."""
CLIPPED = 0.98
"""Amplitude of a sample at full scale."""
MOST_CLIPPED = 0.005
"""Share of such samples in what was said, above which it is distorted; loud speech that just fits has none."""


@dataclass(frozen=True, slots=True)
class Understood:
    """What came of one utterance."""

    utterance: Utterance
    text: str
    """Empty when there were no words; then `problem` says why."""
    problem: str
    confidence: float
    guard: tuple[str, ...]
    at: float
    """Monotonic seconds at which it was known."""


class Listening(Protocol):
    """Who is told, on the asyncio loop."""

    def on_onset(self, number: int) -> None:
        """Voice began the utterance `number`, without a key."""

    def on_hint(self) -> None:
        """Somebody may be about to begin without a key."""

    def on_wake(self) -> None:
        """The wake word was said."""

    def on_words(self, number: int, stable: str, text: str, since: float, until: float) -> None:
        """What has been understood so far of sound captured between two times, in monotonic seconds.

        Args:
            stable: the beginning of `text` that will not change any more.
        """

    def on_draft(self, text: str) -> None:
        """The user may have finished with this."""

    def on_draft_void(self) -> None:
        """The user goes on."""

    def on_utterance(self, utterance: Utterance) -> None:
        """The user has finished; `on_understood` follows."""

    def on_understood(self, understood: Understood) -> None: ...

    def on_deaf(self) -> None:
        """There is no microphone (any more)."""


class Recognition:
    """The ears: microphone, listener thread and whisper thread."""

    def __init__(
        self,
        microphone: Microphone,
        recognizers: Chain[Recognizer],
        listening: Listening,
        bus: EventBus,
        *,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._recognizers = recognizers
        self._listening = listening
        self._bus = bus
        self._clock = clock
        self._loop: asyncio.AbstractEventLoop | None = None
        self._numbers = itertools.count(1)
        self._last = 0
        """The number that was given out last."""
        self._forgotten = 0
        """Utterances up to this number do not count any more: what comes of them is dropped."""
        self.private = False
        """It is not certain that the user speaks to us: nothing is shown of it. May be changed from any thread."""
        self._microphone = microphone
        if isinstance(microphone, StandsIn):
            microphone.on_change(lambda: self.on_found(microphone.name))
        self.echo = microphone if isinstance(microphone, EchoMicrophone) else None
        """What knows the assistant's own voice."""
        echo = self.echo
        self._partials = settings.stt.partials
        self._rest_until = 0.0
        """Monotonic seconds before which no partial is asked for."""
        self._endpointer = Endpointer(settings.talk.end_silence)
        self._paused_at: float | None = None
        self.worker = WhisperWorker(recognizers, timeout=settings.stt.timeout)
        self.listener = Listener(
            microphone,
            self,
            audio=settings.audio,
            talk=settings.talk,
            partial_interval=settings.stt.partial_interval,
            own_voice=(lambda: echo.verdict.own) if echo is not None else lambda: False,
            clock=clock,
        )

    # ---- on the loop

    def start(self, on_ready: Callable[[], None]) -> None:
        """Start both threads; `on_ready` is called in the whisper thread when the model is loaded, or is known not to load."""
        self._loop = asyncio.get_running_loop()
        self.worker.start().add_done_callback(lambda _: on_ready())
        self.listener.start()

    def reload(self) -> None:
        """What Whisper was missing is there now: load it."""
        self.worker.reload()

    def probe(self) -> None:
        """Try resting engines again when there is nothing to decode; returns at once."""
        self.worker.probe()

    def show_partials(self, wanted: bool) -> None:
        """Whether to decode while the user speaks, as far as the settings want it; from any thread."""
        self._partials = wanted and self._settings.stt.partials

    def use(self, name: str) -> None:
        """Listen to the device of that name. Blocks while streams are opened."""
        if isinstance(self._microphone, Switchable):
            self._microphone.use(name)

    @property
    def hands_free(self) -> bool:
        """Whether voice begins an utterance, as a key does."""
        return self.listener.hands_free

    @hands_free.setter
    def hands_free(self, on: bool) -> None:
        self.listener.hands_free = on

    def begin(self, *, kept: bool = False) -> None:
        """Start an utterance; one that is `kept` is not ended by a pause before `let_go`."""
        if self.echo is not None:
            self.echo.wanted = True
        self.listener.begin(self._next(), kept=kept)

    def end(self) -> None:
        """The key says that it is over."""
        self.listener.end()

    def let_go(self) -> None:
        """From now on a pause may end the utterance."""
        self.listener.let_go()

    def hold(self) -> None:
        """Do not take this pause for the end."""
        self.listener.hold()

    def cancel(self) -> None:
        """Forget the utterance, and whatever is still being decoded of it or of earlier ones."""
        self.listener.cancel()
        self._forgotten = self._last
        self.worker.discard(self._last)
        self._over()

    def forget_recording(self) -> None:
        """Forget the utterance that is being spoken; what was said before it still counts."""
        self.listener.cancel()
        self.worker.discard(self._last)
        self._over()

    def cleanup(self) -> None:
        """Stop both threads; may be called twice. Blocks for up to a second: not for the loop."""
        self.listener.cleanup()
        self.worker.cleanup()

    # ---- in the listener thread

    def on_level(self, dbfs: float, speech: float) -> None:
        self._bus.publish(LevelChanged(dbfs, speech))

    def on_onset(self) -> int:
        number = self._next()
        self._post(number, self._listening.on_onset, number)
        return number

    def on_hint(self) -> None:
        self._post(self._last + 1, self._listening.on_hint)

    def on_wake(self) -> None:
        self._post(self._last + 1, self._listening.on_wake)

    def on_deaf_to_wake(self, error: EngineError) -> None:
        self._bus.publish(Notice("No wake word", error.message, error.remedy, "warning", key="wake word"))

    def on_wait(self, number: int, seconds: float | None) -> None:
        if number > self._forgotten and not self.private:
            self._bus.publish(Pausing(seconds))

    def on_speech(self, number: int) -> None:
        if not self.private:
            self._bus.publish(Pausing(None))
        if self._paused_at is not None:
            self._endpointer.went_on(self._clock.monotonic() - self._paused_at)
            self._paused_at = None
        self.worker.discard(number)
        self._post(number, self._listening.on_draft_void)

    def on_audio(self, number: int, audio: Samples, captured: float) -> bool:
        if number <= self._forgotten or not (self._partials or self.private):
            return True
        if not self.worker.idle or self._clock.monotonic() < self._rest_until:
            return False

        def understood(partial: Partial) -> None:
            took = partial.transcription.decode_seconds
            self._rest_until = self._clock.monotonic() + took * (1 / SHARE - 1)
            if number <= self._forgotten:
                return
            text = f"{partial.stable} {partial.tail}".strip()
            if self._settings.talk.adaptive:
                self.listener.end_silence = self._endpointer.wait(text)
            since = captured - partial.audio_seconds
            self._post(number, self._listening.on_words, number, partial.stable, text, since, captured)
            if self.private:
                return
            lag = self._clock.monotonic() - captured
            self._bus.publish(PartialTranscript(partial.stable, partial.tail, partial.audio_seconds, lag))

        self.worker.partial(number, audio, understood)
        return True

    def on_pause(self, number: int, audio: Samples) -> None:
        self._paused_at = self._clock.monotonic()
        if number <= self._forgotten or not self._settings.talk.think_ahead:
            return

        def done(future: Future[Transcription]) -> None:
            if future.cancelled() or future.exception() is not None:
                return
            text = future.result().text.strip()
            if self._settings.talk.adaptive:
                self.listener.end_silence = self._endpointer.wait(text)
            if text:
                self._post(number, self._listening.on_draft, text)

        with contextlib.suppress(EngineError):  # not running any more
            self.worker.speculate(number, audio).add_done_callback(done)

    def on_end(self, utterance: Utterance) -> None:
        self._paused_at = None
        self._over()
        self._post(utterance.number, self._listening.on_utterance, utterance)
        if utterance.silent:
            self._tell_mute()
        elif len(utterance.audio) and np.mean(np.abs(utterance.audio) >= CLIPPED) > MOST_CLIPPED:
            self._bus.publish(
                Notice(
                    "Microphone too loud",
                    f"{self._microphone.name} clips: what you say is distorted.",
                    "Turn the microphone down in the system's sound settings",
                    "warning",
                    key="microphone level",
                )
            )
        if not utterance.speech_seconds:
            self._nothing(utterance, "No speech was heard; nothing was sent.")
            return
        try:
            future = self.worker.claim(utterance.number) or self.worker.final(
                utterance.audio, key=utterance.number
            )
        except EngineError as error:
            self._failed(error)
            self._nothing(utterance, error.message)
            return
        future.add_done_callback(lambda done: self._understood(utterance, done))

    def on_mute(self) -> None:
        if self.echo is None or not self.echo.muted:  # otherwise the silence is ours
            self._tell_mute()

    def _tell_mute(self) -> None:
        self._bus.publish(
            Notice(
                "Microphone mute",
                f"{self._microphone.name} delivers silence only.",
                "Unmute it in the system's sound settings, allow this terminal to use it, or choose another: f2",
                "warning",
                key="microphone level",
            )
        )

    def on_lost(self, error: DeviceError) -> None:
        log.info("lost the microphone: %s", error.message)
        self._bus.publish(Notice("No microphone", error.message, error.remedy, "warning", key="microphone"))
        self._post(self._last + 1, self._listening.on_deaf)

    def on_found(self, name: str) -> None:
        log.info("listening to %s", name)
        missing = self._microphone.missing if isinstance(self._microphone, StandsIn) else ""
        if missing:
            self._bus.publish(
                Notice(
                    "Another microphone",
                    f"{missing} Until it is back VITA listens to {name}.",
                    "Plug it in, or choose another: f2",
                    "warning",
                    key="microphone",
                )
            )
        else:
            self._bus.publish(Notice("Microphone ready", name, key="microphone"))

    # ---- in the whisper thread

    def _understood(self, utterance: Utterance, future: Future[Transcription]) -> None:
        try:
            result = future.result()
        except CancelledError:
            return
        except EngineError as error:
            self._bus.publish(Notice("Not understood", error.message, error.remedy, "error"))
            self._failed(error)
            self._nothing(utterance, error.message)
            return
        text = result.text.strip()
        problem = "" if text else "No words were understood; nothing was sent."
        understood = Understood(
            utterance, text, problem, result.confidence, result.guard, self._clock.monotonic()
        )
        self._post(utterance.number, self._listening.on_understood, understood)

    def _nothing(self, utterance: Utterance, problem: str) -> None:
        understood = Understood(utterance, "", problem, 0.0, (), self._clock.monotonic())
        self._post(utterance.number, self._listening.on_understood, understood)

    def _failed(self, error: EngineError) -> None:
        engine = self._recognizers.active_name
        self._bus.publish(TurnFailed("stt", engine, type(error).__name__, str(error)))

    # ----

    def _next(self) -> int:
        self._last = next(self._numbers)
        self.listener.end_silence = self._settings.talk.end_silence
        return self._last

    def _over(self) -> None:
        """Nothing is being recorded any more."""
        if self.echo is not None:
            self.echo.wanted = False
        self._bus.publish(Pausing(None))

    def _post(self, number: int, function: Callable[..., None], *arguments: object) -> None:
        """Call `function` on the loop, unless the utterance `number` has been forgotten by then."""

        def call() -> None:
            if number > self._forgotten:
                function(*arguments)

        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be told
                self._loop.call_soon_threadsafe(call)
