"""A microphone that does not hear the assistant.

`EchoMicrophone` stands between the real microphone and the listener and is read like one. What the speaker sounds reaches it through
a `Reference`; everything else happens in the thread that reads, to which all fields belong but `status`. What it does depends on the mode:

- `full_duplex`: the echo is cancelled (WebRTC, the extra `echo`), so that one can talk into the reply.
- `half_duplex`: while the reply sounds, and until its echo has died away, the microphone gives silence.
- `push_to_talk`: as half duplex; and who begins an utterance without a key must not do so in this mode.

A canceller that is missing or fails is replaced by half duplex, and `status` says why.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vita_tui.audio.base import (
    BLOCK,
    SAMPLE_RATE,
    Frame,
    Microphone,
    Samples,
    Speaker,
    Substitutable,
    Switchable,
)
from vita_tui.audio.canceller import CANCEL_BLOCK, Canceller, can_cancel
from vita_tui.audio.delay import find_delay
from vita_tui.audio.echo_level import EchoGuard, EchoVerdict
from vita_tui.audio.reference import Reference, Tappable
from vita_tui.audio.voice import dbfs
from vita_tui.settings import AudioSettings, DuplexMode

__all__ = ["HEADPHONES_DB", "INSTALL", "EchoMicrophone", "EchoPlan", "EchoStatus", "plan", "without_echo"]

log = logging.getLogger(__name__)

PRIMED = 128
"""Samples of delay that make 10 ms blocks out of 32 ms frames without ever waiting for the next frame."""
TAIL_SECONDS = 0.35
"""After the last played sound until its echo, and the device's lateness, are over."""
REST_SECONDS = 2.0
"""After the last played sound until the canceller pauses."""
LEAD_SECONDS = 0.02
"""The reference is read this much earlier than the echo is expected, so that it never comes after its echo."""
DELAY_WINDOW_SECONDS = 1.0
"""Of sound, in which the delay is measured anew."""
SHARP = 12.0
"""Of `Delay.sharpness`: from here on there is an echo, and this is its delay."""
FAINT = 6.5
"""Below this none was found. Without an echo a second of noise has 3.5 to 5.5, one in which somebody talks is below this seven times in
eight. Between the two it is an echo if the second before says the same; devices whose sound has small jumps never get sharper."""
MOST_MISSES = 3
"""Seconds of speech in a row without an echo, after which there is none any more; one such second is enough at the start. A person
who talks may hide it for a while."""
AUDIBLE_DBFS = -45.0
"""What is played below this says nothing of an echo."""
REACH_SECONDS = 0.35
"""How late after the reference the canceller still finds an echo by itself; measured in simulated rooms up to 0.4."""
MOVED_SECONDS = 0.01
"""A delay that changes by more is another one: a device had a hole, or was opened again."""
HEADPHONES_DB = -45.0
"""An echo below this is drowned by any room."""
INSTALL = "pip install 'vita-tui[echo]'"


@dataclass(frozen=True, slots=True)
class EchoPlan:
    """How to use the microphone while the assistant speaks."""

    mode: DuplexMode
    cancel: bool
    """Whether an echo must be cancelled; with headphones there is none."""
    reason: str
    """Why it is less than was wished: a sentence for the screen; empty when it is not."""


def plan(wanted: str, echo_level: float) -> EchoPlan:
    """What to do for `audio.duplex` and `audio.echo_level` as they are set."""
    if wanted == "push_to_talk":
        return EchoPlan("push_to_talk", False, "")
    if wanted == "half_duplex":
        return EchoPlan("half_duplex", False, "")
    if can_cancel():
        return EchoPlan("full_duplex", True, "")
    if echo_level <= HEADPHONES_DB:
        return EchoPlan("full_duplex", False, "")
    why = "Echo cancelling is not installed, so the microphone is off while VITA speaks; for more:"
    return EchoPlan("half_duplex", False, f"{why} {INSTALL}")


@dataclass(frozen=True, slots=True)
class EchoStatus:
    """How the microphone is used now."""

    mode: DuplexMode
    reason: str = ""
    """Why it is not as wished: a sentence for the screen; empty when it is."""


