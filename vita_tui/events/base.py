"""What every event is, and what engines and weights are for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = [
    "Event",
    "Job",
    "Part",
]


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events."""


Job = Literal["stt", "llm", "tts"]

Part = Literal["stt", "llm", "tts", "turn"]
"""What weights are for: a job, or judging the end of a turn."""
