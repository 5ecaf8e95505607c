"""How much memory a language model takes, by the bytes of its weights."""

from __future__ import annotations

__all__ = ["fits", "memory_need"]

OVER_WEIGHTS = 1.3
"""Memory that a model takes, over the bytes of its weights."""


def memory_need(weights: int) -> int:
    """Bytes of memory for a model whose weights have so many bytes."""
    return round(weights * OVER_WEIGHTS)


def fits(weights: int, available: int) -> bool:
    """Whether a model whose weights have so many bytes has room in so many bytes of memory."""
    return weights * OVER_WEIGHTS < available
