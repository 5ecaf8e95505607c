"""The listener thread: frames from the microphone become utterances.

One thread owns the microphone, the voice activity detector and the utterance that is being spoken. Others talk to it by
`begin`, `end`, `hold` and `cancel`, which only leave a note for it; it answers through a `Hearing`, called in its own thread. It wakes
for every frame (32 ms), and stops within 100 ms of `cleanup`.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from vita_tui.audio.base import BLOCK, SAMPLE_RATE, Frame, Microphone, Samples
from vita_tui.audio.voice import Onsets, VoiceActivity, VoiceChange, dbfs
from vita_tui.clock import Clock, SystemClock
from vita_tui.errors import DeviceError, EngineError
from vita_tui.health.registry import Entry, registry
from vita_tui.settings import AudioSettings, TalkSettings

if TYPE_CHECKING:
    from vita_tui.audio.wake import WakeWord

__all__ = ["EDGE_SECONDS", "EndReason", "Hearing", "Listener", "Utterance"]

log = logging.getLogger(__name__)

FRAME_SECONDS = BLOCK / SAMPLE_RATE
EDGE_SECONDS = 0.3
"""Silence that is kept before the first and after the last speech: Whisper hears plosives and breath in it."""
SPECULATE_SECONDS = 0.1
"""Silence after which the utterance may be over. Many gaps between words are longer: then the decode was one that a partial would have
taken."""
LEVEL_EVERY = 3
"""Frames between two level reports."""
UNCERTAIN_SECONDS = 1.0
"""An utterance that voice began, without a key, and in which none is found after all, ends after so long."""
MUTE_SECONDS = 30.0
"""Of nothing but zeros, after which a microphone that is listened to without a key is called mute."""
SILENT_SECONDS = 0.9
"""The same for an utterance that a key began."""
REOPEN_SECONDS = 0.5
"""Between two attempts to open a microphone that went away."""
AT_ONCE_SECONDS = 0.1
"""Before the first of them: another one may stand in."""

_Note = Literal["begin", "begin kept", "let go", "end", "hold", "cancel"]
EndReason = Literal["key", "silence", "limit", "nothing", "end of file", "device", "cancelled"]


@dataclass(frozen=True, slots=True)
class Utterance:
    """What was said in one go, with little silence around it."""

    number: int
    audio: Samples
    """At `SAMPLE_RATE`."""
    speech_seconds: float
    """How much of it was voice; 0 when there was none."""
    last_speech: float
    """Monotonic seconds at which the last voice was captured."""
    ended: float
    """Monotonic seconds of the key, or of the last voice when silence ended it: latency counts from here."""
    noticed: float
    """Monotonic seconds at which it was known to be over."""
    reason: EndReason
    silent: bool = False
    """There was nothing at all to hear, not even the noise of a room: the microphone is mute."""

    @property
    def audio_seconds(self) -> float:
        return len(self.audio) / SAMPLE_RATE

    @property
    def endpoint_wait(self) -> float | None:
        """Seconds waited for silence; None when something else ended it."""
        return self.noticed - self.last_speech if self.reason == "silence" else None


class Hearing(Protocol):
    """Who is told what the listener hears; every method is called in the listener thread and must return at once."""

    def on_level(self, dbfs: float, speech: float) -> None: ...
    def on_onset(self) -> int:
        """Somebody began to speak without a key: the number of their utterance; 0 to leave them unheard."""
        ...

    def on_hint(self) -> None:
        """The first frame that may be somebody who begins to speak without a key; `on_onset` follows if it goes on."""

    def on_wake(self) -> None:
        """The wake word was said: `begin` may follow."""

    def on_deaf_to_wake(self, error: EngineError) -> None:
        """The wake word is not listened for."""

    def on_speech(self, number: int) -> None:
        """The first voice of an utterance, or voice again after a pause that `on_pause` told of."""

    def on_audio(self, number: int, audio: Samples, captured: float) -> bool:
        """The utterance so far, every `partial_interval` while there is voice; `captured` is the time of its last sample.

        Returns:
            False when there is no time for it: the next frame is offered instead.
        """
        ...

    def on_pause(self, number: int, audio: Samples) -> None:
        """Voice has just ceased: the utterance may be over, and this is what it would be."""

    def on_wait(self, number: int, seconds: float | None) -> None:
        """The utterance ends after `seconds` more of silence; None: only when voice has come again, or by a key."""

    def on_end(self, utterance: Utterance) -> None: ...
    def on_mute(self) -> None:
        """Who listens without a key has had nothing but digital silence for `MUTE_SECONDS`; again after as long."""

    def on_lost(self, error: DeviceError) -> None: ...
    def on_found(self, name: str) -> None:
        """The microphone is open (again)."""


@dataclass(slots=True)
class _Open:
    """The utterance that is being spoken."""

    number: int
    frames: list[Frame]
    hands_free: bool = False
    """Voice began it, not a key."""
    held: bool = False
    """A key keeps it open through this pause."""
    kept: bool = False
    """A key that is held keeps it open, whatever is heard."""
    announced: float | None = None
    """The wait for silence that was told last."""
    first_speech: int | None = None
    """Index into `frames`."""
    last_speech: int | None = None
    silence: float = 0.0
    waited: float = 0.0
    speech_seconds: float = 0.0
    paused: bool = False
    since_partial: float = 0.0
    key_at: float | None = None

    def audio(self) -> Samples:
        """From a little before the first voice to a little after the last."""
        if self.first_speech is None or self.last_speech is None:
            return np.zeros(0, np.float32)
        edge = round(EDGE_SECONDS / FRAME_SECONDS)
        chosen = self.frames[max(0, self.first_speech - edge) : self.last_speech + 1 + edge]
        return np.concatenate([frame.samples for frame in chosen])


class Listener:
    """Listens to `microphone` and reports to `hearing`."""

    def __init__(
        self,
        microphone: Microphone,
        hearing: Hearing,
        *,
        audio: AudioSettings,
        talk: TalkSettings,
        partial_interval: float,
        own_voice: Callable[[], bool] = lambda: False,
        clock: Clock | None = None,
    ) -> None:
        """
        Args:
            own_voice: whether the frame that was read last is the assistant's own voice, come back from the speaker.
        """
        self._microphone = microphone
        self._own_voice = own_voice
        self._hearing = hearing
        self._audio = audio
        self._talk = talk
        self._partial_interval = partial_interval
        self._clock = clock or SystemClock()
        self._notes: queue.SimpleQueue[tuple[_Note, float, int]] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._entry: Entry | None = None
        self._open: _Open | None = None
        self._pre_roll: deque[tuple[Frame, bool]] = deque(
            maxlen=max(1, round(audio.pre_roll / FRAME_SECONDS))
        )
        """The last frames, and whether they are the assistant's own voice."""
        self._voice: VoiceActivity | None = None
        self._watch: VoiceActivity | None = None
        """Looks for voice while there is no utterance."""
        self._onsets = Onsets(talk.threshold)
        self._wake: WakeWord | None = None
        self.hands_free = False
        """Whether voice begins an utterance, as a key does; may be changed from any thread."""
        self._since_level = 0
        self._zeros = 0
        """Frames of nothing but zeros, in a row."""
        self.end_silence = talk.end_silence
        """Seconds of silence that end an utterance; may be changed from any thread while one is spoken."""

    # ---- called from other threads

    def start(self) -> None:
        """Start the thread, which opens the microphone; a microphone that is missing is told by `on_lost`."""
        if self._thread is not None:
            return
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)
        self._entry = registry.register(
            self._thread, kind="thread", name="listener", owner="conversation.listener", close=self.cleanup
        )
        self._thread.start()

    def begin(self, number: int, *, kept: bool = False) -> None:
        """Start the utterance `number`; what was captured just before the key belongs to it.

        Args:
            kept: no pause ends it before `let_go`.
        """
        self._notes.put(("begin kept" if kept else "begin", self._clock.monotonic(), number))

    def let_go(self) -> None:
        """From now on a pause may end the utterance."""
        self._notes.put(("let go", self._clock.monotonic(), 0))

    def end(self) -> None:
        """The key says that the utterance is over."""
        self._notes.put(("end", self._clock.monotonic(), 0))

    def hold(self) -> None:
        """Do not end the utterance in this pause, however long it is."""
        self._notes.put(("hold", self._clock.monotonic(), 0))

    def cancel(self) -> None:
        """Forget the utterance."""
        self._notes.put(("cancel", self._clock.monotonic(), 0))

    def cleanup(self) -> None:
        """Stop the thread and close the microphone; may be called twice."""
        self._stopping.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=1.0)
            if thread.is_alive():
                log.error("the listener thread did not stop within a second; it is left behind")
        if self._entry is not None:
            self._entry.leave()

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
            self._hearing.on_lost(
                DeviceError("Listening stopped because of a defect.", remedy="See the log: ctrl+l")
            )
        finally:
            self._microphone.close()
            if self._wake is not None:
                self._wake.close()

    def _load_wake_word(self) -> None:
        if not self._talk.wake_word:
            return
        from vita_tui.audio.wake import WakeWord

        try:
            self._wake = WakeWord(self._talk.wake_word)
        except EngineError as error:
            self._hearing.on_deaf_to_wake(error)

    def _open_microphone(self) -> bool:
        try:
            self._microphone.open()
        except DeviceError as error:
            self._hearing.on_lost(error)
            while not self._stopping.wait(REOPEN_SECONDS):
                self._refuse_notes(error)
                try:
                    self._microphone.open()
                except DeviceError:
                    continue
                break
            else:
                return False
        self._hearing.on_found(self._microphone.name)
        return True

    def _refuse_notes(self, error: DeviceError) -> None:
        """Answer keys that are pressed while there is no microphone."""
        while not self._notes.empty():
            if self._notes.get()[0] in ("begin", "begin kept"):
                self._hearing.on_lost(error)

    def _listen(self) -> None:
        """Read frames until the microphone goes away or the thread is to stop."""
        while not self._stopping.is_set():
            self._take_notes()
            try:
                frame = self._microphone.read(timeout=0.1)
            except EOFError:
                if self._open is not None:
                    self._finish("end of file")
                while not self._stopping.wait(0.1):
                    self._refuse_notes(DeviceError("The recording is at its end."))
                return
            except DeviceError as error:
                self._microphone.close()
                if self._open is not None:
                    self._finish("device")
                self._hearing.on_lost(error)
                self._stopping.wait(AT_ONCE_SECONDS)
                return
            if frame is not None:
                self._take(frame)

    def _take_notes(self) -> None:
        while not self._notes.empty():
            note, at, number = self._notes.get()
            if note in ("begin", "begin kept") and self._open is None:
                self._begin(number)
                assert self._open is not None
                self._open.kept = note == "begin kept"
            elif note == "let go" and self._open is not None:
                self._open.kept = False
            elif note == "end" and self._open is not None:
                self._open.key_at = at
            elif note == "hold" and self._open is not None:
                self._open.held = True
                self._tell_wait(self._open)
            elif note == "cancel" and self._open is not None:
                self._open = None
        utterance = self._open
        # Frames captured before the key may still be on their way; but a microphone that hangs must not keep the answer.
        if (
            utterance is not None
            and utterance.key_at is not None
            and self._clock.monotonic() > utterance.key_at + 0.15
        ):
            self._finish("key")

    def _begin(self, number: int, *, hands_free: bool = False) -> None:
        self._open = _Open(number, [], hands_free)
        voice = self._voice
        assert voice is not None
        voice.reset()
        for frame, own in tuple(self._pre_roll):
            probability = voice.probability(frame.samples)
            self._hear(self._open, frame, 0.0 if own else probability)

    def _take(self, frame: Frame) -> None:
        own = self._own_voice()
        self._pre_roll.append((frame, own))
        probability = 0.0
        utterance = self._open
        if self._wake is not None and utterance is None and self._wake.heard(frame.samples):
            self._pre_roll.clear()  # the word itself is not for Whisper
            self._hearing.on_wake()
        if utterance is not None or self.hands_free:
            voice = self._voice if utterance is not None else self._watch
            assert voice is not None
            probability = voice.probability(frame.samples)
            if own:
                probability = 0.0
            before = self._onsets.candidate
            change = self._onsets.feed(probability, frame.captured - FRAME_SECONDS)
            if utterance is None and not before and self._onsets.candidate and not self._onsets.speaking:
                self._hearing.on_hint()
            if utterance is None and change is VoiceChange.STARTED and (number := self._hearing.on_onset()):
                self._begin(number, hands_free=True)
        self._since_level += 1
        if self._since_level >= LEVEL_EVERY:
            self._since_level = 0
            self._hearing.on_level(dbfs(frame.samples), probability)
        if utterance is None:
            self._look_for_life(frame)
            return
        self._hear(utterance, frame, probability)
        utterance.waited += FRAME_SECONDS
        self._report(utterance, frame)

    def _look_for_life(self, frame: Frame) -> None:
        self._zeros = self._zeros + 1 if self.hands_free and not np.any(frame.samples) else 0
        if self._zeros * FRAME_SECONDS >= MUTE_SECONDS:
            self._zeros = 0
            self._hearing.on_mute()

    def _hear(self, utterance: _Open, frame: Frame, probability: float) -> None:
        """Add a frame, and keep count of voice and silence with hysteresis."""
        utterance.frames.append(frame)
        index = len(utterance.frames) - 1
        speaking = utterance.last_speech is not None and utterance.silence == 0.0
        threshold = self._talk.threshold - (0.15 if speaking else 0.0)
        if probability >= threshold:
            if utterance.first_speech is None:
                utterance.first_speech = index
                self._hearing.on_speech(utterance.number)
            elif utterance.paused:
                self._hearing.on_speech(utterance.number)
            utterance.last_speech = index
            utterance.silence = 0.0
            utterance.paused = utterance.held = False
            utterance.announced = None
            utterance.speech_seconds += FRAME_SECONDS
        else:
            utterance.silence += FRAME_SECONDS

    def _report(self, utterance: _Open, frame: Frame) -> None:
        """Tell of partial audio, of a pause, or of the end."""
        spoken = utterance.first_speech is not None
        if utterance.key_at is not None and frame.captured >= utterance.key_at:
            self._finish("key")
        elif spoken and utterance.silence >= self.end_silence and not (utterance.held or utterance.kept):
            self._finish("silence")
        elif not (spoken or utterance.kept) and utterance.waited >= (
            UNCERTAIN_SECONDS if utterance.hands_free else self._talk.patience
        ):
            self._finish("nothing")
        elif len(utterance.frames) * FRAME_SECONDS >= self._talk.max_seconds:
            self._finish("limit")
        elif spoken and not utterance.paused and utterance.silence >= SPECULATE_SECONDS:
            utterance.paused = True
            self._hearing.on_pause(utterance.number, utterance.audio())
            self._tell_wait(utterance)
        elif (
            utterance.paused
            and not (utterance.held or utterance.kept)
            and utterance.announced != self.end_silence
        ):
            self._tell_wait(utterance)
        elif spoken and not utterance.paused:
            utterance.since_partial += FRAME_SECONDS
            if utterance.since_partial >= self._partial_interval and self._hearing.on_audio(
                utterance.number, utterance.audio(), frame.captured
            ):
                utterance.since_partial = 0.0

    def _tell_wait(self, utterance: _Open) -> None:
        """Tell how long the pause may still last; again when what was understood has changed that."""
        utterance.announced = self.end_silence
        rest = None if utterance.held or utterance.kept else max(0.0, self.end_silence - utterance.silence)
        self._hearing.on_wait(utterance.number, rest)

    def _finish(self, reason: EndReason) -> None:
        utterance = self._open
        assert utterance is not None
        self._open = None
        frames = utterance.frames
        last = (
            frames[utterance.last_speech].captured
            if utterance.last_speech is not None
            else self._clock.monotonic()
        )
        if reason == "key":
            ended = utterance.key_at or self._clock.monotonic()
        elif reason == "end of file":
            ended = frames[-1].captured if frames else self._clock.monotonic()
        else:
            ended = last
        self._hearing.on_end(
            Utterance(
                utterance.number,
                utterance.audio(),
                utterance.speech_seconds,
                last,
                ended,
                self._clock.monotonic(),
                reason,
                silent=utterance.first_speech is None
                and len(frames) * FRAME_SECONDS >= SILENT_SECONDS
                and not any(np.any(frame.samples) for frame in frames),
            )
        )
