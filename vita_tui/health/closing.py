"""Closing what is open, in the order of who depends on whom, within a deadline: a close that hangs holds up nobody else."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vita_tui.health.registry import Entry

__all__ = ["close_entries"]

log = logging.getLogger(__name__)

GRACE_SHARE = 0.7
"""Of the deadline, before force is used."""
CLOSE_WAIT_SECONDS = 0.05
"""Seconds to wait for one close before the next that does not depend on it is begun."""


def close_entries(entries: list[Entry], deadline: float) -> list[Entry]:
    """Close `entries` within `deadline` seconds, by force where needed; returns those that did not close."""
    start = time.monotonic()
    pending = {entry.number: entry for entry in entries}
    dependents: dict[int, set[int]] = {number: set() for number in pending}
    for entry in entries:
        for needed in entry.depends_on:
            if needed.number in dependents:
                dependents[needed.number].add(entry.number)
    done: queue.SimpleQueue[tuple[Entry, bool]] = queue.SimpleQueue()
    running: set[int] = set()

    def settle(entry: Entry, closed: bool) -> None:
        running.discard(entry.number)
        if closed or entry.left:
            entry.leave()
            pending.pop(entry.number, None)
            for others in dependents.values():
                others.discard(entry.number)

    def collect(until: float, wanted: Entry | None) -> None:
        """Take results until `wanted` has one, nothing runs, or the wait is over."""
        while running and (left := until - time.monotonic()) > 0:
            try:
                entry, closed = done.get(timeout=left)
            except queue.Empty:
                return
            settle(entry, closed)
            if entry is wanted:
                return

    grace = start + deadline * GRACE_SHARE
    tried: set[int] = set()
    while time.monotonic() < grace:
        ready = [n for n in pending if n not in tried and not dependents[n]]
        if not ready:
            if not running:
                break
            collect(min(grace, time.monotonic() + CLOSE_WAIT_SECONDS), None)
            continue
        entry = pending[max(ready)]
        tried.add(entry.number)
        if entry.left:
            settle(entry, closed=True)
        elif entry.can_close:
            running.add(entry.number)
            _start(entry, entry.close, done)
            share = (grace - time.monotonic()) / max(1, len(ready))
            collect(time.monotonic() + min(CLOSE_WAIT_SECONDS, max(0.0, share)), entry)
        elif not entry.can_force:
            # Its owner closes it, not we; what it depends on need not wait.
            for others in dependents.values():
                others.discard(entry.number)
    collect(grace, None)
    running.clear()
    for entry in [entry for entry in pending.values() if not entry.left and entry.can_force]:
        running.add(entry.number)
        _start(entry, entry.force, done)
    collect(start + deadline, None)
    return [entry for entry in pending.values() if not entry.left]


def _start(entry: Entry, function: Callable[[], None], done: queue.SimpleQueue[tuple[Entry, bool]]) -> None:
    """Run `function` in its own thread, so that one that hangs holds up nobody."""

    def guarded() -> None:
        closed = False
        try:
            function()
            closed = True
        except Exception:
            log.exception("closing %s failed", entry.name)
        finally:
            done.put((entry, closed))

    threading.Thread(target=guarded, name=f"close {entry.name}", daemon=True).start()
