"""The whisper thread: every decode happens in it, the one that matters most first.

A thread inside of an engine cannot be killed. One that takes too long is abandoned: its number is no longer the worker's `_generation`, and
whatever it brings later is dropped at one gate, `_leave`. Who takes the running record away, the thread or the watch, settles the attempt.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vita_tui.clock import CLOCK_POLL_SECONDS, RUNNING, RunningClock
from vita_tui.engines.chain import Attempt, Chain
from vita_tui.engines.stt.base import Recognizer, Stop, Transcription
from vita_tui.engines.stt.scheduling.agreement import Partial, PartialTranscriber
from vita_tui.engines.stt.scheduling.queueing import JobKind, RecognitionJob, Slots
from vita_tui.engines.stt.scheduling.work import fresh_start, load, nothing, transcribe
from vita_tui.errors import EngineError, EngineTimeoutError, VitaError
from vita_tui.health.registry import Entry, registry

__all__ = ["WhisperWorker", "WorkerCounts"]

log = logging.getLogger(__name__)


class _GivenUp(BaseException):
    """This thread took too long: another one does its work now."""


@dataclass(frozen=True, slots=True)
class _Running:
    """What the whisper thread does now; replaced as a whole."""

    generation: int
    """Number of the thread."""
    job: RecognitionJob
    since: float
    """Seconds of running time at which it came to this engine, or took the job."""
    attempt: Attempt[Recognizer] | None = None
    """Whose engine the thread is inside of."""


@dataclass(slots=True)
class WorkerCounts:
    """What the thread has done since the worker was made."""

    partials: int = 0
    partials_skipped: int = 0
    """Replaced by a newer one, or by a final, before they began."""
    partials_cancelled: int = 0
    """Cancelled because something more urgent came."""
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
    """Decodes that timed out."""
    probes: int = 0
    """Times that disabled engines were tried when there was nothing else to do."""


class WhisperWorker:
    """Gives the recognizers of a chain one thread; every method may be called from any thread and returns at once.

    A final is never dropped and goes before everything else: a partial that is being decoded is told to stop. Of partials only
    the newest waits. A decode that times out is left alone in its thread, which native code may hold for ever, and a new thread goes on
    with the other engines.
    """

    def __init__(
        self, recognizers: Chain[Recognizer], *, timeout: float = 20.0, clock: RunningClock = RUNNING
    ) -> None:
        """
        Args:
            timeout: seconds that an engine has for a final, once it is asked.
        """
        self._chain = recognizers
        self._timeout = timeout
        self._clock = clock
        self._condition = threading.Condition()
        self._slots = Slots()
        self._running: _Running | None = None
        self._looking = ExitStack()
        """Holds the watch's promise to look at the clock, from the moment at which a job runs."""
        self._generation = 0
        """Number of the thread whose work counts."""
        self._given_up: tuple[_Running, ...] = ()
        """What abandoned threads are still inside of."""
        self._claimable: RecognitionJob | None = None
        """The newest speculation, waiting, running or done."""
        self._threads: list[tuple[threading.Thread, Entry]] = []
        """The whisper thread and the one that watches over it."""
        self._stopping = True
        self._counts = WorkerCounts()

    # ---- life

    def start(self) -> Future[Transcription]:
        """Start the thread and load in it; the future is done when loading is, or has its error. Its result means nothing."""
        job = RecognitionJob(JobKind.LOAD, load)
        with self._condition:
            if not self._stopping:
                raise RuntimeError("the whisper thread runs already")
            self._stopping = False
            self._slots.load = job
            self._generation += 1
            self._threads = [self._thread("whisper", self._work), self._thread("whisper watch", self._watch)]
        return job.future

    def reload(self) -> Future[Transcription]:
        """Load again, between two decodes: what was missing is there now, or another engine is to answer.

        The future is as that of `start`; it is cancelled at once when the worker was not started.
        """
        job = RecognitionJob(JobKind.LOAD, load)
        with self._condition:
            if not self._stopping:
                if self._slots.load is not None:
                    return self._slots.load.future
                self._slots.load = job
                self._condition.notify_all()
                return job.future
        job.cancel()
        return job.future

    def unload(self, engine: Recognizer) -> Future[Transcription]:
        """Free `engine` between two decodes; its next work loads it again. The future is as that of `reload`."""

        def free(*_: Any) -> Transcription:
            if self._free(engine):
                engine.cleanup()
            self._chain.unloaded(engine)
            return nothing()

        job = RecognitionJob(JobKind.ERRAND, free)
        with self._condition:
            if not self._stopping:
                self._slots.errands.append(job)
                self._condition.notify_all()
                return job.future
        job.cancel()
        return job.future

    def probe(self) -> None:
        """Try the disabled engines of the chain that may be tried again, when there is nothing else to do.

        What a user waits for does not wait for the decode of a probe, which then is cancelled; it waits for loading.
        """
        job = RecognitionJob(JobKind.PROBE, fresh_start)
        with self._condition:
            running = self._running
            if self._stopping or self._slots.probe is not None:
                return
            if running is not None and running.job.kind is JobKind.PROBE:
                return
            self._slots.probe = job
            self._condition.notify_all()

    def _thread(self, name: str, work: Callable[[int], None]) -> tuple[threading.Thread, Entry]:
        """Start the thread `name` of the present generation; the lock is held."""
        thread = threading.Thread(target=work, args=(self._generation,), name=name, daemon=True)
        entry = registry.register(thread, kind="thread", name=name, owner="engines.stt", close=self.cleanup)
        thread.start()
        return thread, entry

    def cleanup(self, timeout: float = 1.0) -> bool:
        """Cancel everything and end the thread; may be called twice. `start` works again afterwards.

        Returns:
            False when a decode did not end within `timeout` seconds: its daemon thread is left to itself.
        """
        with self._condition:
            self._stopping = True
            unwanted = list(self._slots.drain())
            if self._running is not None:
                unwanted.append(self._running.job)
            self._claimable = None
            self._condition.notify_all()
            threads, self._threads = self._threads, []
        for job in unwanted:
            job.cancel()
        for thread, entry in reversed(threads):
            if thread is not threading.current_thread():
                thread.join(timeout)
            entry.leave()
        with self._condition:
            ended = self._running is None
            self._abandon()
        if ended:
            for engine in filter(self._free, self._chain.engines):
                engine.cleanup()
        else:
            log.warning("the whisper thread is still decoding after %.1f s and is left to itself", timeout)
        return ended

    # ---- work

    @property
    def idle(self) -> bool:
        """Whether nothing but a probe runs or waits."""
        with self._condition:
            running = self._running is not None and self._running.job.kind is not JobKind.PROBE
            return not (running or self._slots.waiting)

    def partial(
        self, key: Hashable, audio: NDArray[np.float32], on_result: Callable[[Partial], None]
    ) -> None:
        """Transcribe the utterance `key` so far, when there is time; replaces a partial that is still waiting.

        Args:
            audio: all of the utterance so far; must not be changed afterwards.
            on_result: called in the whisper thread; not called when something more urgent came, or when the decode failed.
        """

        def work(engine: Recognizer, known: PartialTranscriber | None, cancelled: Stop) -> Partial | None:
            assert known is not None
            return known.decode(engine, audio, cancelled)

        def done(future: Future[Partial]) -> None:
            if not future.cancelled() and future.exception() is None:
                on_result(future.result())

        job = RecognitionJob(JobKind.PARTIAL, work, key)
        job.future.add_done_callback(done)
        with self._condition:
            if self._stopping:
                return
            if self._slots.partial is not None:
                self._counts.partials_skipped += 1
            if self._running is not None and self._running.job.kind is JobKind.PROBE:
                self._running.job.cancelled.set()
            self._slots.partial = job
            self._condition.notify_all()

    def final(
        self, audio: NDArray[np.float32], prefix: str = "", key: Hashable = None
    ) -> Future[Transcription]:
        """Transcribe the whole utterance `audio`, before anything else. Throws away a speculation that was not claimed.

        What partials of the utterance `key` have understood saves time.

        The future's errors: `EngineError` (`NoEngineError` when no engine of the chain works, `EngineTimeoutError`); it is
        cancelled by `cleanup`.

        Raises:
            EngineError: not started, or far too much waits already.
        """
        job = RecognitionJob(JobKind.FINAL, transcribe(audio, prefix), key, asked=self._clock.monotonic())
        with self._condition:
            self._expect_running()
            self._slots.add_final(job)
            unclaimed = self._throw_away()
            self._make_way()
            self._condition.notify_all()
        _cancel(unclaimed)
        return job.future

    def speculate(self, key: Hashable, audio: NDArray[np.float32]) -> Future[Transcription]:
        """Transcribe `audio` as if the utterance `key` were over; replaces an earlier speculation.

        `claim` makes it final, `discard` throws it away. The future is cancelled when it is thrown away.

        Raises:
            EngineError: not started.
        """
        job = RecognitionJob(JobKind.SPECULATION, transcribe(audio), key)
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
            job.kind, job.asked = JobKind.FINAL, self._clock.monotonic()
            self._counts.speculations_claimed += 1
            if self._slots.speculation is job:
                self._slots.speculation = None
                self._slots.finals.append(job)
            self._make_way()
            self._condition.notify_all()
        return job.future

    def counts(self) -> WorkerCounts:
        """What has been done until now."""
        with self._condition:
            return dataclasses.replace(self._counts)

    # ---- with the lock held

    def _expect_running(self) -> None:
        if self._stopping:
            raise EngineError("Speech recognition is not running.")

    def _make_way(self) -> None:
        """A final has come: partials can wait until there is more to hear."""
        if self._slots.partial is not None:
            self._slots.partial = None
            self._counts.partials_skipped += 1
        if self._running is not None and self._running.job.kind in (JobKind.PARTIAL, JobKind.PROBE):
            self._running.job.cancelled.set()

    def _throw_away(self) -> RecognitionJob | None:
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

    def _work(self, generation: int) -> None:
        utterance: tuple[Hashable, PartialTranscriber] | None = None
        while (job := self._take(generation)) is not None:
            if job.kind is JobKind.PARTIAL and (utterance is None or utterance[0] != job.key):
                utterance = job.key, PartialTranscriber()
            known = utterance[1] if utterance is not None and utterance[0] == job.key else None
            result, error = None, None
            try:
                result = self._do(generation, job, known)
            except VitaError as failure:
                error = failure
            except _GivenUp:
                return
            except Exception as failure:
                # A bug ends this piece of work, not the thread that the next utterance needs.
                log.exception("%s failed", job.kind.value)
                error = EngineError(f"Speech recognition failed: {type(failure).__name__}: {failure}.")
            with self._condition:
                self._running = None
                self._looking.close()
                self._count(job, result, error)
            if error is not None:
                job.fail(error)
            elif result is None:
                job.cancel()
            else:
                job.succeed(result)

    def _take(self, generation: int) -> RecognitionJob | None:
        """The next job, which runs from now on; None when the thread is to end."""
        with self._condition:
            while not self._stopping and generation == self._generation:
                if (job := self._slots.take()) is not None:
                    self._looking.enter_context(self._clock.looking())
                    self._running = _Running(generation, job, self._clock.monotonic())
                    self._counts.probes += job.kind is JobKind.PROBE
                    self._condition.notify_all()
                    return job
                self._condition.wait()
        return None

    def _do(self, generation: int, job: RecognitionJob, known: PartialTranscriber | None) -> Any:
        """The job's result; None when it was cancelled.

        Raises:
            VitaError: no engine could do it.
            _GivenUp: it took too long.
        """
        if job.kind is JobKind.ERRAND:
            return job.work(self._chain.active, None, job.cancelled)
        for attempt in self._attempts(job):
            result = self._try(generation, attempt, job, known)
            if attempt.failed is None and job.kind is not JobKind.PROBE:
                return result
        return nothing() if job.kind is JobKind.PROBE else None

    def _attempts(self, job: RecognitionJob) -> Iterator[Attempt[Recognizer]]:
        if job.kind is JobKind.PROBE:
            return self._chain.probes(self._free)
        if job.kind is JobKind.PARTIAL:
            return self._chain.glance(self._free)
        engines = self._chain.engines
        if engines and not any(self._free(engine, job) for engine in engines):
            raise EngineTimeoutError(
                f"{engines[0].name} has been decoding for more than {self._timeout:g} s.",
                remedy="Restart VITA, or set stt.model to a smaller one.",
            )
        return self._chain.attempts(lambda engine: self._free(engine, job))

    def _try(
        self,
        generation: int,
        attempt: Attempt[Recognizer],
        job: RecognitionJob,
        known: PartialTranscriber | None,
    ) -> Any:
        """What the engine of `attempt` made of the job; None when it was cancelled, or failed: then `attempt` knows why."""
        self._enter(generation, attempt)
        result, error = None, None
        try:
            if not job.cancelled.is_set():
                if job.kind not in (JobKind.PARTIAL, JobKind.PROBE):
                    attempt.engine.load()
                result = job.work(attempt.engine, known, job.cancelled)
        except BaseException as failure:  # noqa: BLE001 - handed to the chain, which judges it
            error = failure
        self._leave(generation)
        if job.cancelled.is_set():
            attempt.abandon()  # it says nothing about the engine
            return None
        if job.kind is JobKind.PARTIAL:
            # The final decides about the engine.
            attempt.abandon()
        else:
            attempt.settle(error)
        if error is not None and attempt.failed is None:
            raise error
        return result

    def _enter(self, generation: int, attempt: Attempt[Recognizer]) -> None:
        with self._condition:
            running = self._running
            if running is None or generation != self._generation:
                raise _GivenUp
            self._running = dataclasses.replace(running, attempt=attempt, since=self._clock.monotonic())
            attempt.begin()
            self._condition.notify_all()

    def _leave(self, generation: int) -> None:
        """The gate through which every result passes: the thread is out of the engine again, in time or not."""
        with self._condition:
            running = self._running
            if running is not None and generation == self._generation:
                self._running = dataclasses.replace(running, attempt=None, since=self._clock.monotonic())
                return
            self._given_up = tuple(one for one in self._given_up if one.generation != generation)
        log.warning("a decode came back after it had timed out")
        raise _GivenUp

    def _count(self, job: RecognitionJob, result: Any, error: VitaError | None) -> None:
        counts = self._counts
        if job.kind is JobKind.PARTIAL:
            counts.partials += result is not None
            counts.partials_failed += error is not None
            counts.partials_cancelled += result is None and error is None
            if error is not None:
                log.warning("no partial transcript: %s", error)
        elif job.kind in (JobKind.FINAL, JobKind.SPECULATION):
            counts.finals += job.kind is JobKind.FINAL and result is not None
            counts.finals_failed += error is not None
        transcription = result.transcription if isinstance(result, Partial) else result
        if transcription is not None and job.kind in (JobKind.PARTIAL, JobKind.FINAL, JobKind.SPECULATION):
            counts.windows += transcription.windows
            counts.tokens += transcription.tokens
            counts.guarded += bool(transcription.guard)

    # ---- timeouts

    def _watch(self, _: int) -> None:
        """Time out what takes too long while somebody waits for it."""
        while True:
            with self._condition:
                while not self._stopping and ((left := self._left()) is None or left > 0):
                    longest = CLOCK_POLL_SECONDS if left is None else min(left, CLOCK_POLL_SECONDS)
                    self._condition.wait(longest if self._running is not None else None)
                if self._stopping:
                    return
                if (late := self._abandon()) is None:
                    continue
                self._counts.overruns += 1
                again = self._again(late)
            self._give_up(late, again)

    def _left(self) -> float | None:
        """Seconds that the running job still has; None when nobody waits for it. The lock is held."""
        running = self._running
        if running is None:
            return None
        waiting = running.job if running.job.kind in (JobKind.FINAL, JobKind.PROBE) else None
        if waiting is None and self._slots.finals:
            waiting = self._slots.finals[0]
        if waiting is None:
            return None
        # What waited behind others gives the one that runs now its whole time.
        return max(waiting.asked, running.since) + self._timeout - self._clock.monotonic()

    def _abandon(self) -> _Running | None:
        """Take the running job from its thread, which no longer counts; whoever is told of it settles it. The lock is held."""
        running, self._running = self._running, None
        self._looking.close()
        if running is not None:
            self._generation += 1
            if running.attempt is not None:
                self._given_up = (*self._given_up, running)
        return running

    def _again(self, late: _Running) -> bool:
        """Whether another engine does the job now: a final is never dropped while one can. The lock is held."""
        job, engine = late.job, late.attempt.engine if late.attempt is not None else None
        again = RecognitionJob(job.kind, job.work, job.key, job.future, asked=self._clock.monotonic())
        again.timed_out = job.timed_out if engine is None else (*job.timed_out, engine)
        if job.kind not in (JobKind.FINAL, JobKind.LOAD):
            return False
        if not any(self._free(other, again) for other in self._chain.engines):
            return False
        if job.kind is JobKind.FINAL:
            self._slots.finals.appendleft(again)
        else:
            self._slots.load = self._slots.load or again
        return True

    def _give_up(self, late: _Running, again: bool) -> None:
        """Say what became of it, then go on in a new thread."""
        name = late.attempt.engine.name if late.attempt is not None else "Speech recognition"
        error = EngineTimeoutError(f"{name} took longer than {self._timeout:g} s.")
        if late.attempt is not None:
            late.attempt.settle(error)
        late.job.cancelled.set()
        if not again:
            late.job.fail(error)
        with self._condition:
            if not self._stopping:
                _, entry = self._threads[0]
                self._threads[0] = self._thread("whisper", self._work)
                entry.leave()

    def _free(self, engine: Recognizer, job: RecognitionJob | None = None) -> bool:
        """Whether no abandoned thread is inside of it, and it has not taken too long for the job already."""
        if job is not None and any(engine is other for other in job.timed_out):
            return False
        return all(one.attempt is None or one.attempt.engine is not engine for one in self._given_up)


def _cancel(job: RecognitionJob | None) -> None:
    if job is not None:
        job.cancel()
