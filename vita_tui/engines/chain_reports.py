"""What a chain says of its engines: how each stands, why it is disabled, who answers now, and that none does."""

from __future__ import annotations

import re
import statistics
import threading
from collections.abc import Sequence
from typing import Any

from vita_tui.engines.attempt import Link
from vita_tui.errors import NoEngineError
from vita_tui.events import EngineStatus, Health, Job, Notice
from vita_tui.health.breaker import BreakerState

__all__ = ["counted", "none_works", "now_answers", "status", "uncounted", "why_disabled"]

TITLES: dict[Job, str] = {"stt": "speech recognition", "llm": "language model", "tts": "voice"}
VERBS: dict[Job, str] = {"stt": "Listening", "llm": "Answering", "tts": "Speaking"}
BEGINNINGS = {"A", "An", "It", "No", "The", "There"}
COUNTED = re.compile(r" \((?:once|\d+ times)(?:; after \d+ it is disabled)?\)$")


def status(job: Job, link: Link[Any], place: int, lock: threading.Lock, *, active: bool) -> EngineStatus:
    """How the engine of `link` stands; `lock` is the chain's, held for a moment: who works waits for nothing that is only told."""
    breaker = link.breaker.snapshot()
    with lock:
        durations = list(link.durations)
        health, reason = link.health, link.reason
    if link.aside:
        health, reason = Health.DEGRADED, link.aside
    elif breaker.state is not BreakerState.CLOSED and health is not Health.MISSING:
        health = Health.DISABLED
    return EngineStatus(
        job,
        link.engine.name,
        health,
        active,
        reason,
        breaker.retry_seconds,
        round(durations[-1] * 1000, 1) if durations else None,
        round(statistics.median(durations) * 1000, 1) if durations else None,
        place,
    )


def counted(link: Link[Any], reason: str) -> str:
    """`reason` with how often the engine has failed, and when that is too often."""
    snapshot = link.breaker.snapshot()
    if snapshot.limit == 1:
        return reason
    if snapshot.failures >= snapshot.limit:
        return f"{reason} ({snapshot.failures} times)"
    times = "once" if snapshot.failures <= 1 else f"{snapshot.failures} times"
    return f"{reason} ({times}; after {snapshot.limit} it is disabled)"


def uncounted(reason: str) -> str:
    """`reason` without what `counted` adds."""
    return COUNTED.sub("", reason)


def why_disabled(link: Link[Any]) -> str:
    """Why the engine is not asked, and when it will be."""
    retry = link.breaker.snapshot().retry_seconds
    reason = link.reason or "disabled after failures"
    return f"{reason}; retried in {retry:.0f} s" if retry else f"{reason}; being retried"


def none_works(job: Job, tried: Sequence[tuple[str, str, str]]) -> NoEngineError:
    """The error that no engine could do the work.

    Args:
        tried: of each engine its name, why it did not, and what to do about it.
    """
    title = TITLES[job]
    if not tried:
        return NoEngineError(f"No {title} is set up.", remedy="See: vita doctor")
    reasons = "; ".join(f"{name}: {reason.rstrip('.')}" for name, reason, _ in tried)
    remedy = next((remedy for *_, remedy in tried if remedy), "See: vita doctor")
    return NoEngineError(f"No {title} works now: {reasons}.", remedy=remedy)


def now_answers(job: Job, name: str, reasons: str, *, fallback: bool) -> Notice:
    """That the engine `name` does the work from now on, for those `reasons`, or again."""
    verb, key = VERBS[job], f"engine:{job}"
    if not fallback:
        return Notice(f"{verb} with {name} again", key=key)
    message = f"Because {_within(reasons)}." if reasons else ""
    return Notice(f"{verb} with {name}", message, severity="warning", key=key)


def _within(sentence: str) -> str:
    """A sentence as a part of another: no capital where the first word has one only because it is the first."""
    first, _, rest = sentence.partition(" ")
    return f"{first.lower()} {rest}" if first in BEGINNINGS and rest else sentence
