"""The whisper thread: every decode happens in it, the one that matters most first."""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vita_tui.engines.chain import Attempt, Chain
from vita_tui.engines.stt.base import SAMPLE_RATE, Recognizer, Transcription
from vita_tui.engines.stt.decoding.checked import checked
from vita_tui.engines.stt.scheduling.agreement import Partial, PartialTranscriber
from vita_tui.engines.stt.scheduling.queueing import Job, Kind, Slots
from vita_tui.errors import EngineError, EngineTimeoutError, VitaError
from vita_tui.health.registry import Entry, registry

__all__ = ["WhisperWorker", "WorkerCounts"]

log = logging.getLogger(__name__)

_NOTHING = np.zeros(0, np.float32)
_PROBE_SECONDS = 1.0


class _MadeWay(BaseException):
    """A probe was broken off for something that a user waits for: it says nothing about the engine."""


@dataclass(slots=True)
class WorkerCounts:
    """What the thread has done since the worker was made."""

    partials: int = 0
    partials_skipped: int = 0
    """Replaced by a newer one, or by a final, before they began."""
    partials_cancelled: int = 0
    """Given up because something more urgent came."""
    partials_failed: int = 0
    finals: int = 0
    finals_failed: int = 0
    speculations: int = 0
    """Begun or waiting."""
    speculations_claimed: int = 0
    speculations_discarded: int = 0
    windows: int = 0
    """Encoded, for whatever purpose."""
    tokens: int = 0
    guarded: int = 0
    """Results for which the guard had something decoded again."""
    overruns: int = 0
    """Decodes that were given up after the timeout."""
    probes: int = 0
    """Times that resting engines were tried when there was nothing else to do."""


