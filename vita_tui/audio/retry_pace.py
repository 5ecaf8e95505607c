"""How often a device that is away is tried again."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

__all__ = ["waits"]

QUICK_SECONDS = 0.5
QUICK = 10
"""Attempts while somebody may be plugging it in."""
SLOWEST_SECONDS = 15.0


def waits(
    quick: float = QUICK_SECONDS, attempts: int = QUICK, slowest: float = SLOWEST_SECONDS
) -> Iterator[float]:
    """Seconds before each attempt: quick at first, then twice as long each time, without end.

    Each attempt starts a process and the sound system: at the quick pace a machine without sound would be kept busy for ever.
    """
    yield from itertools.repeat(quick, attempts)
    wait = quick
    while True:
        wait = min(2 * wait, max(quick, slowest))
        yield wait
