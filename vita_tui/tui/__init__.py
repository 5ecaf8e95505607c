"""The screen: the only room that imports Textual. `run` opens it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["run"]


def run(resume: str | None = None, overrides: Mapping[str, Any] | None = None, question: str = "") -> int:
    """Open the screen; returns the exit code when the user has left. See `start.run`."""
    import gc

    from vita_tui.tui import guard, splash

    guard.stand_guard()
    # A sixth of the time to the first paint would go into collecting objects that are all there to stay. The app collects again
    # as soon as it has painted.
    gc.disable()
    splash.show()
    try:
        from vita_tui.tui.start import run as run_app

        return run_app(resume, overrides, question)
    finally:
        splash.clear()
        guard.give_back()
