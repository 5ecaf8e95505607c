"""The figures on disk: one file that every VITA process adds to, whole at every moment.

Each process adds what came since it last saved, under a lock between processes, and puts the file in place by an atomic
rename: two terminals, or a terminal and a command, lose nothing of each other. A file that cannot be understood is set aside
and never overwritten.
"""

from __future__ import annotations

import heapq
import json
import logging
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from vita_tui import paths
from vita_tui.clock import Clock
from vita_tui.health.processes import write_json
from vita_tui.health.series import CLASSES, Key, Series

__all__ = ["add", "read", "record_file"]

log = logging.getLogger(__name__)

VERSION = 1
LOCK_SECONDS = 2.0
"""Longest wait for another process that is saving."""
DAMAGED_KEPT = 3
"""Damaged files that are kept for a look."""


def record_file() -> Path:
    """Where the figures are."""
    return paths.state_dir() / "metrics.json"


def read(file: Path, clock: Clock) -> dict[Key, Series]:
    """What the file holds; nothing when there is none. A damaged file is moved aside.

    Raises:
        OSError: it is there and cannot be read, or was written by a newer VITA.
    """
    try:
        text = file.read_bytes()
    except FileNotFoundError:
        return {}
    try:
        data = json.loads(text)
        if int(data["version"]) > VERSION:
            raise OSError(f"{file} was written by a newer VITA")
        found = (_series(item, clock) for item in data["metrics"])
        return {series.key: series for series in found}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        aside = _set_aside(file)
        log.warning(
            "the figures in %s are damaged (%s: %s) and were set aside as %s",
            file,
            type(error).__name__,
            error,
            aside,
        )
        return {}


def _series(item: dict[str, Any], clock: Clock) -> Series:
    labels = tuple(sorted((str(name), str(value)) for name, value in item["labels"].items()))
    now = clock.monotonic()
    series = CLASSES[item["kind"]](str(item["name"]), labels, now)
    series.restore(item, clock.time() - now, now)
    return series


def _set_aside(file: Path) -> Path:
    aside = file.with_name(f"{file.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
    with suppress(OSError):
        file.replace(aside)
        for old in sorted(file.parent.glob(f"{file.name}.damaged-*"))[:-DAMAGED_KEPT]:
            old.unlink(missing_ok=True)
    return aside


def add(file: Path, fresh: Iterable[Series], clock: Clock, *, limit: int, retention: float) -> None:
    """Add `fresh` to the file, which then holds at most `limit` metrics, none older than `retention` seconds.

    Raises:
        OSError: the disk is full, the folder cannot be written, or another process holds the file too long. The file is then
            as it was.
    """
    from filelock import FileLock

    paths.ensure_private_dir(file.parent)
    # Timeout, which is raised when the lock is not had in time, is a TimeoutError and so an OSError.
    with FileLock(file.with_suffix(".lock"), timeout=LOCK_SECONDS, mode=0o600):
        now = clock.monotonic()
        merged = read(file, clock)
        for series in fresh:
            known = merged.get(series.key)
            # A name that is used anew after its metric was dropped for its age begins at nothing, here as in the table.
            if known is not None and (series.continued or now - known.updated <= retention):
                known.merge(series)
            else:
                merged[series.key] = series
        kept = [series for series in merged.values() if now - series.updated <= retention]
        kept = heapq.nlargest(limit, kept, key=lambda series: series.updated)
        offset = clock.time() - now
        write_json(
            file,
            {
                "version": VERSION,
                "saved": round(clock.time(), 3),
                "metrics": [series.dump(offset) for series in kept],
            },
        )
