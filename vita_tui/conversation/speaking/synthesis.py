"""The synthesis thread: clauses become sound, in order, by the first voice that works, and go to `Playback`."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import suppress

import numpy as np

from vita_tui.audio.base import Samples
from vita_tui.clock import Clock
from vita_tui.conversation.speaking.clauses import Clause
from vita_tui.conversation.speaking.kept_sound import KeptSound
from vita_tui.conversation.speaking.playback import Playback
from vita_tui.conversation.speaking.speech import Speech
from vita_tui.engines.chain import Chain
from vita_tui.engines.tts.base import Pcm, Synthesizer
from vita_tui.engines.tts.sound import at_rate
from vita_tui.errors import NoEngineError
from vita_tui.events import EventBus, Notice
from vita_tui.health.threads import RegisteredThread

__all__ = ["Synthesis"]

log = logging.getLogger(__name__)

QUICK = 0.5
"""Seconds that a voice may take for a second of sound if what it says is to be played while it still computes."""
CLOSE_SECONDS = 0.3
"""For the thread to end; one that loads a voice cannot be hurried, and the program has to be gone in a second."""
PACED_SECONDS = 0.5
"""Of sound that tells how quick a voice is."""
SHORTEST_SECONDS = 0.2
"""Of sound that is handed over at once, unless a clause ends."""


class Synthesis:
    """Owns the thread `synthesis`, which loads the voice, opens the speaker and synthesises; it stops between two clauses."""

    def __init__(
        self,
        chain: Chain[Synthesizer],
        playback: Playback,
        bus: EventBus,
        *,
        ahead: bool,
        clock: Clock,
        on_ready: Callable[[], None],
        before_clause: Callable[[], None],
    ) -> None:
        """
        Args:
            ahead: a clause may be heard while its end is still being synthesised.
            on_ready: called in the thread when the voice is loaded and the speaker open, or neither can be.
            before_clause: called in the thread when a clause is to be spoken.
        """
        self._chain = chain
        self._playback = playback
        self._bus = bus
        self._ahead = ahead
        self._clock = clock
        self._on_ready = on_ready
        self._before_clause = before_clause
        self._jobs: queue.SimpleQueue[tuple[Speech, Clause] | Callable[[], None] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._errands: set[Future[None]] = set()
        """What waits to be done between two clauses."""
        self._stopping = threading.Event()
        self._thread: RegisteredThread | None = None
        self.kept = KeptSound()
        """Only the thread touches it."""
        self._pace: dict[str, float] = {}
        """Seconds that each voice took for a second of its last clause's sound, once that had begun; only the thread touches it."""

    def start(self) -> None:
        """Start the thread."""
        if self._thread is not None:
            return
        self._thread = RegisteredThread(
            self._run, name="synthesis", owner="conversation.synthesis", close=self.cleanup
        )
        self._thread.start()

    def submit(self, speech: Speech, clause: Clause) -> None:
        """Have `clause` spoken after all before it; from any thread."""
        self._jobs.put((speech, clause))

    def between_clauses(self, work: Callable[[], None]) -> Future[None]:
        """Do `work` in the thread, where nothing is being synthesised; the future gets its error."""
        done: Future[None] = Future()
        with self._lock:
            if self._stopping.is_set():
                done.cancel()
                return done
            self._errands.add(done)
        done.add_done_callback(self._errands.discard)

        def errand() -> None:
            if not done.set_running_or_notify_cancel():
                return
            try:
                work()
            except BaseException as error:  # noqa: BLE001  # handed to whoever waits
                done.set_exception(error)
            else:
                done.set_result(None)

        self._jobs.put(errand)
        return done

    def load(self) -> None:
        """Load the first voice that works; in the thread."""
        with suppress(NoEngineError):  # the chain has told the panel; the first reply says it in words
            for attempt in self._chain.attempts():
                with attempt as engine:
                    engine.load()
                    return

    def cleanup(self) -> None:
        """Stop the thread, and free the voices; may be called twice."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        with self._lock:
            errands = list(self._errands)
        for waiting in errands:
            waiting.cancel()
        self._jobs.put(None)
        if self._thread is not None and not self._thread.finish(CLOSE_SECONDS):
            log.warning("the synthesis thread is still busy; it is left behind and ends with the process")
        for engine in self._chain.engines:
            engine.cleanup()

    # ---- the thread

    def _run(self) -> None:
        try:
            self._playback.open()
            self.load()
            self._on_ready()
            while (job := self._jobs.get()) is not None:
                if callable(job):
                    job()
                elif not job[0].cancelled.is_set():
                    self._synthesise(*job)
        except Exception:
            log.exception("the synthesis thread ended")
            self._bus.publish(
                Notice(
                    "Speech stopped",
                    "Because of an internal error; replies are text only.",
                    "See the log: ctrl+l",
                    "error",
                )
            )
            self._playback.give_up()

    def _synthesise(self, speech: Speech, clause: Clause) -> None:
        if not self._chain.engines or not self._playback.ready():
            self._playback.skip(speech.track)
            return
        self._before_clause()
        try:
            for attempt in self._chain.attempts():
                with attempt as engine:
                    engine.load()
                    self._say(engine, speech, clause, self._playback.rate)
                    if speech.cancelled.is_set():
                        attempt.abandon()  # a voice that was interrupted has not shown that it works
                    self._playback.end(speech.track, clause)
                    return
        except NoEngineError as error:
            speech.error = error
            self._bus.publish(
                Notice("No voice", error.message, error.remedy or "vita doctor", "warning", key="voice")
            )
            self._playback.skip(speech.track)

    def _say(self, engine: Synthesizer, speech: Speech, clause: Clause, rate: int) -> None:
        """Hand over the sound of `clause` as it comes, if `engine` is quick enough that it will not break off in between."""
        pace = self._pace.get(engine.name, engine.pace)
        ahead = self._ahead and pace < QUICK
        held: list[Samples] = []
        begun = False

        def deliver() -> None:
            nonlocal begun
            # Not before: what another voice has said of it stands until this one has something to say.
            if not begun:
                self._playback.first_sound(speech.track, clause, engine.rate)
                begun = True
            if held:
                self._playback.deliver(speech.track, clause, np.concatenate(held), engine.name, rate)
                held.clear()

        for samples in at_rate(engine, self._sound(engine, speech, clause), rate):
            held.append(samples)
            if ahead and sum(map(len, held)) >= SHORTEST_SECONDS * rate:
                deliver()
        deliver()

    def _sound(self, engine: Synthesizer, speech: Speech, clause: Clause) -> Iterator[Pcm]:
        """Of `clause`, made anew unless it was said not long ago."""
        words = clause.spoken
        if (kept := self.kept.of(engine, words)) is not None:
            yield from kept
            return
        made = self._paced(engine, engine.speak(words, cancelled=speech.cancelled))
        for piece in self.kept.keep(engine, words, made):
            yield piece
            if speech.cancelled.is_set():
                return  # it is not all of it that comes

    def _paced(self, engine: Synthesizer, pieces: Iterable[Pcm]) -> Iterator[Pcm]:
        """`pieces`, of which it is noted how quickly they came after the first."""
        begun = last = 0.0
        frames = 0
        for piece in pieces:
            last = self._clock.monotonic()
            frames += np.size(piece) if begun else 0
            begun = begun or last
            yield piece
        if frames >= PACED_SECONDS * engine.sample_rate > 0:
            self._pace[engine.name] = (last - begun) * engine.sample_rate / frames
