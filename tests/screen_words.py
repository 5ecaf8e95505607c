"""What the screen calls the states, so that tests can name them as the program does."""

from __future__ import annotations

from vita_tui.events import State
from vita_tui.tui.look import shown

__all__ = ["as_shown", "shown"]


def as_shown(word: str) -> str:
    """`word`, or what the screen shows if it is a state, such as "idle"."""
    return shown(State(word)) if word in set(State) else word
