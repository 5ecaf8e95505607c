"""What the whisper thread has done."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from vita_tui.engines.stt.scheduling.agreement import Partial
from vita_tui.engines.stt.scheduling.queueing import JobKind, RecognitionJob
from vita_tui.errors import VitaError

__all__ = ["WorkerCounts"]

log = logging.getLogger(__name__)


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

    def add(self, job: RecognitionJob, result: Any, error: VitaError | None) -> None:
        """A job has ended: with `result`, with `error`, or cancelled."""
        if job.kind is JobKind.PARTIAL:
            self.partials += result is not None
            self.partials_failed += error is not None
            self.partials_cancelled += result is None and error is None
            if error is not None:
                log.warning("no partial transcript: %s", error)
        elif job.kind in (JobKind.FINAL, JobKind.SPECULATION):
            self.finals += job.kind is JobKind.FINAL and result is not None
            self.finals_failed += error is not None
        transcription = result.transcription if isinstance(result, Partial) else result
        if transcription is not None and job.kind in (JobKind.PARTIAL, JobKind.FINAL, JobKind.SPECULATION):
            self.windows += transcription.windows
            self.tokens += transcription.tokens
            self.guarded += bool(transcription.guard)
