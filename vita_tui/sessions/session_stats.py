"""The figures of the sessions in use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from vita_tui.sessions.store import Counted

__all__ = ["SessionStats"]


@dataclass(frozen=True, slots=True)
class SessionStats:
    """The manager's figures at one moment."""

    store: str
    live: int
    """Sessions in memory."""
    max_live: int
    created: int
    loaded: int
    """Read from the store into memory."""
    appended: int
    """Turns added or changed."""
    conflicts: int
    """Writes that met a newer version and were merged."""
    expired: int
    """Left memory because nothing was said for so long."""
    evicted: int
    """Left memory because there were too many."""
    deleted: int
    sweeps: int
    unsent: int
    """Sessions and turns that wait for the store."""
    away: str
    """Why the store is not used at the moment; empty when it is."""
    counters: Counted
    """The store's own."""

    LEVELS: ClassVar[frozenset[str]] = frozenset({"live", "unsent"})
    """Figures that go up and down; the other numbers only grow."""

    def figures(self) -> dict[str, int | str]:
        """What people and programs are shown, in order: counts, and why the store is away."""
        names = (
            "live",
            "created",
            "loaded",
            "appended",
            "deleted",
            "conflicts",
            "expired",
            "evicted",
            "sweeps",
            "unsent",
        )
        return {
            "store": self.store,
            **{name: getattr(self, name) for name in names},
            "store_errors": self.counters.access_errors,
            "unreadable_rows": self.counters.unreadable,
            "index_rebuilds": self.counters.rebuilt,
            "away": self.away,
        }
