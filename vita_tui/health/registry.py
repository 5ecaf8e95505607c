"""What is open, since when, and owned by whom.

Every stream, thread, task, child process, client, server and temporary file is registered when it opens and leaves when it
closes. The registry holds weak references: it never keeps a resource alive, and a resource that was collected while its entry
is still open is a leak, which `leaks` reports.

Child processes are also written down in `paths.runtime_dir()/processes/<pid>.json`, so that after a crash of the program
`stale_processes` finds those that outlived it.
"""

from __future__ import annotations

import itertools
import json
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from vita_tui import paths
from vita_tui.clock import Clock, SystemClock

__all__ = [
    "Entry",
    "Kind",
    "Open",
    "ProcessRecord",
    "Registry",
    "forget_process",
    "record_process",
    "registry",
    "stale_processes",
]

log = logging.getLogger(__name__)

Kind = Literal["stream", "thread", "task", "process", "client", "server", "file", "lock"]


@dataclass(frozen=True, slots=True)
class Open:
    """One resource that is open, as shown to the user."""

    kind: Kind
    name: str
    owner: str
    since: float
    """Seconds since 1970."""
    leaked: bool
    """The resource is gone but was never closed."""


class Entry:
    """A resource's place in the registry."""

    def __init__(
        self,
        home: Registry,
        number: int,
        resource: object,
        *,
        kind: Kind,
        name: str,
        owner: str,
        since: float,
        close: Callable[[], Any] | None,
        force: Callable[[], Any] | None,
        depends_on: tuple[Entry, ...],
    ) -> None:
        self.number = number
        self.kind: Kind = kind
        self.name = name
        self.owner = owner
        self.since = since
        self.depends_on = depends_on
        """Entries that must outlive this one."""
        self._home = home
        self._close = _weakly(close)
        self._force = _weakly(force)
        try:
            self._resource: weakref.ref[object] | None = weakref.ref(resource)
        except TypeError:
            self._resource = None

    def leave(self) -> None:
        """The resource is closed; may be called twice, from any thread."""
        self._home.remove(self)

    @property
    def leaked(self) -> bool:
        return self._resource is not None and self._resource() is None

    def close(self) -> None:
        _call(self._close)

    def force(self) -> None:
        _call(self._force)


class Registry:
    """All that is open; every method may be called from any thread."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._lock = threading.RLock()
        self._numbers = itertools.count(1)
        self._entries: dict[int, Entry] = {}
        self.total_opened = 0
        self.total_closed = 0

    def register(
        self,
        resource: object,
        *,
        kind: Kind,
        name: str,
        owner: str,
        close: Callable[[], Any] | None = None,
        force: Callable[[], Any] | None = None,
        depends_on: Iterable[Entry] = (),
    ) -> Entry:
        """Write down that `resource` is open.

        Args:
            owner: the room and part that closes it, such as "audio.capture".
            close: closes it in good order; a bound method is held weakly.
            force: ends it when `close` did not.
            depends_on: entries that must stay open until this one is closed.
        """
        with self._lock:
            entry = Entry(
                self,
                next(self._numbers),
                resource,
                kind=kind,
                name=name,
                owner=owner,
                since=self._clock.time(),
                close=close,
                force=force,
                depends_on=tuple(depends_on),
            )
            self._entries[entry.number] = entry
            self.total_opened += 1
        return entry

    def remove(self, entry: Entry) -> None:
        with self._lock:
            if self._entries.pop(entry.number, None) is not None:
                self.total_closed += 1

    def open(self) -> list[Open]:
        """What is open now, oldest first."""
        with self._lock:
            entries = list(self._entries.values())
        return [Open(e.kind, e.name, e.owner, e.since, e.leaked) for e in entries]

    def leaks(self) -> list[Open]:
        """What is gone without having been closed."""
        return [resource for resource in self.open() if resource.leaked]

    def close_all(self, deadline: float = 1.0) -> list[Open]:
        """Close everything, dependents before what they depend on; by force what is not closed in time.

        Args:
            deadline: seconds for all of it.

        Returns:
            What could not be closed even by force.
        """
        end = self._clock.monotonic() + deadline
        for entry in self._in_closing_order():
            left = end - self._clock.monotonic()
            if left > 0:
                _call_within(entry.close, left, entry.name)
        with self._lock:
            remaining = sorted(self._entries.values(), key=lambda entry: -entry.number)
        for entry in remaining:
            _call_within(entry.force, 0.2, entry.name)
            if entry.leaked:
                entry.leave()
        return self.open()

    def _in_closing_order(self) -> list[Entry]:
        """Youngest first, and no entry before those that depend on it."""
        with self._lock:
            entries = dict(sorted(self._entries.items(), reverse=True))
        dependents: dict[int, list[Entry]] = {}
        for entry in entries.values():
            for needed in entry.depends_on:
                dependents.setdefault(needed.number, []).append(entry)
        ordered: dict[int, Entry] = {}

        def visit(entry: Entry) -> None:
            if entry.number in ordered:
                return
            for dependent in dependents.get(entry.number, ()):
                visit(dependent)
            ordered[entry.number] = entry

        for entry in entries.values():
            visit(entry)
        return list(ordered.values())


registry = Registry()
"""The process's own."""


