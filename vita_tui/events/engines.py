"""How engines are doing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from vita_tui.events.base import Event, Job

__all__ = [
    "EngineStatus",
    "EngineWorked",
    "EnginesReplaced",
    "Health",
]


class Health(StrEnum):
    """How an engine is doing."""

    LOADING = "loading"
    READY = "ready"
    DEGRADED = "degraded"
    """It answers, but not as asked for: a smaller model, another compute type."""
    DISABLED = "disabled"
    """Its breaker is open; it is tried again when the countdown ends."""
    MISSING = "missing"
    """Not installed, or its weights are not there."""


@dataclass(frozen=True, slots=True)
class EngineStatus(Event):
    """An engine's standing changed, or it has just done a piece of work."""

    job: Job
    engine: str
    health: Health
    active: bool
    """This is the engine of its job that answers now."""
    reason: str = ""
    retry_seconds: float | None = None
    """Until a disabled engine is tried again."""
    last_ms: float | None = None
    median_ms: float | None = None
    place: int = 0
    """In the order of preference; 0 for the first choice."""


@dataclass(frozen=True, slots=True)
class EngineWorked(Event):
    """An engine has been asked for one piece of work, and has done it or failed; for the figures."""

    job: Job
    engine: str
    seconds: float | None
    """Until it answered; None when it failed, or when loading it was a part of the work."""
    error: str = ""
    """Kind of the failure, such as "EngineTimeoutError"; empty when it worked."""
    called: bool = True
    """False when there was nothing to ask: its weights do not load, or are still being fetched. A server that is away was called."""


@dataclass(frozen=True, slots=True)
class EnginesReplaced(Event):
    """Other engines do a job from now on."""

    job: Job
    engines: tuple[str, ...]
    """Their names, the first choice first."""
