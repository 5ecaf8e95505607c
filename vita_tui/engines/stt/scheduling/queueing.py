"""What waits for the whisper thread, in the order of its worth, and never more than can be worked off."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from vita_tui.engines.stt.base import Recognizer, Stop
from vita_tui.engines.stt.scheduling.agreement import PartialTranscriber
from vita_tui.errors import EngineError

__all__ = ["JobKind", "JobWork", "RecognitionJob", "Slots"]

MOST_FINALS = 16
"""Finals that may wait. Each is an utterance of a person: more than this many can only mean that the thread is stuck."""

JobWork = Callable[[Recognizer, PartialTranscriber | None, Stop], Any]
"""What is done inside of an engine, given what has made partial transcripts of the same utterance, until it is told to stop; returns the
result, None for none."""


class JobKind(Enum):
    LOAD = "load"
    FINAL = "final"
    SPECULATION = "speculation"
    """A final that is started before it is known that the utterance is over."""
    PARTIAL = "partial"
    ERRAND = "errand"
    """Something that may only be done between two decodes, such as freeing an engine."""
    PROBE = "probe"
    """Finding out whether a disabled engine works again, when there is nothing else to do."""


@dataclass(eq=False, slots=True)
class RecognitionJob:
    """One piece of work for the whisper thread."""

    kind: JobKind
    work: JobWork
    key: Hashable = None
    """The utterance."""
    future: Future[Any] = field(default_factory=Future)
    """Stays pending until there is a result, so that whoever holds it can cancel it at any time."""
    cancelled: Stop = field(default_factory=Stop)
    asked: float = 0.0
    """Seconds of running time at which somebody began to wait for it."""
    timed_out: tuple[Recognizer, ...] = ()
    """Engines that took too long for it; they are not asked again."""

    def __post_init__(self) -> None:
        self.future.add_done_callback(lambda future: self.cancelled.set() if future.cancelled() else None)

    def cancel(self) -> None:
        """The result is not wanted any more."""
        self.cancelled.set()
        self.future.cancel()

    def succeed(self, result: Any) -> None:
        with suppress(InvalidStateError):
            self.future.set_result(result)

    def fail(self, error: BaseException) -> None:
        with suppress(InvalidStateError):
            self.future.set_exception(error)


class Slots:
    """Errands and finals in their order, one speculation, one partial, one probe. The caller holds a lock."""

    def __init__(self) -> None:
        self.errands: deque[RecognitionJob] = deque()
        self.load: RecognitionJob | None = None
        self.finals: deque[RecognitionJob] = deque()
        self.speculation: RecognitionJob | None = None
        self.partial: RecognitionJob | None = None
        self.probe: RecognitionJob | None = None

    def add_final(self, job: RecognitionJob) -> None:
        """
        Raises:
            EngineError: too many wait already.
        """
        if len(self.finals) >= MOST_FINALS:
            raise EngineError(
                f"Speech recognition is {len(self.finals)} utterances behind.", remedy="See: vita doctor"
            )
        self.finals.append(job)

    @property
    def waiting(self) -> bool:
        """Whether anything but a probe waits."""
        return bool(self.errands or self.load or self.finals or self.speculation or self.partial)

    def take(self) -> RecognitionJob | None:
        """What to do next: errands and loading, finals, then the speculation, the partial, the probe."""
        if self.errands:
            return self.errands.popleft()
        if self.load is not None:
            job, self.load = self.load, None
            return job
        while self.finals:
            job = self.finals.popleft()
            if not job.future.cancelled():
                return job
        if self.speculation is not None:
            job, self.speculation = self.speculation, None
            return job
        if self.partial is not None:
            job, self.partial = self.partial, None
            return job
        if self.probe is not None:
            job, self.probe = self.probe, None
            return job
        return None

    def drain(self) -> Iterator[RecognitionJob]:
        """Everything that waits; nothing waits afterwards."""
        while (job := self.take()) is not None:
            yield job
