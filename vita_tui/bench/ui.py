"""How quick the screen is: key to paint while every engine is busy, first paint, ready to answer, and quitting.

The real program runs on a real pseudo-terminal. A key counts from the byte that is written to the terminal until the output that shows
it can be read.
"""

from __future__ import annotations

import contextlib
import os
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from vita_tui import paths
from vita_tui.bench.figures import about, spread
from vita_tui.bench.pseudo_terminal import PseudoTerminal
from vita_tui.errors import ModelError
from vita_tui.events import State
from vita_tui.tui.look import shown
from vita_tui.tui.splash import NAME

__all__ = ["TARGETS", "measure", "report"]

TARGETS = {"key_busy_ms": ("p95", 33.0), "first_paint_ms": ("p50", 400.0), "ready_ms": ("p50", 3000.0)}
"""Milliseconds that a figure should not exceed."""
LINE = 24
"""Keys before the prompt is emptied again."""
LETTERS = "".join(map(chr, (*range(0x0430, 0x0450), *range(0x03B1, 0x03C2), *range(0x0561, 0x0587))))
"""Letters that nothing else on the screen is written in: each shows by itself that its key was painted."""
EMPTY = "\x15"
"""ctrl+u: the prompt deletes to the start of its line."""
QUIT = "\x11"
WAIT_SECONDS = 60.0
BARE = """
import gc
gc.disable()
from textual.app import App
from textual.widgets import Static
class Bare(App):
    def compose(self):
        yield Static("◌ starting")
Bare().run()
"""
"""The smallest program that Textual draws: no other can paint sooner."""


def measure(
    rounds: int, keys: int, *, seed: int = 1, progress: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """Open the program `rounds` times for the times of starting and quitting; then press `keys` keys while it idles and while it works.

    Raises:
        ModelError: weights are missing: the program would fetch them first.
        VitaError: this system has no pseudo-terminals, or the program did not show what it should.
    """
    _check_weights()
    starts: list[dict[str, float]] = []
    with _home() as environment:
        for number in range(rounds):
            progress(f"start {number + 1} of {rounds}")
            starts.append(_start(environment))
        found = {}
        for how in ("idle", "busy"):
            progress(f"{keys} keys, {how}")
            found[how] = _keys(environment, how, keys, random.Random(seed))  # noqa: S311 - when a key is pressed is no secret
    return report(starts, found)


def report(starts: list[dict[str, float]], keys: dict[str, list[float]]) -> dict[str, Any]:
    """The figures with the raw ones, in milliseconds."""
    raw = {f"key_{how}_ms": values for how, values in keys.items()}
    raw |= {name: [one[name] for one in starts] for name in (starts[0] if starts else ())}
    figures = {name: spread(values) for name, values in raw.items() if values}
    return {
        "about": about("ui"),
        **figures,
        "targets": {
            name: {"figure": figure, "at_most": most, "met": figures[name][figure] <= most}
            for name, (figure, most) in TARGETS.items()
            if name in figures
        },
        "raw": {name: [round(value, 2) for value in values] for name, values in raw.items()},
    }


def _check_weights() -> None:
    from vita_tui import settings
    from vita_tui.tui.weights import ModelStore

    lacking = ModelStore().missing(settings.load())
    if lacking:
        names = " ".join(model.name for model in lacking)
        raise ModelError(f"Weights are not on this machine: {names}.", remedy=f"vita models pull {names}")


@contextlib.contextmanager
def _home() -> Iterator[dict[str, str]]:
    """An environment with the user's settings and models, but its own conversations, logs and prompts."""
    models, cache = paths.models_dir().resolve(), paths.cache_dir().resolve()
    settings = paths.config_file().resolve()
    with tempfile.TemporaryDirectory(prefix="vita-bench-", ignore_cleanup_errors=True) as folder:
        data = Path(folder) / "data"
        data.mkdir()
        if models.is_dir():
            (data / "models").symlink_to(models, target_is_directory=True)
        if cache.is_dir():
            (Path(folder) / "cache").symlink_to(cache, target_is_directory=True)
        environment = dict(os.environ, VITA_HOME=folder, VITA_CONFIG=str(settings), TERM="xterm-256color")
        for name in ("COLUMNS", "LINES"):
            environment.pop(name, None)
        yield environment


def _start(environment: dict[str, str]) -> dict[str, float]:
    """`vita` as a user opens it, asked one question, and left in the middle of the answer."""
    terminal = PseudoTerminal([sys.executable, "-m", "vita_tui"], environment)
    try:
        named = terminal.wait_for(NAME, WAIT_SECONDS)
        painted = terminal.wait_for(shown(State.INITIALIZING), WAIT_SECONDS)
        ready = terminal.wait_for(shown(State.IDLE), WAIT_SECONDS)
        seen = len(terminal.output)
        terminal.press("Tell me a long story about a ship.\r")
        terminal.wait_for(" thinking", WAIT_SECONDS, start=seen)
        terminal.settle(0.5)
        left = terminal.press(QUIT)
        ended = terminal.wait_for_end(WAIT_SECONDS)
    finally:
        terminal.close()
    bare = PseudoTerminal([sys.executable, "-c", BARE], environment)
    try:
        least = (bare.wait_for("◌ starting", WAIT_SECONDS) - bare.started) * 1000
    finally:
        bare.close()
    return {
        "name_ms": (named - terminal.started) * 1000,
        "first_paint_ms": (painted - terminal.started) * 1000,
        "bare_paint_ms": least,
        "ready_ms": (ready - terminal.started) * 1000,
        "quit_ms": (ended - left) * 1000,
    }


def _keys(environment: dict[str, str], how: str, count: int, moments: random.Random) -> list[float]:
    """Milliseconds from each key to its paint."""
    terminal = PseudoTerminal([sys.executable, "-m", "vita_tui.bench.ui_program", how], environment)
    times: list[float] = []
    try:
        terminal.wait_for(shown(State.SPEAKING if how == "busy" else State.IDLE), WAIT_SECONDS)
        terminal.settle(2.0)
        for number in range(count):
            if number and number % LINE == 0:
                terminal.press(EMPTY)
                terminal.settle(0.3)
            seen = len(terminal.output)
            letter = LETTERS[number % len(LETTERS)]
            pressed = terminal.press(letter)
            times.append((terminal.wait_for(letter, WAIT_SECONDS, start=seen) - pressed) * 1000)
            terminal.settle(moments.uniform(0.04, 0.16))
        terminal.press(QUIT)
        terminal.wait_for_end(WAIT_SECONDS)
    finally:
        terminal.close()
    return times
