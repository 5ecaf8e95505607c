"""What is open, since when, and owned by whom.

Every stream, thread, task, child process, client, server and temporary file is registered when it opens and leaves when it
closes. The registry holds weak references: it never keeps a resource alive. An entry that is still open although its resource
was collected or has ended, or although its owner is gone, is a leak: `leaks` tells them, `report_leaks` logs each once.

Child processes are also written down on disk (see `processes`), so that those that outlive a crash are found.
"""

from __future__ import annotations

import itertools
import logging
import os
import threading
import types
import weakref
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from vita_tui.clock import Clock, SystemClock
from vita_tui.health.closing import close_entries
from vita_tui.health.processes import ProcessRecord, forget_process, record_process, stale_processes

if TYPE_CHECKING:
    import asyncio

__all__ = [
    "Closed",
    "Entry",
    "Open",
    "ProcessRecord",
    "Registry",
    "ResourceKind",
    "forget_process",
    "record_process",
    "register_task",
    "registry",
    "stale_processes",
]

log = logging.getLogger(__name__)

ResourceKind = Literal["stream", "thread", "task", "process", "client", "server", "file", "lock"]

HISTORY = 256
"""Closed and leaked entries that are remembered."""


@dataclass(frozen=True, slots=True)
class Open:
    """One resource that is open, as shown to the user."""

    kind: ResourceKind
    name: str
    owner: str
    since: float
    """Seconds since 1970."""
    leaked: bool
    leak: str = ""
    """Why it is a leak, in words; empty when it is none."""


@dataclass(frozen=True, slots=True)
class Closed:
    """One resource that was open."""

    kind: ResourceKind
    name: str
    owner: str
    since: float
    until: float
    """Seconds since 1970."""
    leak: str = ""


class Entry:
    """A resource's place in the registry. Made by `Registry.register`."""

    def __init__(
        self,
        home: Registry,
        number: int,
        resource: object,
        *,
        kind: ResourceKind,
        name: str,
        owner: str,
        since: float,
        close: Callable[[], Any] | None,
        force: Callable[[], Any] | None,
        depends_on: tuple[Entry, ...],
        owner_ref: object | None,
        pid: int | None,
    ) -> None:
        self.number = number
        self.kind: ResourceKind = kind
        self.name = name
        self.owner = owner
        self.since = since
        self.depends_on = depends_on
        """Entries that must outlive this one; empty once it has left."""
        self.pid = pid
        self.left = False
        self.reported = False
        """The log has it as a leak."""
        self._home = home
        self._close = _weakly(close)
        self._force = _weakly(force)
        self._resource = _reference(resource)
        self._owner = _reference(owner_ref) if owner_ref is not None else None

    def leave(self) -> None:
        """The resource is closed; may be called twice, from any thread."""
        self._home.remove(self)

    @property
    def leak(self) -> str:
        """Why this entry should have left, in words; empty while all is well."""
        if self.left:
            return ""
        if self._resource is not None:
            resource = self._resource()
            if resource is None:
                return "it was collected without being closed"
            if (
                isinstance(resource, threading.Thread)
                and resource.ident is not None
                and not resource.is_alive()
            ):
                return "the thread has ended"
        if self._owner is not None:
            owner = self._owner()
            if owner is None or (isinstance(owner, Entry) and owner.left):
                return "its owner is gone"
        return ""

    @property
    def leaked(self) -> bool:
        return bool(self.leak)

    @property
    def can_close(self) -> bool:
        return self._close is not None and self._close() is not None

    @property
    def can_force(self) -> bool:
        return self._force is not None and self._force() is not None

    def is_for(self, resource: object) -> bool:
        return self._resource is not None and self._resource() is resource

    def close(self) -> None:
        _call(self._close)

    def force(self) -> None:
        _call(self._force)


