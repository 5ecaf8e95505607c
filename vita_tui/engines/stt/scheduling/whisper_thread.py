"""The whisper thread, in which every decode happens, and the watch that replaces it when a decode takes too long.

A thread inside of an engine cannot be killed. One that takes too long is abandoned: its number is no longer the `_generation` that counts, and
whatever it brings later is dropped at one gate, `_leave`. Who takes the running record away, the thread or the watch, settles the attempt.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from vita_tui.clock import CLOCK_POLL_SECONDS, RunningClock
from vita_tui.engines.attempt import Attempt
from vita_tui.engines.chain import Chain
from vita_tui.engines.stt.base import Recognizer
from vita_tui.engines.stt.scheduling.agreement import PartialTranscriber
from vita_tui.engines.stt.scheduling.counts import WorkerCounts
from vita_tui.engines.stt.scheduling.hedge import Hedge
from vita_tui.engines.stt.scheduling.queueing import JobKind, RecognitionJob, Slots
from vita_tui.engines.stt.scheduling.work import nothing
from vita_tui.errors import EngineError, EngineTimeoutError, VitaError
from vita_tui.health.threads import RegisteredThread

__all__ = ["WhisperThread"]

log = logging.getLogger(__name__)

MOST_UTTERANCES = 32
"""That are spoken at the same time, of which is known what was understood so far; one more, and the one longest untouched is forgotten."""


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


class WhisperThread:
    """Works off `slots` with the engines of a chain. What is public is for those who hold `condition`."""

    def __init__(self, recognizers: Chain[Recognizer], timeout: float, clock: RunningClock) -> None:
        """
        Args:
            timeout: seconds that an engine has for what somebody waits for, once it is asked.
        """
        self._chain = recognizers
        self._timeout = timeout
        self._clock = clock
        self.condition = threading.Condition()
        self.slots = Slots()
        self.running: _Running | None = None
        self.counts = WorkerCounts()
        self.stopping = True
        """It was not started, or is told to end."""
        self._looking = ExitStack()
        """Holds the watch's promise to look at the clock, from the moment at which a job runs."""
        self._generation = 0
        """Number of the thread whose work counts."""
        self._given_up: tuple[_Running, ...] = ()
        """What abandoned threads are still inside of."""
        self._threads: list[RegisteredThread] = []
        """The whisper thread and the one that watches over it."""

    def start(self) -> None:
        """The lock is held."""
        self.stopping = False
        self._generation += 1
        self._threads = [self._thread("whisper", self._work), self._thread("whisper watch", self._watch)]

    def _thread(self, name: str, work: Callable[[int], None]) -> RegisteredThread:
        """Start the thread `name` of the present generation; the lock is held."""
        thread = RegisteredThread(work, self._generation, name=name, owner="engines.stt", close=self.stop)
        thread.start()
        return thread

    def stop(self, timeout: float = 1.0) -> bool:
        """Cancel everything and end the threads; may be called twice. The lock is not held.

        Returns:
            False when a decode did not end within `timeout` seconds: its daemon thread is left to itself.
        """
        with self.condition:
            self.stopping = True
            unwanted = list(self.slots.drain())
            if self.running is not None:
                unwanted.append(self.running.job)
            self.condition.notify_all()
            threads, self._threads = self._threads, []
        for job in unwanted:
            job.cancel()
        for thread in reversed(threads):
            thread.finish(timeout)
        with self.condition:
            ended = self.running is None
            self._abandon()
        if ended:
            for engine in filter(self.free, self._chain.engines):
                engine.cleanup()
        else:
            log.warning("the whisper thread is still decoding after %.1f s and is left to itself", timeout)
        return ended

    def interrupt(self, *kinds: JobKind) -> None:
        """What runs is to stop if it is one of these."""
        if self.running is not None and self.running.job.kind in kinds:
            self.running.job.cancelled.set()

    # ---- the thread "whisper"

    def _work(self, generation: int) -> None:
        utterances: dict[Hashable, PartialTranscriber] = {}
        while (job := self._take(generation)) is not None:
            known = utterances.pop(job.key, None)
            if job.kind is JobKind.PARTIAL:
                known = known or PartialTranscriber()
            if known is not None:
                utterances[job.key] = known
                if len(utterances) > MOST_UTTERANCES:
                    del utterances[next(iter(utterances))]
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
            with self.condition:
                self.running = None
                self._looking.close()
                self.counts.add(job, result, error)
            if error is not None:
                job.fail(error)
            elif result is None:
                job.cancel()
            else:
                job.succeed(result)

    def _take(self, generation: int) -> RecognitionJob | None:
        """The next job, which runs from now on; None when the thread is to end."""
        with self.condition:
            while not self.stopping and generation == self._generation:
                if (job := self.slots.take()) is not None:
                    self._looking.enter_context(self._clock.looking())
                    self.running = _Running(generation, job, self._clock.monotonic())
                    self.counts.probes += job.kind is JobKind.PROBE
                    self.condition.notify_all()
                    return job
                self.condition.wait()
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
            # What failed may have a result all the same: that of a second server.
            if job.kind is not JobKind.PROBE and (attempt.failed is None or result is not None):
                return result
        return nothing() if job.kind is JobKind.PROBE else None

    def _attempts(self, job: RecognitionJob) -> Iterator[Attempt[Recognizer]]:
        if job.kind is JobKind.PROBE:
            return self._chain.probes(self.free)
        if job.kind is JobKind.PARTIAL:
            return self._chain.glance(lambda engine: self.free(engine) and getattr(engine, "partials", True))
        engines = self._chain.engines
        if engines and not any(self.free(engine, job) for engine in engines):
            raise EngineTimeoutError(
                f"{engines[0].name} has been decoding for more than {self._timeout:g} s.",
                remedy="Restart VITA, or set stt.model to a smaller one.",
            )
        return self._chain.attempts(lambda engine: self.free(engine, job))

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
                result = self._ask(attempt, job, known)
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

    def _ask(
        self, attempt: Attempt[Recognizer], job: RecognitionJob, known: PartialTranscriber | None
    ) -> Any:
        """The engine's result; for a final that of a second server if that is quicker."""
        rival = self._chain.rival(attempt) if job.kind is JobKind.FINAL else None
        if rival is None:
            return job.work(attempt.engine, known, job.cancelled)
        return Hedge(job.work, known, job.cancelled).first(attempt, *rival)

    def _enter(self, generation: int, attempt: Attempt[Recognizer]) -> None:
        with self.condition:
            running = self.running
            if running is None or generation != self._generation:
                raise _GivenUp
            self.running = dataclasses.replace(running, attempt=attempt, since=self._clock.monotonic())
            attempt.begin()
            self.condition.notify_all()

    def _leave(self, generation: int) -> None:
        """The gate through which every result passes: the thread is out of the engine again, in time or not."""
        with self.condition:
            running = self.running
            if running is not None and generation == self._generation:
                self.running = dataclasses.replace(running, attempt=None, since=self._clock.monotonic())
                return
            self._given_up = tuple(one for one in self._given_up if one.generation != generation)
        log.warning("a decode came back after it had timed out")
        raise _GivenUp

    # ---- the thread "whisper watch"

    def _watch(self, _: int) -> None:
        """Time out what takes too long while somebody waits for it."""
        while True:
            with self.condition:
                while not self.stopping and ((left := self._left()) is None or left > 0):
                    longest = CLOCK_POLL_SECONDS if left is None else min(left, CLOCK_POLL_SECONDS)
                    self.condition.wait(longest if self.running is not None else None)
                if self.stopping:
                    return
                if (late := self._abandon()) is None:
                    continue
                self.counts.overruns += 1
                again = self._again(late)
            self._give_up(late, again)

    def _left(self) -> float | None:
        """Seconds that the running job still has; None when nobody waits for it. The lock is held."""
        running = self.running
        if running is None:
            return None
        waiting = running.job if running.job.kind in (JobKind.FINAL, JobKind.PROBE) else None
        if waiting is None and self.slots.finals:
            waiting = self.slots.finals[0]
        if waiting is None:
            return None
        # What waited behind others gives the one that runs now its whole time.
        return max(waiting.asked, running.since) + self._timeout - self._clock.monotonic()

    def _abandon(self) -> _Running | None:
        """Take the running job from its thread, which no longer counts; whoever is told of it settles it. The lock is held."""
        running, self.running = self.running, None
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
        if not any(self.free(other, again) for other in self._chain.engines):
            return False
        if job.kind is JobKind.FINAL:
            self.slots.finals.appendleft(again)
        else:
            self.slots.load = self.slots.load or again
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
        with self.condition:
            if not self.stopping:
                self._threads[0].leave()
                self._threads[0] = self._thread("whisper", self._work)

    def free(self, engine: Recognizer, job: RecognitionJob | None = None) -> bool:
        """Whether no abandoned thread is inside of it, and it has not taken too long for the job already."""
        if job is not None and any(engine is other for other in job.timed_out):
            return False
        return all(one.attempt is None or one.attempt.engine is not engine for one in self._given_up)
