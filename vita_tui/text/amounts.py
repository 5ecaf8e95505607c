"""How many of something, in English words."""

from __future__ import annotations

__all__ = ["count"]


def count(number: int, one: str, many: str = "") -> str:
    """Such as "1 message" or "12,400 messages"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