class Registry:
    """All that is open; every method may be called from any thread."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        # Re-entrant: the collector may run a finaliser that leaves while this very thread is in here.
        self._lock = threading.RLock()
        self._numbers = itertools.count(1)
        self._entries: dict[int, Entry] = {}
        self._history: deque[Closed] = deque(maxlen=HISTORY)
        self._reap_at = 2 * HISTORY
        self.total_opened = 0
        self.total_closed = 0
        self.total_leaked = 0
        """Entries that were dropped because their resource was gone and nothing could close it."""

    def register(
        self,
        resource: object,
        *,
        kind: ResourceKind,
        name: str,
        owner: str,
        close: Callable[[], Any] | None = None,
        force: Callable[[], Any] | None = None,
        depends_on: Iterable[Entry] = (),
        owner_ref: object | None = None,
        pid: int | None = None,
    ) -> Entry:
        """Write down that `resource` is open.

        Args:
            owner: the room and part that closes it, such as "audio.stream".
            close: closes it in good order, from any thread; a bound method is held weakly. A function or lambda is held as it
                is: it should not refer to the resource.
            force: ends it when `close` did not.
            depends_on: entries that must stay open until this one is closed.
            owner_ref: the object, or the entry of the object, without which nobody would close it; held weakly.
            pid: of a child process: it is also written down on disk until the entry leaves.
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
                owner_ref=owner_ref,
                pid=pid,
            )
            self._entries[entry.number] = entry
            self.total_opened += 1
            full = len(self._entries) >= self._reap_at
        if pid is not None:
            record_process(pid, name)
        if full:
            self._reap()
        return entry

    def remove(self, entry: Entry) -> None:
        """`Entry.leave` does this."""
        with self._lock:
            if self._entries.pop(entry.number, None) is None:
                return
            self.total_closed += 1
            self._remember(entry, "")
        if entry.pid is not None:
            forget_process(entry.pid)

    def open(self) -> list[Open]:
        """What is open now, oldest first."""
        with self._lock:
            entries = list(self._entries.values())
        return [_shown(entry) for entry in entries]

    def history(self) -> list[Closed]:
        """The last resources that were closed or lost, oldest first."""
        with self._lock:
            return list(self._history)

    def leaks(self) -> list[Open]:
        """What should have been closed and was not."""
        return [resource for resource in self.open() if resource.leaked]

    def report_leaks(self) -> list[Open]:
        """The leaks that were not reported before; each is also logged."""
        with self._lock:
            entries = list(self._entries.values())
        found = []
        for entry in entries:
            if (leak := entry.leak) and not entry.reported:
                entry.reported = True
                log.warning("%s %s of %s is still open: %s", entry.kind, entry.name, entry.owner, leak)
                found.append(_shown(entry))
        return found

    def close_leaks(self, deadline: float = 1.0) -> list[Open]:
        """Close what leaked and can still be closed, and forget the rest; returns what stays open."""
        with self._lock:
            leaked = [entry for entry in self._entries.values() if entry.leaked]
        remaining = close_entries(leaked, deadline)
        self._reap()
        return [_shown(entry) for entry in remaining if not entry.left]

    def close_all(self, deadline: float = 1.0) -> list[Open]:
        """Close everything, dependents before what they depend on and the youngest first; by force what does not close.

        A close that hangs holds up only what it depends on. The calling thread's own entry is left alone.

        Args:
            deadline: seconds for all of it.

        Returns:
            What could not be closed even by force.
        """
        caller = threading.current_thread()
        with self._lock:
            entries = [entry for entry in self._entries.values() if not entry.is_for(caller)]
        remaining = close_entries(entries, deadline)
        self._reap()
        return [_shown(entry) for entry in remaining if not entry.left]

    def _reap(self) -> None:
        """Drop entries of which nothing is left that could be closed: leaks must not make the registry grow."""
        with self._lock:
            for entry in list(self._entries.values()):
                leak = entry.leak
                if leak and not entry.can_close and not entry.can_force and entry.pid is None:
                    del self._entries[entry.number]
                    self.total_leaked += 1
                    self._remember(entry, leak)
                    if not entry.reported:
                        log.warning(
                            "%s %s of %s was not closed: %s", entry.kind, entry.name, entry.owner, leak
                        )
            self._reap_at = max(2 * HISTORY, 2 * len(self._entries))

    def _remember(self, entry: Entry, leak: str) -> None:
        entry.left = True
        entry.depends_on = ()  # or every stream would keep the entries of all before it
        self._history.append(
            Closed(entry.kind, entry.name, entry.owner, entry.since, self._clock.time(), leak)
        )


registry = Registry()
"""The process's own."""


def register_task(task: asyncio.Task[Any], *, owner: str, depends_on: Iterable[Entry] = ()) -> Entry:
    """Write down that `task` runs, until it is done; closing it cancels it, from any thread."""
    loop, reference = task.get_loop(), weakref.ref(task)

    def cancel() -> None:
        running = reference()
        if running is not None and not loop.is_closed():
            loop.call_soon_threadsafe(running.cancel)

    entry = registry.register(
        task, kind="task", name=task.get_name(), owner=owner, close=cancel, depends_on=depends_on
    )
    task.add_done_callback(lambda _: entry.leave())
    return entry


if hasattr(os, "register_at_fork"):
    # What is open in the parent is not the child's to close, and a lock held during the fork would never be released.
    os.register_at_fork(after_in_child=lambda: registry.__init__())  # type: ignore[misc]  # the one way to start afresh in place


def _shown(entry: Entry) -> Open:
    leak = entry.leak
    return Open(entry.kind, entry.name, entry.owner, entry.since, bool(leak), leak)


def _reference(thing: object) -> Callable[[], object | None] | None:
    """A way to `thing` that does not keep it alive; None where Python has none, as for paths and numbers."""
    try:
        return weakref.ref(thing)
    except TypeError:
        return None


def _weakly(function: Callable[[], Any] | None) -> Callable[[], Callable[[], Any] | None] | None:
    """A way to `function` that does not keep a bound method's object alive."""
    if function is None:
        return None
    try:
        if isinstance(function, types.MethodType):
            return weakref.WeakMethod(function)
        if isinstance(function, types.BuiltinMethodType) and not isinstance(
            function.__self__, types.ModuleType
        ):
            owner, name = weakref.ref(function.__self__), function.__name__
            return lambda: getattr(owner(), name, None)
    except TypeError:
        pass  # its object knows no weak references
    return lambda: function


def _call(reference: Callable[[], Callable[[], Any] | None] | None) -> None:
    function = reference() if reference is not None else None
    if function is not None:
        function()
