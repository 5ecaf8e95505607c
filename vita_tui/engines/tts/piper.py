"""Piper: a neural voice in this process, real time on one core.

Inference runs in its own thread, `piper`, and the calling thread waits for it with a deadline. At a cancellation or at the
deadline ONNX Runtime is told to terminate, which it does between two operators, within milliseconds on a free core. What does not
even end then cannot be killed inside a process: the thread is left behind, stays in the registry as "piper (stuck)" until it
returns, and the next `load` starts afresh. With `MAX_STUCK` of them nothing new is started.

piper-tts is an optional extra, because it is GPL-3.0 and VITA is not.
"""

from __future__ import annotations

import atexit
import logging
import queue
import threading
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import Future, wait
from pathlib import Path

import numpy as np

from vita_tui.clock import Deadline
from vita_tui.engines.tts.base import Pcm
from vita_tui.engines.tts.pieces import pieces
from vita_tui.engines.tts.piper_voice import Voice, damaged, explain, first_line, open_voice
from vita_tui.errors import EngineError, EngineTimeoutError, EngineUnavailableError, VitaError
from vita_tui.health.registry import Entry, registry
from vita_tui.text.spoken import spoken

__all__ = ["PiperSynthesizer"]

log = logging.getLogger(__name__)

LOAD_SECONDS = 60.0
"""After which loading has failed; it takes half a second from a warm disk."""
POLL_SECONDS = 0.02
"""How soon a cancellation is noticed while a sentence is computed."""
GRACE_SECONDS = 0.5
"""What a computation that was told to terminate gets before its thread is abandoned."""
MAX_STUCK = 2
MAX_PIECE = 200
"""Characters that are computed at once: memory and the time until a computation ends both grow with them."""
WARM_UP = "Hello, and welcome, number 1."
"""Read first, so that all that reading needs is loaded too."""
LOUDNESS = 0.75
"""What the loudest sample of that becomes. All else is amplified as much: so how loud a sentence is does not depend on where it was
cut, and can be known before its end. Few sentences have samples beyond 1, and few samples each; those are cut off."""

_workers: weakref.WeakSet[_InferenceThread] = weakref.WeakSet()
_stuck: set[threading.Thread] = set()


class PiperSynthesizer:
    """One Piper voice. `load`, `speak` and `cleanup` as in `Synthesizer`."""

    name = "piper"

    def __init__(
        self,
        voice_path: Path,
        *,
        rate: float = 1.0,
        volume: float = 1.0,
        timeout: float = 10.0,
        threads: int = 2,
    ) -> None:
        """
        Args:
            voice_path: the .onnx file; its .onnx.json lies beside it.
            rate: 1 is the voice's own speed, 2 twice as fast.
            volume: 0 is silent, 1 as loud as fits.
            timeout: seconds of waiting after which a clause has failed.
            threads: of ONNX Runtime. The second saves a tenth to a third of the time, beside a language model at a lower
                priority too.
        """
        self.notes = ""
        self.voice_path = voice_path
        self.rate = rate
        """May be changed, as `volume`; the next clause is spoken so."""
        self.volume = volume
        self.timeout = timeout
        self.threads = threads
        self.sample_rate = 22_050
        self.pace = 1.0
        """Seconds that it takes for a second of sound once it has begun; seen while it loaded."""
        self._lock = threading.Lock()
        self._worker: _InferenceThread | None = None

    def load(self) -> None:
        """Load the voice and say something with it, unheard.

        Raises:
            EngineUnavailableError: the package is missing, or the voice hung too often in this process.
            ModelError: the voice is missing or damaged.
            EngineTimeoutError: it did not load in time.
        """
        with self._lock:
            if self._worker is not None:
                return
            if sum(thread.is_alive() for thread in _stuck) >= MAX_STUCK:
                raise EngineUnavailableError("Piper is stuck in this process.", remedy="Start VITA again.")
            worker = _InferenceThread(self)
            self._worker = worker
        worker.entry = registry.register(
            worker, kind="thread", name="piper", owner="engines.tts.piper", close=self.cleanup
        )
        worker.start()
        with Deadline(LOAD_SECONDS) as deadline:
            while not wait([worker.loaded], timeout=deadline.step()).done:
                if deadline.left() <= 0:
                    self._give_up(worker)
                    raise EngineTimeoutError(f"Piper did not load within {LOAD_SECONDS:.0f} s.")
        try:
            self.sample_rate, self.pace = worker.loaded.result()
        except BaseException:
            self._drop(worker)
            raise

    def speak(self, clause: str, *, cancelled: threading.Event) -> Iterator[Pcm]:
        """Yield the clause's samples, in pieces of one sentence, of which the first is short.

        Raises:
            EngineTimeoutError: it took longer than `timeout`; `load` is needed again when the voice hung.
            EngineError: it failed.
        """
        self.load()
        worker = self._worker
        if worker is None:
            raise EngineError("Piper was closed while it was to speak.")
        job = _Computation(clause)
        worker.jobs.put(job)
        left = self.timeout
        try:
            while not cancelled.is_set():
                # What is done with the sound in between is not the voice's time.
                result, left = self._next(worker, job, left, cancelled)
                if result is None:
                    return
                yield result
        finally:
            job.stop()

    def cleanup(self) -> None:
        """Free the voice; may be called twice and from any thread."""
        worker = self._worker
        if worker is not None:
            self._drop(worker)

    # ----

    def _next(
        self, worker: _InferenceThread, job: _Computation, seconds: float, cancelled: threading.Event
    ) -> tuple[Pcm | None, float]:
        """The next piece of sound, None when there is no more or it was cancelled; and how many of the `seconds` are left."""
        with Deadline(seconds) as deadline:
            while not cancelled.is_set():
                try:
                    result = job.results.get(timeout=deadline.step(POLL_SECONDS))
                except queue.Empty:
                    if deadline.left() <= 0:
                        raise self._overrun(worker, job) from None
                    continue
                if isinstance(result, BaseException):
                    raise result
                return result, deadline.left()
        return None, seconds

    def _overrun(self, worker: _InferenceThread, job: _Computation) -> EngineTimeoutError:
        job.stop()
        if not job.finished.wait(GRACE_SECONDS):
            self._give_up(worker)
        return EngineTimeoutError(f"Piper took longer than {self.timeout:g} s for a clause.")

    def _drop(self, worker: _InferenceThread) -> None:
        """Have the thread end; wait for it a moment."""
        with self._lock:
            if self._worker is worker:
                self._worker = None
        worker.stop()
        if worker.ident is not None and worker is not threading.current_thread():
            worker.join(timeout=GRACE_SECONDS)
        if worker.is_alive():
            self._give_up(worker)

    def _give_up(self, worker: _InferenceThread) -> None:
        """Leave a thread behind that does not answer; it leaves the registry by itself should it ever return."""
        with self._lock:
            if self._worker is worker:
                self._worker = None
        worker.stop()
        log.warning("piper hangs; its thread is left behind")
        _stuck.add(worker)
        if worker.entry is not None:
            worker.entry.leave()
        worker.entry = registry.register(
            worker, kind="thread", name="piper (stuck)", owner="engines.tts.piper", close=worker.stop
        )
        if not worker.is_alive():  # it ended just now, and looked for the entry before
            worker.settle()


