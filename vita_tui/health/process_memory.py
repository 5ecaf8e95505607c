"""How much memory VITA uses with its children, how much the system has left, and giving freed memory back.

On Linux the figures come from `/proc` and respect the limit of a control group (containers, systemd slices); elsewhere from
psutil.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from vita_tui.clock import Clock, SystemClock

__all__ = ["MemoryMeter", "Usage", "give_back", "settle_allocator", "stall", "trim"]

MB = 1024 * 1024
CHILDREN_SECONDS = 5.0
"""For so long the list of child processes stands: finding them means looking at every process of the machine."""


_ALLOCATOR = ((-8, 2), (-3, 4 * MB), (-1, 16 * MB))
"""Options of mallopt: heaps at most, bytes from which a block has pages of its own, free bytes at the end of a heap that it may keep."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Memory at one moment, in bytes."""

    rss: int
    """Resident memory of this process."""
    children: int
    """Of all its descendants together; pages that they share count more than once."""
    available: int
    """What could be used without swapping: the system's, or the control group's if that is less."""
    total: int
    """The machine's memory."""

    @property
    def own(self) -> int:
        """This process with its children."""
        return self.rss + self.children


class MemoryMeter:
    """Reads memory, in well under 2 ms; from any thread."""

    def __init__(self, *, max_age: float = 0.5, clock: Clock | None = None) -> None:
        """
        Args:
            max_age: seconds for which a reading stands.
        """
        self._max_age = max_age
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._usage: Usage | None = None
        self._read_at = 0.0
        self._family = _ProcessTree()
        self._children: list[int] = []
        self._children_at = float("-inf")

    def read(self, *, fresh: bool = False) -> Usage:
        """Memory now.

        Args:
            fresh: measure again, children included, whatever the age of the last reading.
        """
        with self._lock:
            now = self._clock.monotonic()
            if not fresh and self._usage is not None and now - self._read_at < self._max_age:
                return self._usage
            if fresh or now - self._children_at >= CHILDREN_SECONDS:
                self._children = self._family.descendants()
                self._children_at = now
            self._usage = _measure(self._children)
            self._read_at = now
            return self._usage


def _measure(children: list[int]) -> Usage:
    import psutil

    memory = psutil.virtual_memory()
    available = int(memory.available)
    if (left := _group_left()) is not None:
        available = min(available, left)
    return Usage(_rss(os.getpid()), sum(map(_rss, children)), available, int(memory.total))


def _rss(pid: int) -> int:
    """Resident bytes of a process; 0 when it is gone."""
    if sys.platform == "linux":
        try:
            with open(f"/proc/{pid}/statm", "rb") as stream:  # noqa: PTH123  # pathlib doubles the time of this
                return int(stream.read().split()[1]) * _page_size()
        except (OSError, IndexError, ValueError):
            return 0
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


@cache
def _page_size() -> int:
    return os.sysconf("SC_PAGE_SIZE")


class _ProcessTree:
    """Finds the descendants of this process. A process's parent is read once: only new processes cost a look."""

    def __init__(self) -> None:
        self._parents: dict[int, int] = {}

    def descendants(self) -> list[int]:
        """Process ids of all children and their children."""
        if sys.platform != "linux":
            import psutil

            return [child.pid for child in psutil.Process().children(recursive=True)]
        # os.listdir, because a Path for each of some hundred processes would cost more than the rest.
        present = {int(name) for name in os.listdir("/proc") if name.isdigit()}  # noqa: PTH208
        known = self._parents
        self._parents = {pid: known[pid] if pid in known else _parent(pid) for pid in present}
        found: list[int] = []
        level = {os.getpid()}
        while level:
            level = {pid for pid, parent in self._parents.items() if parent in level}
            found += level
        return found


def _parent(pid: int) -> int:
    """Parent of a process; 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stream:  # noqa: PTH123  # as above
            # The name in parentheses may hold spaces and parentheses; state and parent follow it.
            return int(stream.read().rpartition(b")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return 0


# ---- control groups


@dataclass(frozen=True, slots=True)
class _Group:
    limit: Path
    used: Path
    stat: Path
    cache_key: str
    """Row of `stat` that tells how much of `used` the kernel gives back at once: file pages not lately used."""


@cache
def _groups() -> tuple[_Group, ...]:
    """This process's control group and all above it that can be seen; the tightest limit counts."""
    try:
        rows = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    except OSError:
        return ()
    found = []
    for _, controllers, path in rows:
        if controllers == "":
            root, names = Path("/sys/fs/cgroup"), ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            root = Path("/sys/fs/cgroup/memory")
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        here = root / path.lstrip("/")
        found += [
            _Group(folder / names[0], folder / names[1], folder / "memory.stat", names[2])
            for folder in (here, *here.parents)
            if root in (folder, *folder.parents) and (folder / names[0]).is_file()
        ]
    return tuple(found)


def _group_left() -> int | None:
    """Bytes that the tightest control group still allows; None without a limit."""
    left = []
    for group in _groups():
        try:
            limit = group.limit.read_text().strip()
            if limit == "max" or int(limit) >= 1 << 60:
                continue
            used = int(group.used.read_text())
            rows = dict(line.split() for line in group.stat.read_text().splitlines())
            left.append(int(limit) - used + int(rows.get(group.cache_key, 0)))
        except (OSError, ValueError):
            continue
    return max(0, min(left)) if left else None


# ----


def stall() -> float | None:
    """Percentage of the last ten seconds in which some program waited for memory (PSI); None where Linux does not tell."""
    try:
        first = Path("/proc/pressure/memory").read_text().splitlines()[0]
        return float(first.split("avg10=")[1].split()[0])
    except (OSError, IndexError, ValueError):
        return None


def trim() -> None:
    """Collect what is unreachable, and `give_back`: without this a model that was freed goes on costing memory."""
    gc.collect()
    give_back()


def give_back() -> None:
    """Give the allocator's free pages back to the system, in a few milliseconds.

    glibc keeps pages for later that lie below one still in use, such as what was needed only while an engine was loaded.
    """
    if (release := _libc("malloc_trim")) is not None:
        release(0)


def settle_allocator() -> None:
    """Have glibc keep little of what the engines free; before their threads start.

    Left to itself it gives each thread its own heap, and takes blocks of up to 32 MB from there once one of that size was freed:
    after six turns that is 110 MB of free pages, which nothing needs. With these limits recognition and speech take as long as without.
    """
    if (set_option := _libc("mallopt")) is not None:
        for option, value in _ALLOCATOR:
            set_option(option, value)


@cache
def _libc(function: str) -> Any:
    """A function of glibc; None on other systems."""
    if sys.platform != "linux":
        return None
    import ctypes

    return getattr(ctypes.CDLL(None), function, None)
