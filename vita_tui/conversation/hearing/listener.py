"""The listener thread: frames from the microphone in, one stream of signals out.

The thread owns the microphone, the voice activity detectors and the `TurnDetector`. Other threads talk to it by commands, which
it carries out before the next frame (32 ms). It stops within 100 ms of `cleanup`.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vita_tui.audio.base import Frame, Microphone
from vita_tui.audio.echo import EchoMicrophone
from vita_tui.audio.retry_pace import waits
from vita_tui.audio.voice import VoiceActivity, dbfs
from vita_tui.clock import Clock, SystemClock
from vita_tui.conversation.hearing.signals import (
    EchoNotCancelled,
    Level,
    MicrophoneFound,
    MicrophoneLost,
    MicrophoneSilent,
    Signal,
    VoiceOnset,
    WakeWordHeard,
    WakeWordUnavailable,
)
from vita_tui.conversation.hearing.turn_detector import TurnDetector
from vita_tui.conversation.hearing.utterance import FRAME_SECONDS
from vita_tui.errors import DeviceError, EngineError
from vita_tui.health.threads import RegisteredThread
from vita_tui.settings import TalkSettings

if TYPE_CHECKING:
    from vita_tui.audio.wake import WakeWord

__all__ = ["Listener"]

log = logging.getLogger(__name__)

LEVEL_EVERY = 3
"""Frames between two level reports."""
REOPEN_SECONDS = 0.5
"""Between the first attempts to open a microphone that went away."""
LOOK_SECONDS = 0.25
"""Between two looks for a key while there is no microphone."""
AT_ONCE_SECONDS = 0.1
"""Before the first of them: another one may take its place."""


@dataclass(frozen=True, slots=True)
class _Begin:
    """A key begins an utterance."""

    number: int
    kept: bool


class Listener:
    """Listens to `microphone`."""

    def __init__(
        self,
        microphone: Microphone,
        emit: Callable[[Signal], None],
        *,
        talk: TalkSettings,
        pre_roll: float,
        numbers: Callable[[], int],
        partial_interval: float,
        decoder_free: Callable[[], bool] = lambda: True,
        scorer_free: Callable[[], bool] = lambda: False,
        clock: Clock | None = None,
    ) -> None:
        """
        Args:
            emit: takes every signal, in the listener's thread; must return at once.
            pre_roll: seconds from before an utterance that belong to it.
            numbers: the number of a new utterance that voice begins.
            partial_interval: seconds of voice between two pieces of audio for partial transcripts.
            decoder_free: whether there is time for a partial transcript.
            scorer_free: whether there is somebody who judges the sound of a pause, and has time.
        """
        self._microphone = microphone
        self._echo = microphone if isinstance(microphone, EchoMicrophone) else None
        self._emit = emit
        self._talk = talk
        self._decoder_free = decoder_free
        self._scorer_free = scorer_free
        self._clock = clock or SystemClock()
        self._commands: queue.SimpleQueue[_Begin | Callable[[], Iterable[Signal]]] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._thread: RegisteredThread | None = None
        # What follows belongs to the thread.
        self._detector = TurnDetector(talk, numbers=numbers, partial_interval=partial_interval)
        self._pre_roll: deque[tuple[Frame, bool]] = deque(maxlen=max(1, round(pre_roll / FRAME_SECONDS)))
        """The last frames, and whether they are the assistant's own voice."""
        self._voice: VoiceActivity | None = None
        self._watch: VoiceActivity | None = None
        """Looks for voice while there is no utterance."""
        self._wake: WakeWord | None = None
        self._echo_status = self._echo.status if self._echo is not None else None
        self._since_level = 0

    # ---- commands, from any thread

    def start(self) -> None:
        """Start the thread, which opens the microphone; a microphone that is missing is told by `MicrophoneLost`."""
        if self._thread is not None:
            return
        self._thread = RegisteredThread(
            self._run, name="listener", owner="conversation.hearing", close=self.cleanup
        )
        self._thread.start()

    def begin(self, number: int, *, kept: bool = False) -> None:
        """Start the utterance `number`; what was captured just before the key belongs to it.

        Args:
            kept: no pause ends it before `let_go`.
        """
        self._commands.put(_Begin(number, kept))

    def let_go(self) -> None:
        """From now on a pause may end the utterance."""
        self._commands.put(self._detector.let_go)

    def end(self) -> None:
        """The key says that the utterance is over."""
        at = self._clock.monotonic()
        self._commands.put(lambda: self._detector.end(at))

    def hold(self) -> None:
        """Do not end the utterance in this pause, however long it is."""
        self._commands.put(self._detector.hold)

    def cancel(self) -> None:
        """Forget the utterance."""
        self._commands.put(self._detector.cancel)

    def asked(self, said: str) -> None:
        """`said` is what the assistant has said last, as far as it was heard."""
        self._commands.put(lambda: self._detector.asked(said))

    def words(self, number: int, text: str, language: str = "en") -> None:
        """`text` is what has been understood so far of the utterance `number`."""
        self._commands.put(lambda: self._detector.words(number, text, language))

    def model(self, number: int, text: str, probability: float) -> None:
        """How likely it is, as a request or by the language model, that the utterance `number` is `text` and no more."""
        self._commands.put(lambda: self._detector.model(number, text, probability))

    def score(self, number: int, probability: float) -> None:
        """How likely the sound of the utterance `number` makes it that its pause is the end."""
        self._commands.put(lambda: self._detector.score(number, probability))

    def configure(self, talk: TalkSettings) -> None:
        """Listen by `talk` from now on; it must not be changed afterwards."""
        self._commands.put(lambda: self._configure(talk))

    def set_hands_free(self, on: bool) -> None:
        """Whether voice begins an utterance, as a key does."""
        self._commands.put(lambda: self._set_hands_free(on))

    def cleanup(self) -> None:
        """Stop the thread and close the microphone; may be called twice."""
        self._stopping.set()
        if self._thread is not None and not self._thread.finish(1.0):
            log.error("the listener thread did not stop within a second; it is left behind")

    # ---- the thread

    def _run(self) -> None:
        try:
            self._voice, self._watch = VoiceActivity(), VoiceActivity(thrifty=True)
            self._load_wake_word()
            while not self._stopping.is_set():
                if self._open_microphone():
                    self._listen()
        except Exception:
            log.exception("the listener thread ended")
            error = DeviceError(
                "Listening stopped because of an internal error.", remedy="See the log: ctrl+l"
            )
            self._emit(MicrophoneLost(error))
        finally:
            self._microphone.close()
            self._close_wake_word()

    def _open_microphone(self) -> bool:
        try:
            self._microphone.open()
        except DeviceError as error:
            self._emit(MicrophoneLost(error))
            for wait in waits(REOPEN_SECONDS):
                if self._stops_within(wait, error):
                    return False
                with contextlib.suppress(DeviceError):
                    self._microphone.open()
                    break
        self._emit(MicrophoneFound(self._microphone.name))
        return True

    def _stops_within(self, seconds: float, missing: DeviceError) -> bool:
        """Wait, though no longer when a key asks for the microphone; whether the thread is to stop."""
        until = self._clock.monotonic() + seconds
        while (left := until - self._clock.monotonic()) > 0:
            if self._stopping.wait(min(left, LOOK_SECONDS)):
                return True
            if self._take_commands(missing):
                break
        return self._stopping.is_set()

    def _listen(self) -> None:
        """Read frames until the microphone goes away or the thread is to stop."""
        while not self._stopping.is_set():
            self._take_commands()
            self._tell(self._detector.expire(self._clock.monotonic()))
            try:
                frame = self._microphone.read(timeout=0.1)
            except EOFError:
                self._tell(self._detector.close("end of file", self._clock.monotonic()))
                while not self._stopping.wait(0.1):
                    self._take_commands(DeviceError("The recording is at its end."))
                return
            except DeviceError as error:
                self._microphone.close()
                self._tell(self._detector.close("device", self._clock.monotonic()))
                self._emit(MicrophoneLost(error))
                self._stopping.wait(AT_ONCE_SECONDS)
                return
            if self._echo is not None and self._echo.status is not self._echo_status:
                self._echo_status = self._echo.status
                self._emit(EchoNotCancelled(self._echo_status.reason))
            if frame is not None:
                self._take(frame)

    def _take_commands(self, missing: DeviceError | None = None) -> bool:
        """Whether a key asked for the microphone in vain.

        Args:
            missing: why there is none, which is the answer to a key that is pressed now.
        """
        asked = False
        while not self._commands.empty():
            command = self._commands.get()
            if not isinstance(command, _Begin):
                self._tell(command())
            elif missing is not None:
                self._emit(MicrophoneLost(missing))
                asked = True
            else:
                self._begin(command.number, kept=command.kept)
        return asked

    def _begin(self, number: int, *, by_voice: bool = False, kept: bool = False) -> None:
        if self._detector.recording:
            return
        if self._echo is not None and not by_voice:
            self._echo.wanted = True
        assert self._voice is not None
        self._voice.reset()
        before = [
            (frame, 0.0 if own else probability)
            for frame, own in self._pre_roll
            for probability in (self._voice.probability(frame.samples),)
        ]
        self._tell(self._detector.begin(number, before, by_voice=by_voice, kept=kept))

    def _take(self, frame: Frame) -> None:
        own = self._echo is not None and self._echo.verdict.own
        self._pre_roll.append((frame, own))
        recording = self._detector.recording
        if self._wake is not None and not recording and self._wake.heard(frame.samples):
            self._pre_roll.clear()  # the word itself is not for Whisper
            self._emit(WakeWordHeard())
        probability = 0.0
        if recording or self._detector.hands_free:
            voice = self._voice if recording else self._watch
            assert voice is not None
            probability = voice.probability(frame.samples)
            if own:
                probability = 0.0
        self._since_level += 1
        if self._since_level >= LEVEL_EVERY:
            self._since_level = 0
            self._emit(Level(dbfs(frame.samples), probability))
        self._tell(
            self._detector.step(
                self._clock.monotonic(),
                frame,
                probability,
                decoder_free=recording and self._decoder_free(),
                scorer_free=recording and self._scorer_free(),
            )
        )

    def _tell(self, signals: Iterable[Signal]) -> None:
        for signal in signals:
            if isinstance(signal, MicrophoneSilent) and self._echo is not None and self._echo.muted:
                continue  # the silence is ours
            self._emit(signal)
            if isinstance(signal, VoiceOnset):
                self._begin(signal.number, by_voice=True)
        if self._echo is not None and not self._detector.recording:
            self._echo.wanted = False

    # ---- commands, in the thread

    def _set_hands_free(self, on: bool) -> list[Signal]:
        self._detector.hands_free = on
        return []

    def _configure(self, talk: TalkSettings) -> list[Signal]:
        self._detector.configure(talk)
        word, self._talk = self._talk.wake_word, talk
        if talk.wake_word != word:
            self._close_wake_word()
            self._load_wake_word()
        return []

    def _load_wake_word(self) -> None:
        if not self._talk.wake_word:
            return
        from vita_tui.audio.wake import WakeWord

        try:
            self._wake = WakeWord(self._talk.wake_word)
        except EngineError as error:
            self._emit(WakeWordUnavailable(error))

    def _close_wake_word(self) -> None:
        wake, self._wake = self._wake, None
        if wake is not None:
            wake.close()
