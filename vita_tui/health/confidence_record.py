"""How sure speech recognition was, day by day and for each recognizer, over two weeks; on disk, shared by all VITA processes of a user."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from vita_tui import paths
from vita_tui.clock import Clock
from vita_tui.health.processes import write_json

__all__ = ["ConfidenceRecord", "Drift"]

log = logging.getLogger(__name__)

DAYS_KEPT = 15
BASELINE_DAYS = 7
ENOUGH_LATELY, ENOUGH_BEFORE = 60, 200
"""Words, below which a mean says nothing."""
LOCK_SECONDS = 2.0

Days = dict[str, dict[str, list[float]]]
"""By day (UTC) and recognizer: the sum of confidences over all words, and the words."""


@dataclass(frozen=True, slots=True)
class Drift:
    """How sure a recognizer is of a word, 0 to 1."""

    engine: str
    lately: float
    """Today and yesterday."""
    before: float
    """In the seven days before that."""


class ConfidenceRecord:
    """Any thread adds; one saves and compares."""

    def __init__(self, clock: Clock, file: Path | None = None) -> None:
        self._clock = clock
        self._file = file
        self._lock = threading.Lock()
        self._fresh: Days = {}
        self._known: Days | None = None

    def add(self, engine: str, words: int, confidence: float) -> None:
        """An utterance of so many words was understood."""
        if not engine or words <= 0:
            return
        with self._lock:
            _add(self._fresh, self._day(0), engine, words * confidence, words)

    def save(self) -> None:
        """Write down what came since the last time; what cannot be written is written next time."""
        with self._lock:
            fresh, self._fresh = self._fresh, {}
        if not fresh and self._known is not None:
            return
        file = self._file or paths.state_dir() / "recognition.json"
        try:
            if not fresh:
                self._known = _read(file)
                return
            from filelock import FileLock

            paths.ensure_private_dir(file.parent)
            # Timeout, which is raised when the lock is not had in time, is a TimeoutError and so an OSError.
            with FileLock(file.with_suffix(".lock"), timeout=LOCK_SECONDS):
                known = _read(file)
                for day, engine, total, words in _entries(fresh):
                    _add(known, day, engine, total, words)
                oldest = self._day(DAYS_KEPT)
                known = {day: one for day, one in known.items() if day > oldest}
                write_json(file, known)
            self._known = known
        except OSError as error:
            log.info("the confidence of recognition is not written down: %s", error)
            with self._lock:
                for day, engine, total, words in _entries(fresh):
                    _add(self._fresh, day, engine, total, words)

    def drifts(self) -> list[Drift]:
        """Each recognizer that has said enough lately and in the week before."""
        days = self._known or {}
        lately = _mean(days, {self._day(0), self._day(1)})
        before = _mean(days, {self._day(ago) for ago in range(2, 2 + BASELINE_DAYS)})
        return [
            Drift(engine, total / words, before[engine][0] / before[engine][1])
            for engine, (total, words) in lately.items()
            if words >= ENOUGH_LATELY and before.get(engine, (0.0, 0.0))[1] >= ENOUGH_BEFORE
        ]

    def _day(self, ago: int) -> str:
        now = datetime.fromtimestamp(self._clock.time(), UTC)
        return (now - timedelta(days=ago)).date().isoformat()


def _add(days: Days, day: str, engine: str, total: float, words: float) -> None:
    one = days.setdefault(day, {}).setdefault(engine, [0.0, 0.0])
    one[0] += total
    one[1] += words


def _entries(days: Days) -> Iterator[tuple[str, str, float, float]]:
    for day, engines in days.items():
        for engine, (total, words) in engines.items():
            yield day, engine, total, words


def _mean(days: Days, wanted: set[str]) -> dict[str, tuple[float, float]]:
    found: dict[str, tuple[float, float]] = {}
    for day, engine, total, words in _entries(days):
        if day in wanted:
            sums = found.get(engine, (0.0, 0.0))
            found[engine] = (sums[0] + total, sums[1] + words)
    return found


def _read(file: Path) -> Days:
    """What is there; what is damaged is begun anew: it is worth two weeks of means, and no conversation."""
    known: Days = {}
    with suppress(FileNotFoundError, ValueError, TypeError, KeyError, AttributeError):
        data: Any = json.loads(file.read_text(encoding="utf-8"))
        for day, engines in data.items():
            for engine, (total, words) in engines.items():
                _add(known, str(day), str(engine), float(total), float(words))
    return known
