"""The real program in a real terminal: tmux holds it, the test presses keys and reads the screen."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil

from tests.screen_words import shown
from vita_tui.events import State

__all__ = ["Terminal"]

PATIENCE = 60.0
"""Seconds until something that must happen has not happened: a limit, not a measure."""
_numbers = itertools.count(1)


class Terminal:
    """VITA in its own terminal."""

    def __init__(
        self,
        env: Mapping[str, str],
        home: Path,
        settings: Mapping[str, str],
        *,
        columns: int = 110,
        lines: int = 32,
    ) -> None:
        """
        Args:
            settings: `VITA_*` variables without that prefix.
        """
        self._socket = f"vita-test-{os.getpid()}-{next(_numbers)}"
        self.env = {
            **env,
            "VITA_HOME": str(home),
            **{f"VITA_{name}": value for name, value in settings.items()},
        }
        kept = {
            name: value
            for name, value in self.env.items()
            if name.startswith(("VITA_", "PULSE_", "XDG_")) or name == "HOME"
        }
        assignments = " ".join(f"{name}={shlex.quote(value)}" for name, value in kept.items())
        self._tmux(
            "new-session", "-d", "-s", "vita", "-x", str(columns), "-y", str(lines),
            f"env {assignments} TERM=xterm-256color {shlex.quote(sys.executable)} -m vita_tui; echo EXIT $?; sleep 600",
        )  # fmt: skip

    def _tmux(self, *arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-L", self._socket, "-f", "/dev/null", *arguments],
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def screen(self) -> str:
        """What is on the screen now."""
        return self._tmux("capture-pane", "-p", "-t", "vita")

    def press(self, *keys: str) -> None:
        """Press keys, in tmux's names (`C-Space`, `Escape`, `Enter`)."""
        self._tmux("send-keys", "-t", "vita", *keys)

    def type(self, text: str) -> None:
        self._tmux("send-keys", "-t", "vita", "-l", text)

    def wait(self, what: str | Callable[[str], bool], patience: float = PATIENCE) -> str:
        """Wait until `what` is on the screen, or is true of it; returns the screen."""
        seen = (lambda screen: what in screen) if isinstance(what, str) else what
        deadline = time.monotonic() + patience
        while not seen(screen := self.screen()):
            assert time.monotonic() < deadline, f"waited for {what!r}; the screen is\n{screen}"
            time.sleep(0.05)
        return screen

    def wait_ready(self) -> None:
        """Wait until every engine is loaded."""
        self.wait(lambda screen: shown(State.IDLE) in screen and "loading" not in screen)

    def state(self) -> str:
        """The state on the status line."""
        lines = self.screen().splitlines()[-3:]
        return next((state.value for line in lines for state in State if shown(state) in line), "")

    def processes(self, module: str = "vita_tui") -> list[psutil.Process]:
        """Processes of this program, its children included, that run `module` or one inside it."""
        home = self.env["VITA_HOME"]
        found = []
        for process in psutil.process_iter():
            try:
                if (
                    any(part.startswith(module) for part in process.cmdline())
                    and process.environ().get("VITA_HOME") == home
                ):
                    found.append(process)
            except (psutil.Error, ProcessLookupError):
                continue
        return found

    def turns(self) -> list[dict[str, Any]]:
        """The turns of the last conversation, as they are stored."""
        done = subprocess.run(
            [sys.executable, "-m", "vita_tui", "sessions", "show", "latest", "--json"],
            env=self.env, capture_output=True, text=True, check=True,
        )  # fmt: skip
        turns: list[dict[str, Any]] = json.loads(done.stdout)["turns"]
        return turns

    def quit(self) -> int:
        """Leave by the key; the exit code."""
        self.press("C-q")
        screen = self.wait("EXIT")
        return int(screen.split("EXIT", 1)[1].split()[0])

    def close(self) -> None:
        subprocess.run(["tmux", "-L", self._socket, "kill-server"], capture_output=True, check=False)
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                process.kill()