class WhisperWorker:
    """Gives a recogniser, or a chain of them, one thread; every method may be called from any thread and returns at once.

    A final is never dropped and goes before everything else: a partial that is being decoded is told to stop. Of partials only
    the newest waits. A decode that overruns its time is left alone in its thread, which native code may hold for ever, and a new
    thread goes on with the engines that are not held.
    """

    def __init__(self, recognizer: Recognizer | Chain[Recognizer], *, timeout: float = 20.0) -> None:
        """
        Args:
            timeout: seconds from asking for a final to `EngineTimeoutError`.
        """
        self._recognizer = recognizer
        self._timeout = timeout
        self._condition = threading.Condition()
        self._slots = Slots()
        self._running: Job | None = None
        self._since = 0.0
        """Monotonic seconds at which the running job was taken."""
        self._claimable: Job | None = None
        """The newest speculation, waiting, running or done."""
        self._partials: tuple[Hashable, PartialTranscriber] | None = None
        self._thread: threading.Thread | None = None
        self._entry: Entry | None = None
        self._stopping = False
        self._engine: Recognizer | None = None
        """What the thread is inside of."""
        self._attempt: Attempt[Recognizer] | None = None
        self._held: list[Recognizer] = []
        """Engines inside which an abandoned thread still is."""
        self._counts = WorkerCounts()

    # ---- life

    def start(self) -> Future[Transcription]:
        """Start the thread and load in it; the future is done when loading is, or has its error. Its result means nothing."""
        with self._condition:
            if self._thread is not None:
                raise RuntimeError("the whisper thread runs already")
            self._stopping = False
            job = Job(Kind.LOAD, _NOTHING)
            self._slots.load = job
            self._start_thread()
        return job.future

    def reload(self) -> Future[Transcription]:
        """Load again, between two decodes: what was missing is there now, or another engine is to answer.

        The future is as that of `start`; it is cancelled at once when the worker was not started.
        """
        job = Job(Kind.LOAD, _NOTHING)
        with self._condition:
            if self._thread is not None and not self._stopping:
                if self._slots.load is not None:
                    return self._slots.load.future
                self._slots.load = job
                self._condition.notify_all()
                return job.future
        job.cancel()
        return job.future

    def unload(self, engine: Recognizer) -> Future[Transcription]:
        """Free `engine` between two decodes; its next work loads it again. The future is as that of `reload`."""

        def free() -> None:
            with self._condition:
                held = engine in self._held
                self._partials = None
            if not held:  # an abandoned thread is still inside of it
                engine.cleanup()
            if isinstance(self._recognizer, Chain):
                self._recognizer.unloaded(engine)

        job = Job(Kind.ERRAND, _NOTHING, errand=free)
        with self._condition:
            if self._thread is not None and not self._stopping:
                self._slots.errands.append(job)
                self._condition.notify_all()
                return job.future
        job.cancel()
        return job.future

    def probe(self) -> None:
        """Try the engines of the chain whose rest is over, when there is nothing else to do.

        What a user waits for does not wait for the decode of a probe, which then is broken off; it waits for loading.
        """
        job = Job(Kind.PROBE, _probe_sound())
        with self._condition:
            running = self._running
            if self._stopping or self._thread is None or not isinstance(self._recognizer, Chain):
                return
            if self._slots.probe is not None or (running is not None and running.kind is Kind.PROBE):
                return
            self._slots.probe = job
            self._condition.notify_all()

    def _start_thread(self) -> None:
        thread = threading.Thread(target=self._work, name="whisper", daemon=True)
        if self._entry is not None:
            self._entry.leave()
        self._entry = registry.register(
            thread, kind="thread", name="whisper", owner="engines.stt", close=self.cleanup
        )
        self._thread = thread
        thread.start()

    def cleanup(self, timeout: float = 1.0) -> bool:
        """Cancel everything and end the thread; may be called twice. `start` works again afterwards.

        Returns:
            False when a decode did not end within `timeout` seconds: its daemon thread is left to itself.
        """
        with self._condition:
            self._stopping = True
            unwanted = list(self._slots.drain())
            if self._running is not None:
                unwanted.append(self._running)
            self._claimable = None
            self._partials = None
            self._condition.notify_all()
            thread, self._thread = self._thread, None
            entry, self._entry = self._entry, None
        for job in unwanted:
            job.cancel()
        ended = True
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)
            ended = not thread.is_alive()
        if ended:
            for engine in self._engines():
                if engine not in self._held:
                    engine.cleanup()
        else:
            with self._condition:
                if self._engine is not None:
                    self._held.append(self._engine)
                    self._engine = self._attempt = None
            log.warning("the whisper thread is still decoding after %.1f s and is left to itself", timeout)
        if entry is not None:
            entry.leave()
        return ended

    # ---- work

    @property
    def idle(self) -> bool:
        """Whether nothing but a probe runs or waits."""
        with self._condition:
            running = self._running is not None and self._running.kind is not Kind.PROBE
            return not (running or self._slots.waiting)

    def partial(
        self, key: Hashable, audio: NDArray[np.float32], on_result: Callable[[Partial], None]
    ) -> None:
        """Transcribe the utterance `key` so far, when there is time; replaces a partial that is still waiting.

        Args:
            audio: all of the utterance so far; must not be changed afterwards.
            on_result: called in the whisper thread; not called when something more urgent came, or when the decode failed.
        """
        with self._condition:
            if self._stopping or self._thread is None:
                return
            if self._slots.partial is not None:
                self._counts.partials_skipped += 1
            if self._running is not None and self._running.kind is Kind.PROBE:
                self._running.cancelled.set()
            self._slots.partial = Job(Kind.PARTIAL, audio, key, on_result=on_result)
            self._condition.notify_all()

    def final(
        self, audio: NDArray[np.float32], prefix: str = "", key: Hashable = None
    ) -> Future[Transcription]:
        """Transcribe the whole utterance `audio`, before anything else. Throws away a speculation that was not claimed.

        What partials of the utterance `key` have understood saves time.

        The future's errors: `EngineError` (`NoEngineError` when no engine of a chain works, `EngineTimeoutError`); it is
        cancelled by `cleanup`.

        Raises:
            EngineError: not started, or far too much waits already.
        """
        job = Job(Kind.FINAL, audio, key, prefix)
        with self._condition:
            self._expect_running()
            self._slots.add_final(job)
            unclaimed = self._throw_away()
            self._make_way()
            self._condition.notify_all()
        _cancel(unclaimed)
        self._watch(job, self._timeout)
        return job.future

    def speculate(self, key: Hashable, audio: NDArray[np.float32]) -> Future[Transcription]:
        """Transcribe `audio` as if the utterance `key` were over; replaces an earlier speculation.

        `claim` makes it final, `discard` throws it away. The future is cancelled when it is thrown away.

        Raises:
            EngineError: not started.
        """
        job = Job(Kind.SPECULATION, audio, key)
        with self._condition:
            self._expect_running()
            earlier = self._throw_away()
            self._slots.speculation = self._claimable = job
            self._counts.speculations += 1
            self._make_way()
            self._condition.notify_all()
        _cancel(earlier)
        return job.future

    def discard(self, key: Hashable) -> None:
        """The utterance `key` goes on: its speculation is worthless. Does nothing when there is none."""
        with self._condition:
            if self._claimable is None or self._claimable.key != key:
                return
            worthless = self._throw_away()
        _cancel(worthless)

    def claim(self, key: Hashable) -> Future[Transcription] | None:
        """The utterance `key` ended where it was speculated to; from now on it is a final.

        None when there is no speculation, or it failed: then ask for a `final`.
        """
        with self._condition:
            job = self._claimable
            if job is None or job.key != key or job.future.cancelled():
                return None
            if job.future.done() and job.future.exception() is not None:
                self._claimable = None
                return None
            self._claimable = None
            job.kind = Kind.FINAL
            self._counts.speculations_claimed += 1
            if self._slots.speculation is job:
                self._slots.speculation = None
                self._slots.finals.append(job)
            self._make_way()
            self._condition.notify_all()
        self._watch(job, self._timeout)
        return job.future

    def counts(self) -> WorkerCounts:
        """What has been done until now."""
        with self._condition:
            return dataclasses.replace(self._counts)

    # ---- with the lock held

    def _expect_running(self) -> None:
        if self._stopping or self._thread is None:
            raise EngineError("Speech recognition is not running.")

    def _make_way(self) -> None:
        """A final has come: partials can wait until there is more to hear."""
        if self._slots.partial is not None:
            self._slots.partial = None
            self._counts.partials_skipped += 1
        if self._running is not None and self._running.kind in (Kind.PARTIAL, Kind.PROBE):
            self._running.cancelled.set()

    def _throw_away(self) -> Job | None:
        """Forget the speculation that nobody claimed; returns it, to be cancelled when the lock is free."""
        job, self._claimable = self._claimable, None
        if job is not None:
            if self._slots.speculation is job:
                self._slots.speculation = None
            self._counts.speculations_discarded += 1
            # Already here, not only by way of the future: the thread may be between two windows.
            job.cancelled.set()
        return job

    # ---- the thread

    def _work(self) -> None:
        me = threading.current_thread()
        while True:
            with self._condition:
                job = None
                while self._thread is me and not self._stopping and (job := self._slots.take()) is None:
                    self._condition.wait()
                if job is None:
                    return
                self._running, self._since = job, time.monotonic()
            try:
                self._do(job)
            except VitaError as error:
                self._failed(job, error)
            except Exception as error:
                # A defect ends this piece of work, not the thread that the next utterance needs.
                log.exception("%s failed", job.kind.value)
                self._failed(job, EngineError(f"Speech recognition failed: {type(error).__name__}: {error}."))
            finally:
                with self._condition:
                    if self._running is job:
                        self._running = None

    def _do(self, job: Job) -> None:
        if job.kind is Kind.PARTIAL:
            self._decode_partial(job)
            return
        if job.kind is Kind.PROBE:
            self._probe(job)
            return
        if job.errand is not None:
            job.errand()
            job.succeed(_nothing())
            return
        with self._condition:
            known = self._partials
        transcriber = known[1] if known is not None and known[0] == job.key else None

        def work(engine: Recognizer) -> Transcription:
            if job.kind is Kind.LOAD:
                return _nothing()
            if transcriber is not None:
                return checked(engine.name, transcriber.finish(engine, job.audio, job.cancelled))
            return checked(
                engine.name, engine.transcribe(job.audio, prefix=job.prefix, cancelled=job.cancelled)
            )

        result = self._through(work)
        with self._condition:
            if self._given_up():
                return
            if job.kind is not Kind.LOAD:
                self._count(result)
                self._counts.finals += job.kind is Kind.FINAL
        job.succeed(result)

    def _decode_partial(self, job: Job) -> None:
        with self._condition:
            if self._partials is None or self._partials[0] != job.key:
                self._partials = (job.key, PartialTranscriber())
            transcriber = self._partials[1]
        engine = self._recognizer.active if isinstance(self._recognizer, Chain) else self._recognizer
        with self._condition:
            if engine in self._held:
                self._counts.partials_skipped += 1
                return
            self._engine = engine
        try:
            partial = transcriber.decode(engine, job.audio, job.cancelled)
        finally:
            self._left(engine)
        with self._condition:
            if partial is None or self._given_up():
                self._counts.partials_cancelled += 1
                return
            self._counts.partials += 1
            self._count(partial.transcription)
        if job.on_result is not None:
            job.on_result(partial)

    def _probe(self, job: Job) -> None:
        """Give every engine whose rest is over a fresh start and something to do."""
        assert isinstance(self._recognizer, Chain)
        self._watch(job, self._timeout)
        with self._condition:
            self._counts.probes += 1
        try:
            for attempt in self._recognizer.probes(wanted=lambda engine: engine not in self._held):
                with self._condition:
                    self._engine, self._attempt = attempt.engine, attempt
                try:
                    with attempt as engine:
                        if job.cancelled.is_set():
                            raise _MadeWay
                        engine.cleanup()
                        engine.load()
                        checked(engine.name, engine.transcribe(job.audio, cancelled=job.cancelled))
                        if job.cancelled.is_set():
                            raise _MadeWay
                finally:
                    self._left(attempt.engine)
        except _MadeWay:
            log.info("a probe made way")
        job.succeed(_nothing())

    def _through(self, work: Callable[[Recognizer], Transcription]) -> Transcription:
        """Do `work` with the first engine that can."""
        if not isinstance(self._recognizer, Chain):
            with self._condition:
                if self._recognizer in self._held:
                    raise EngineTimeoutError(
                        f"{self._recognizer.name} has been decoding for more than {self._timeout:g} s.",
                        remedy="Restart VITA, or set stt.model to a smaller one.",
                    )
                self._engine = self._recognizer
            try:
                self._recognizer.load()
                return work(self._recognizer)
            finally:
                self._left(self._recognizer)
        for attempt in self._recognizer.attempts(wanted=lambda engine: engine not in self._held):
            with self._condition:
                self._engine, self._attempt = attempt.engine, attempt
            try:
                with attempt as engine:
                    engine.load()
                    return work(engine)
            finally:
                self._left(attempt.engine)
        raise AssertionError("a chain without an engine raises NoEngineError")

    def _left(self, engine: Recognizer) -> None:
        """The thread is out of `engine` again, in time or not."""
        with self._condition:
            if engine in self._held:
                self._held.remove(engine)
                log.warning("%s came back after it had been given up", engine.name)
            elif self._engine is engine:
                self._engine = self._attempt = None

    def _given_up(self) -> bool:
        """Whether this thread took too long: what it brings is too late, another one does the work now. The lock is held."""
        return self._thread is not threading.current_thread()

    def _failed(self, job: Job, error: VitaError) -> None:
        with self._condition:
            if self._given_up():
                return
            if job.kind is Kind.PARTIAL:
                self._counts.partials_failed += 1
                log.warning("no partial transcript: %s", error)
            elif job.kind is not Kind.LOAD:
                self._counts.finals_failed += 1
        job.fail(error)

    def _count(self, result: Transcription) -> None:
        self._counts.windows += result.windows
        self._counts.tokens += result.tokens
        self._counts.guarded += bool(result.guard)

    # ---- overruns

    def _watch(self, job: Job, seconds: float) -> None:
        """Have `_overran` called unless `job` is done in `seconds`."""
        if job.future.done():
            return
        timer = threading.Timer(seconds, self._overran, (job,))
        timer.name, timer.daemon = "whisper watch", True
        entry = registry.register(
            timer, kind="thread", name=timer.name, owner="engines.stt", close=timer.cancel
        )

        def done(_: Future[Transcription]) -> None:
            timer.cancel()
            entry.leave()

        timer.start()
        job.future.add_done_callback(done)

    def _overran(self, job: Job) -> None:
        """`job` should have been done by now. What holds the thread keeps it; a new thread goes on without that engine."""
        with self._condition:
            running = self._running
            if job.future.done() or self._stopping:
                return
            left = self._since + self._timeout - time.monotonic() if running is not None else self._timeout
            if left > 0:
                # It waited behind others, and what is running now has not had its time yet.
                self._watch(job, left)
                return
            abandoned = running
            error, attempt = self._abandon()
            if running is job and job.kind is not Kind.PROBE and self._others():
                # A final is never dropped while another engine can do it.
                job = Job(Kind.FINAL, job.audio, job.key, job.prefix, future=job.future)
                self._slots.finals.appendleft(job)
                running = None
            if running is not job:
                self._watch(job, self._timeout)
            self._condition.notify_all()
        # First the verdict, then the word to stop: an engine that obeys at once may not pass for one that was quick enough.
        if attempt is not None:
            attempt.settle(error)
        if abandoned is not None:
            abandoned.cancelled.set()
        if running is job:
            job.fail(error)

    def _abandon(self) -> tuple[VitaError, Attempt[Recognizer] | None]:
        """Leave the thread to the engine that holds it, and start another; returns what to say and who failed."""
        self._counts.overruns += 1
        engine, attempt = self._engine, self._attempt
        name = engine.name if engine is not None else "Speech recognition"
        error = EngineTimeoutError(f"{name} took longer than {self._timeout:g} s.")
        if engine is not None:
            self._held.append(engine)
        self._running = self._engine = self._attempt = None
        self._partials = None
        self._start_thread()
        return error, attempt

    def _others(self) -> bool:
        return isinstance(self._recognizer, Chain) and len(self._held) < len(self._recognizer.engines)

    def _engines(self) -> list[Recognizer]:
        return self._recognizer.engines if isinstance(self._recognizer, Chain) else [self._recognizer]


def _cancel(job: Job | None) -> None:
    if job is not None:
        job.cancel()


def _nothing() -> Transcription:
    return Transcription("", "", 0.0, 1.0, 0.0, 0.0, windows=0)


def _probe_sound() -> NDArray[np.float32]:
    """A buzz in syllables: something to decode that is no silence."""
    t = np.arange(round(_PROBE_SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    buzz = sum(np.sin(2 * np.pi * 140 * k * t) / k for k in range(1, 20))
    return (0.05 * buzz * (0.5 - 0.5 * np.cos(2 * np.pi * 4 * t))).astype(np.float32)