class EchoMicrophone:
    """`microphone` without the echo of what `reference` says is played; a `Microphone` itself, read by one thread.

    `status`, `name`, `missing`, `use` and `on_change` may be used from any thread; all else is for the one that reads.
    """

    def __init__(
        self,
        microphone: Microphone,
        reference: Reference,
        *,
        mode: DuplexMode = "full_duplex",
        reason: str = "",
        cancel: bool = True,
        delay: float = 0.0,
        guard: EchoGuard | None = None,
    ) -> None:
        """
        Args:
            mode, reason: the first `status`.
            cancel: in full duplex, cancel the echo; otherwise the guard alone tells it apart.
            delay: seconds by which an echo is captured later than the clocks say it was played: from `vita calibrate`. It is
                measured anew while the assistant speaks.
        """
        self._microphone = microphone
        self._reference = reference
        self._status = EchoStatus(mode, reason)
        """Swapped whole by the thread that reads."""
        self._cancels = cancel
        self.wanted = False
        """A key has opened the microphone: it gives its sound in every mode."""
        self.guard = guard or EchoGuard()
        """Whose `verdict` is about the frame that was read last."""
        self.delay = delay
        """Seconds, as measured last; what the guard compares with."""
        self.echoing: bool | None = None
        """Whether there is an echo; None before the first second of speech. A canceller without an echo takes the person away instead."""
        self._misses = 0
        """Seconds of speech in a row in which no echo was found."""
        self._suspected: float | None = None
        """Delay of an echo that may have been there in the second before."""
        self.muted = False
        """The frame that was read last was silenced, because the assistant sounded."""
        self.raw: Samples = np.zeros(BLOCK, np.float32)
        """What was captured in the frame that was read last, or up to 8 ms later."""
        self._aligned = delay
        """The delay by which the canceller's reference is moved: changed only when it must be, for it then starts anew."""
        self._canceller: Canceller | None = None
        self._expected: int | None = None
        """Position that the next frame should have."""
        self._captured: Samples = np.zeros(0, np.float32)
        self._played: Samples = np.zeros(0, np.float32)
        """Not yet processed: less than 10 ms."""
        self._clean: Samples = np.zeros(0, np.float32)
        """Processed and not yet given out."""
        self._heard: Samples = np.zeros(0, np.float32)
        """The last second as captured, while the assistant sounds: for measuring the delay."""
        self._offset: float | None = None
        """Monotonic seconds at which position 0 was captured, smoothed: blocks' times jump by milliseconds."""

    @property
    def status(self) -> EchoStatus:
        """As it was at the frame that was read last; from any thread."""
        return self._status

    @property
    def name(self) -> str:
        return self._microphone.name

    @property
    def missing(self) -> str:
        """Why it is not the microphone that was asked for."""
        return self._microphone.missing if isinstance(self._microphone, Substitutable) else ""

    def on_change(self, tell: Callable[[], None]) -> None:
        if isinstance(self._microphone, Substitutable):
            self._microphone.on_change(tell)

    @property
    def verdict(self) -> EchoVerdict:
        """Of the frame that was read last."""
        return self.guard.verdict

    def open(self) -> None:
        self._microphone.open()
        self._misses = 0
        self._begin()

    def close(self) -> None:
        self._microphone.close()

    def use(self, name: str) -> None:
        """Listen to another device: what was learned of the echo is learned anew."""
        if isinstance(self._microphone, Switchable):
            self._microphone.use(name)

    def read(self, timeout: float) -> Frame | None:
        frame = self._microphone.read(timeout)
        if frame is None:
            return None
        if frame.position != self._expected:
            self._begin()
        self._expected = frame.position + BLOCK
        self.raw = frame.samples
        captured = self._time_of(frame)
        # What is played must be asked for in every frame, so that the clocks stay laid upon each other.
        played = self._reference.at(captured - self._shift, BLOCK)
        since = captured - self._reference.sounded_until - max(0.0, self.delay)
        self.muted = False
        mode = self._status.mode
        wanted = self._cancels and mode == "full_duplex" and self.echoing is not False
        # Before it is known whether there is an echo, the canceller must not be in the way of who answers a short reply.
        if wanted and since < (REST_SECONDS if self.echoing else TAIL_SECONDS):
            samples = self._cancel(frame.samples, played)
        else:
            samples = self._pass(frame.samples, played)
        if since < TAIL_SECONDS:
            self._measure(frame.samples, captured + BLOCK / SAMPLE_RATE)
        else:
            self._heard = self._heard[:0]
        end = captured + BLOCK / SAMPLE_RATE
        self.guard.judge(samples, self._reference.window(end - self.delay, BLOCK / SAMPLE_RATE))
        if self._status.mode != "full_duplex" and since < TAIL_SECONDS and not self.wanted:
            self.muted = True
            samples = np.zeros(BLOCK, np.float32)
        return Frame(samples, frame.position, frame.captured - PRIMED / SAMPLE_RATE)

    # ----

    @property
    def _shift(self) -> float:
        """Seconds by which the reference is moved; the rest of the delay is left to the canceller."""
        return self._aligned - LEAD_SECONDS

    def _begin(self) -> None:
        self._expected = self._offset = None
        self._captured = self._played = self._heard = np.zeros(0, np.float32)
        self._clean = np.zeros(PRIMED, np.float32)
        self._reference.forget_alignment()

    def _time_of(self, frame: Frame) -> float:
        """Monotonic seconds at which the first sample was captured."""
        offset = frame.captured - (frame.position + BLOCK) / SAMPLE_RATE
        if self._offset is None or abs(offset - self._offset) > 0.1:
            self._offset = offset
        else:
            self._offset += 0.02 * (offset - self._offset)
        return self._offset + frame.position / SAMPLE_RATE

    def _pass(self, captured: Samples, played: Samples) -> Samples:
        """The same delay without the work."""
        self._clean = np.concatenate((self._clean, self._captured, captured))
        self._captured = self._played = np.zeros(0, np.float32)
        # What waited is less than 10 ms, so that there may now be more than is wanted.
        return self._give()

    def _cancel(self, captured: Samples, played: Samples) -> Samples:
        canceller = self._canceller
        if canceller is None:
            try:
                canceller = self._canceller = Canceller()
            except (ImportError, OSError, RuntimeError) as error:
                return self._give_up(f"Echo cancelling does not load ({error})", captured, played)
        self._captured = np.concatenate((self._captured, captured))
        self._played = np.concatenate((self._played, played))
        clean = [self._clean]
        try:
            while len(self._captured) >= CANCEL_BLOCK:
                clean.append(
                    canceller.process(
                        self._captured[:CANCEL_BLOCK], self._played[:CANCEL_BLOCK], LEAD_SECONDS
                    )
                )
                self._captured = self._captured[CANCEL_BLOCK:]
                self._played = self._played[CANCEL_BLOCK:]
        except RuntimeError as error:
            return self._give_up(f"Echo cancelling failed ({error})", captured, played)
        self._clean = np.concatenate(clean)
        return self._give()

    def _give(self) -> Samples:
        samples, self._clean = self._clean[:BLOCK], self._clean[BLOCK:]
        return samples

    def _give_up(self, why: str, captured: Samples, played: Samples) -> Samples:
        self._status = EchoStatus("half_duplex", f"{why}, so the microphone is off while VITA speaks.")
        log.warning("%s", self._status.reason)
        self._captured = self._captured[:0]
        self._clean = np.zeros(PRIMED, np.float32)
        return self._pass(captured, played)

    def _measure(self, captured: Samples, until: float) -> None:
        """Once a second of speech: does the echo come when it is expected?"""
        self._heard = np.concatenate((self._heard, captured))
        if len(self._heard) < DELAY_WINDOW_SECONDS * SAMPLE_RATE:
            return
        heard, self._heard = self._heard, np.zeros(0, np.float32)
        played = self._reference.window(until, len(heard) / SAMPLE_RATE)
        found = find_delay(played, heard)
        if found.sharpness < FAINT:
            self._suspected = None
            self._missed(played)
            return
        if found.sharpness < SHARP:
            suspected, self._suspected = self._suspected, found.seconds
            if suspected is None or abs(found.seconds - suspected) > MOVED_SECONDS:
                return
        if not self.echoing:
            log.info("an echo is heard, %.0f ms after it is played", found.seconds * 1e3)
        self.echoing, self._misses = True, 0
        if abs(found.seconds - self.delay) > MOVED_SECONDS:
            # The canceller has to find its way again: until then more comes through than the guard has learned.
            self.guard.reset()
        self.delay = found.seconds
        late = found.seconds - self._shift
        if not LEAD_SECONDS / 4 < late < REACH_SECONDS:
            log.info(
                "the echo comes %.0f ms after it is played: echo cancelling starts anew", found.seconds * 1e3
            )
            self._aligned = found.seconds
            self._canceller = None
            self._reference.forget_alignment()

    def _missed(self, played: Samples) -> None:
        self._misses += dbfs(played) > AUDIBLE_DBFS
        if self._misses >= (1 if self.echoing is None else MOST_MISSES) and self.echoing is not False:
            log.info("no echo is heard: the microphone is used as it is")
            self.echoing, self._canceller = False, None


def without_echo(microphone: Microphone, speaker: Speaker, audio: AudioSettings) -> EchoMicrophone:
    """`microphone` without the echo of `speaker`, as the settings and what is installed allow; see its `status`."""
    chosen = plan(audio.duplex, audio.echo_level)
    reference = Reference()
    if isinstance(speaker, Tappable):
        speaker.tap(reference.tap)
    wrapped = EchoMicrophone(
        microphone,
        reference,
        mode=chosen.mode,
        reason=chosen.reason,
        cancel=chosen.cancel,
        delay=audio.echo_delay,
        guard=EchoGuard(echo_db=audio.echo_level, floor_dbfs=audio.noise_floor),
    )
    if audio.echo_level <= HEADPHONES_DB:
        wrapped.echoing = False  # unless one is heard after all
    return wrapped
