"""Symbols and colours that mean something, the same on every part of the screen. A meaning is never told by colour alone."""

from __future__ import annotations

from collections.abc import Iterable

from vita_tui.events import Health, Job, State

__all__ = ["HEALTH", "JOBS", "MUTED", "STATE", "WORDS", "bar", "level", "shown", "wave"]

MUTED = "$text-muted"
"""For what is there but not looked for."""

STATE: dict[State, tuple[str, str]] = {
    State.INITIALIZING: ("◌", MUTED),
    State.IDLE: ("○", "$text-success"),
    State.LISTENING: ("●", "$text-error"),
    State.THINKING: ("◐", "$text-warning"),
    State.SPEAKING: ("▶", "$text-primary"),
}
"""Symbol and style of each state."""

WORDS: dict[State, str] = {
    State.INITIALIZING: "starting",
    State.IDLE: "ready",
    State.LISTENING: "listening",
    State.THINKING: "thinking",
    State.SPEAKING: "speaking",
}
"""What each state is called on the screen."""

HEALTH: dict[Health, tuple[str, str]] = {
    Health.LOADING: ("◌", MUTED),
    Health.READY: ("✓", "$text-success"),
    Health.DEGRADED: ("!", "$text-warning"),
    Health.DISABLED: ("✗", "$text-error"),
    Health.MISSING: ("✗", "$text-error"),
}

JOBS: dict[Job, str] = {"stt": "speech", "llm": "model", "tts": "voice"}
"""What each job is called beside an engine's name."""

_HEIGHTS = " ▁▂▃▄▅▆▇█"
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_FLOOR = -60.0
"""dBFS at which the meter begins: below it is the noise of a quiet room."""


def shown(state: State) -> str:
    """How the status line names a state, such as "○ ready"."""
    return f"{STATE[state][0]} {WORDS[state]}"


def level(dbfs: float) -> float:
    """How full a meter is, 0 to 1."""
    return min(1.0, max(0.0, (dbfs - _FLOOR) / -_FLOOR))


def bar(share: float, width: int) -> str:
    """`width` cells, filled from the left to an eighth of a cell."""
    eighths = round(min(1.0, max(0.0, share)) * width * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(width)


def wave(shares: Iterable[float], width: int) -> str:
    """The last `width` of `shares` (0 to 1) side by side, the newest at the right, each as high as it is."""
    heights = [_HEIGHTS[round(min(1.0, max(0.0, share)) * (len(_HEIGHTS) - 1))] for share in shares]
    return "".join(heights[-width:]).rjust(width)
