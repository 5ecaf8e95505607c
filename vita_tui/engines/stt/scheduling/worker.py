"""What is asked of the whisper thread, the job that matters most first: finals, speculations, partials, probes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vita_tui.clock import RUNNING, RunningClock
from vita_tui.engines.chain import Chain
from vita_tui.engines.stt.base import Recognizer, Stop, Transcription
from vita_tui.engines.stt.scheduling.agreement import Partial, PartialTranscriber
from vita_tui.engines.stt.scheduling.counts import WorkerCounts
from vita_tui.engines.stt.scheduling.queueing import JobKind, RecognitionJob
from vita_tui.engines.stt.scheduling.whisper_thread import WhisperThread
from vita_tui.engines.stt.scheduling.work import fresh_start, load, nothing, transcribe
from vita_tui.errors import EngineError

__all__ = ["WhisperWorker"]


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
        self._clock = clock
        self._thread = WhisperThread(recognizers, timeout, clock)
        self._condition = self._thread.condition
        self._slots = self._thread.slots
        self._counts = self._thread.counts
        self._claimable: RecognitionJob | None = None
        """The newest speculation, waiting, running or done."""

    # ---- life

    def start(self) -> Future[Transcription]:
        """Start the thread and load in it; the future is done when loading is, or has its error. Its result means nothing."""
        job = RecognitionJob(JobKind.LOAD, load)
        with self._condition:
            if not self._thread.stopping:
                raise RuntimeError("the whisper thread runs already")
            self._slots.load = job
            self._thread.start()
        return job.future

    def reload(self) -> Future[Transcription]:
        """Load again, between two decodes: what was missing is there now, or another engine is to answer.

        The future is as that of `start`; it is cancelled at once when the worker was not started.
        """
        job = RecognitionJob(JobKind.LOAD, load)
        with self._condition:
            if not self._thread.stopping:
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
            if self._thread.free(engine):
                engine.cleanup()
            self._chain.unloaded(engine)
            return nothing()

        job = RecognitionJob(JobKind.ERRAND, free)
        with self._condition:
            if not self._thread.stopping:
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
            running = self._thread.running
            if self._thread.stopping or self._slots.probe is not None:
                return
            if running is not None and running.job.kind is JobKind.PROBE:
                return
            self._slots.probe = job
            self._condition.notify_all()

    def cleanup(self, timeout: float = 1.0) -> bool:
        """Cancel everything and end the thread; may be called twice. `start` works again afterwards.

        Returns:
            False when a decode did not end within `timeout` seconds: its daemon thread is left to itself.
        """
        with self._condition:
            self._claimable = None
        return self._thread.stop(timeout)

    # ---- work

    @property
    def idle(self) -> bool:
        """Whether nothing but a probe runs or waits."""
        with self._condition:
            running = self._thread.running
            return not (
                (running is not None and running.job.kind is not JobKind.PROBE) or self._slots.waiting
            )

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
            if self._thread.stopping:
                return
            if self._slots.partial is not None:
                self._counts.partials_skipped += 1
            self._thread.interrupt(JobKind.PROBE)
            self._slots.partial = job
            self._condition.notify_all()

    def final(
        self,
        audio: NDArray[np.float32],
        prefix: str = "",
        key: Hashable = None,
        *,
        language: str | None = None,
        words: bool = False,
    ) -> Future[Transcription]:
        """Transcribe the whole utterance `audio`, before anything else. Throws away a speculation that was not claimed.

        What partials of the utterance `key` have understood saves time.

        Args:
            language, words: as of `Recognizer.transcribe`.

        The future's errors: `EngineError` (`NoEngineError` when no engine of the chain works, `EngineTimeoutError`); it is
        cancelled by `cleanup`.

        Raises:
            EngineError: not started, or far too much waits already.
        """
        work = transcribe(audio, prefix, language=language, words=words)
        job = RecognitionJob(JobKind.FINAL, work, key, asked=self._clock.monotonic())
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
        if self._thread.stopping:
            raise EngineError("Speech recognition is not running.")

    def _make_way(self) -> None:
        """A final has come: partials can wait until there is more to hear."""
        if self._slots.partial is not None:
            self._slots.partial = None
            self._counts.partials_skipped += 1
        self._thread.interrupt(JobKind.PARTIAL, JobKind.PROBE)

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


def _cancel(job: RecognitionJob | None) -> None:
    if job is not None:
        job.cancel()
