"""What of a recording could not be read, and what is said of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from vita_tui.audio.base import SAMPLE_RATE
from vita_tui.audio.media_source import reason_of

__all__ = ["Missing"]

NAMED_DAMAGES = 3
"""Damaged places that are named."""
STUBBORN = 200
"""Damaged packets in a row after which the rest is not read."""


@dataclass(slots=True)
class Missing:
    """What could not be read of a recording."""

    name: str
    spots: list[tuple[float, float]] = field(default_factory=list)
    """Where, and how many seconds; 0 when that is not known."""
    pending: str = ""
    """Why the last packets could not be read."""
    failures: int = 0
    """How many of them in a row."""
    samples: int = 0
    """Of the recording's own time, what is missing included."""
    cut: str = ""

    def damaged(self, error: Exception) -> None:
        self.pending = reason_of(error)
        self.failures += 1
        if self.failures > STUBBORN:
            raise error

    def repaired(self) -> None:
        self.failures = 0

    def read(self, samples: int) -> None:
        self.samples += samples

    def spot(self, seconds: float) -> None:
        """Reading goes on after a damaged place."""
        self.spots.append((self.samples / SAMPLE_RATE, seconds))
        self.samples += round(seconds * SAMPLE_RATE)
        self.pending = ""

    def broken(self, reason: str) -> None:
        self.cut = f"{self.name} breaks off after {self.samples / SAMPLE_RATE:.1f} seconds: {reason}."

    def end(self, length: float | None) -> None:
        """There is no more.

        Args:
            length: seconds that there should have been, if that is known.
        """
        if not self.samples:
            return
        read = self.samples / SAMPLE_RATE
        short = length is not None and length - read > max(0.5, length / 50)
        if self.pending or short:
            of = f" of {length:.1f}" if length else ""
            reason = self.pending or "the rest is missing"
            self.cut = f"{self.name} breaks off after {read:.1f}{of} seconds: {reason}."

    def sentence(self) -> str:
        """What is to be said; empty when all was read."""
        if not self.spots:
            return self.cut
        places = ", ".join(f"{at:.1f} s" for at, _ in self.spots[:NAMED_DAMAGES])
        more = (
            f" and {len(self.spots) - NAMED_DAMAGES} more places" if len(self.spots) > NAMED_DAMAGES else ""
        )
        lost = sum(seconds for _, seconds in self.spots)
        much = f"{lost:.1f} seconds are missing" if lost >= 0.05 else "a part is missing"
        return f"{self.name} is damaged at {places}{more}: {much}. {self.cut}".rstrip()