def _weakly(function: Callable[[], Any] | None) -> Callable[[], Callable[[], Any] | None] | None:
    """A way to `function` that does not keep a bound method's object alive."""
    if function is None:
        return None
    if hasattr(function, "__self__"):
        return weakref.WeakMethod(function)
    return lambda: function


def _call(reference: Callable[[], Callable[[], Any] | None] | None) -> None:
    function = reference() if reference is not None else None
    if function is not None:
        function()


def _call_within(function: Callable[[], None], seconds: float, name: str) -> None:
    """Run `function` in a thread of its own, so that one that hangs costs no more than `seconds`."""

    def guarded() -> None:
        try:
            function()
        except Exception:
            log.exception("closing %s failed", name)

    thread = threading.Thread(target=guarded, name=f"close {name}", daemon=True)
    thread.start()
    thread.join(seconds)


# ---- child processes, on disk


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """A child process that VITA started."""

    pid: int
    created: float
    """Seconds since 1970 as the system tells them: a process id that was used again has another."""
    kind: str
    parent: int
    parent_created: float


def _folder() -> Path:
    return paths.runtime_dir() / "processes"


def record_process(pid: int, kind: str) -> None:
    """Write down a child, so that it can be found after a crash; a disk that is full costs only that."""
    import psutil

    with suppress(OSError, psutil.Error):
        record = {
            "pid": pid,
            "created": psutil.Process(pid).create_time(),
            "kind": kind,
            "parent": os.getpid(),
            "parent_created": psutil.Process().create_time(),
            "started": time.time(),
        }
        folder = paths.ensure_private_dir(_folder())
        (folder / f"{pid}.json").write_text(json.dumps(record))


def forget_process(pid: int) -> None:
    """The child has ended."""
    with suppress(OSError):
        (_folder() / f"{pid}.json").unlink(missing_ok=True)


def stale_processes() -> list[ProcessRecord]:
    """Children that still run although the program that started them is gone; records of dead children are removed."""
    found = []
    files = list(_folder().glob("*.json")) if _folder().is_dir() else []
    for file in files:
        try:
            data = json.loads(file.read_text())
            record = ProcessRecord(
                int(data["pid"]),
                float(data["created"]),
                str(data["kind"]),
                int(data["parent"]),
                float(data["parent_created"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            with suppress(OSError):
                file.unlink()
            continue
        if not _runs(record.pid, record.created):
            forget_process(record.pid)
        elif not _runs(record.parent, record.parent_created):
            found.append(record)
    return found


def _runs(pid: int, created: float) -> bool:
    import psutil

    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - created) < 1.0 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
