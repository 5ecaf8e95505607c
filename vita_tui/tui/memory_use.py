"""How much memory we and our children hold: measured in a thread, because listing the processes takes its time."""

from __future__ import annotations

import os
from dataclasses import dataclass

__all__ = ["MemoryUse", "measure"]


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """Bytes."""

    ours: int
    """Resident, children included."""
    available: int
    """What the system could still give."""


def measure() -> MemoryUse:
    """Measure now; blocks for some milliseconds. Children that end meanwhile are left out."""
    import psutil

    me = psutil.Process(os.getpid())
    ours = me.memory_info().rss
    try:
        children = me.children(recursive=True)
    except psutil.Error:
        children = []
    for child in children:
        try:
            ours += child.memory_info().rss
        except psutil.Error:
            continue
    return MemoryUse(ours, psutil.virtual_memory().available)
