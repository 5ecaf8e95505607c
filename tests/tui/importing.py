"""VITA between its name on the screen and Textual, for ever: to be run in a terminal by `python -m tests.tui.importing`."""

from __future__ import annotations

import threading

from vita_tui.tui import guard, splash

if __name__ == "__main__":
    guard.stand_guard()
    splash.show()
    threading.Event().wait()
