"""How a reply begins that goes on with another one."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Opening"]


@dataclass(frozen=True, slots=True)
class Opening:
    """The rest of a reply that was interrupted: said first, and then gone on with if it was not written to its end."""

    question: str
    """What it answered; empty when that is not known any more."""
    heard: str
    rest: str
    whole: bool
    """The model had written all of it."""