class _Computation:
    """One clause, and what comes of it."""

    def __init__(self, clause: str) -> None:
        from onnxruntime import RunOptions

        self.clause = clause
        self.results: queue.SimpleQueue[Pcm | BaseException | None] = queue.SimpleQueue()
        """Sound by pieces, then None; or the error that ended it."""
        self.finished = threading.Event()
        self.stopped = False
        self.options = RunOptions()

    def stop(self) -> None:
        self.stopped = True
        self.options.terminate = True


class _InferenceThread(threading.Thread):
    """Loads a voice and speaks with it until `stop`."""

    def __init__(self, owner: PiperSynthesizer) -> None:
        super().__init__(name="piper", daemon=True)
        self.jobs: queue.SimpleQueue[_Computation | None] = queue.SimpleQueue()
        self.loaded: Future[tuple[int, float]] = Future()
        """The voice's sample rate, and its pace."""
        self.entry: Entry | None = None
        self._path = owner.voice_path
        self._owner = weakref.ref(owner)
        """Whose rate and volume may change from clause to clause."""
        self._threads = owner.threads
        self._gain = 1.0
        self._job: _Computation | None = None
        _workers.add(self)

    def stop(self) -> None:
        if (job := self._job) is not None:
            job.stop()
        self.jobs.put(None)

    def settle(self) -> None:
        _stuck.discard(self)
        if self.entry is not None:
            self.entry.leave()

    def run(self) -> None:
        try:
            try:
                voice = open_voice(self._path, self._threads)
                pace = self._warm_up(voice)
            except BaseException as error:  # noqa: BLE001  # handed to the waiting thread, whatever it is
                self.loaded.set_exception(explain(error, self._path))
                return
            self.loaded.set_result((voice.sample_rate, pace))
            while (job := self.jobs.get()) is not None:
                self._job = job
                try:
                    self._speak(voice, job)
                    job.results.put(None)
                except BaseException as error:  # noqa: BLE001  # handed to the waiting thread, whatever it is
                    job.results.put(_failure(error))
                finally:
                    self._job = None
                    job.finished.set()
        finally:
            self.settle()

    def _warm_up(self, voice: Voice) -> float:
        loudest, frames, begun = 0.0, 0, 0.0
        for samples in voice.speak(spoken(WARM_UP), 1.0, _Computation("").options):
            loudest = max(loudest, float(np.abs(samples).max()))
            frames += len(samples) if begun else 0
            begun = begun or time.monotonic()
        if not 0.0 < loudest < np.inf:
            raise damaged(self._path, "it says nothing")
        self._gain = LOUDNESS / loudest
        return (time.monotonic() - begun) * voice.sample_rate / frames if frames else 1.0

    def _speak(self, voice: Voice, job: _Computation) -> None:
        owner = self._owner()
        rate, volume = (owner.rate, owner.volume) if owner is not None else (1.0, 1.0)
        for piece in pieces(job.clause, MAX_PIECE):
            for samples in voice.speak(piece, rate, job.options):
                if not np.isfinite(samples).all():
                    raise damaged(self._path, "what it says is not sound")
                if job.stopped:
                    return
                job.results.put(np.clip(samples * np.float32(self._gain * volume), -1.0, 1.0))


@atexit.register
def _end_all() -> None:
    """A thread that returns from native code while the interpreter is taken down would abort the process."""
    for worker in tuple(_workers):
        worker.stop()
        if worker.ident is not None:
            worker.join(GRACE_SECONDS)


def _failure(error: BaseException) -> BaseException:
    if isinstance(error, VitaError) or not isinstance(error, Exception):
        return error
    failure = EngineError(f"Piper failed: {first_line(error)}.")
    failure.__cause__ = error
    return failure
