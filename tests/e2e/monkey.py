"""A monkey at the keyboard: presses every key in every state, in random order, on the real program while replies really sound.

`python -m tests.e2e.monkey [--presses N] [--seed S ...]` runs it by hand; what it pressed last is in the report when it finds something.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import random
import signal
import struct
import sys
import tempfile
import termios
import time
from collections import deque
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.conftest import answering
from tests.lending import lend_weights
from tests.screen_words import shown
from vita_tui.bench.pseudo_terminal import PseudoTerminal
from vita_tui.errors import EngineError
from vita_tui.events import State

__all__ = ["Report", "let_loose"]

REPLY = (
    "# Gulls\n\nGulls are **clever** birds. They open shells, and they remember `faces`.\n\n- They nest on cliffs.\n- They glide.\n\n"
    "| bird | size |\n|---|---|\n| gull | 60 cm |\n\n```python\nprint('gull')\n```\n\nThat is all that there is to say about gulls today."
)
SIZES = ((110, 32), (80, 24), (40, 10), (200, 50), (160, 50), (6, 3), (1, 1), (60, 15), (0, 0), (99, 13))
CONTAINED = "vita_tui.tui.containment"
"""Who logs what went wrong on the screen."""
EVERY = 250
"""Presses between two looks at whether it still answers."""
PATIENCE = 60.0
"""Seconds until a program that does not answer is stuck: a limit, not a measure."""
CONTROL = [chr(code) for code in range(1, 27) if chr(code) not in "\x11\x13"]
"""ctrl+a to ctrl+z, without the key that quits and the one that stops a terminal."""
SPECIAL = [
    *(f"\x1b[{letter}" for letter in "ABCDHFZ"),  # arrows, home, end, shift+tab
    *(f"\x1b[1;{modifier}{letter}" for modifier in "2356" for letter in "ABCDHF"),
    *(f"\x1bO{letter}" for letter in "PQRS"),  # f1 to f4
    *(f"\x1b[{number}~" for number in (2, 3, 5, 6, 15, 17, 18, 19, 20, 21, 23, 24)),
    "\x1b", "\x1b", "\x7f", "\x00", "\x00", "\r", "\t", "\x1b\r", "\x1bb", "\x1bf",
    "\x1b[I", "\x1b[O", "\x1b[99;5u", "\x1b[32;5:3u", "\x1b[13;2u",
]  # fmt: skip
TEXTS = [
    "what are gulls",
    "[red]x[/]",
    "日本語",
    "👩‍👩‍👧",
    "🇩🇪",
    "e\u0301",
    "/help",
    "<b>",
    "\\",
    "a" * 300,
    "-",
    "  ",
]


@dataclass(slots=True)
class Report:
    """What one monkey did and found."""

    seed: int
    presses: int = 0
    restarts: int = 0
    """How often it chose to quit, by the palette."""
    found: list[str] = field(default_factory=list)
    passed_over: int = 0
    """Lines about what Textual raised of itself, and about screens that were gone."""

    def __str__(self) -> str:
        what = "\n".join(self.found) or "nothing"
        return f"monkey: seed {self.seed}, {self.presses} presses, {self.restarts} times left and opened again, {self.passed_over} lines of no account, found: {what}"


class _Monkey:
    def __init__(self, seed: int, environment: Mapping[str, str], home: Path) -> None:
        self._random = random.Random(seed)
        self._environment = environment
        self._log = home / "state" / "log" / "vita.log"
        self._last: deque[str] = deque(maxlen=40)
        self._report = Report(seed)
        self._token = 0

    def run(self, presses: int) -> Report:
        terminal = self._open()
        try:
            while self._report.presses < presses and not self._report.found:
                try:
                    self._press(terminal)
                    if self._report.presses % EVERY == 0:
                        self._look(terminal)
                except (EngineError, OSError):
                    terminal = self._ended(terminal)
            if not self._report.found:
                self._leave(terminal)
        finally:
            terminal.close()
        self._read_log()
        return self._report

    def _open(self) -> PseudoTerminal:
        terminal = PseudoTerminal(
            # What it exports goes to its own folder.
            ["env", "-C", self._environment["VITA_HOME"], sys.executable, "-m", "vita_tui"],
            self._environment,
            size=SIZES[0],
        )
        terminal.wait_for(shown(State.IDLE), PATIENCE)
        return terminal

    def _press(self, terminal: PseudoTerminal) -> None:
        chance = self._random.random
        if chance() < 0.02:
            size = self._random.choice(SIZES)
            self._last.append(f"resize {size}")
            self._resize(terminal, size)
        else:
            keys = self._keys()
            self._last.append(repr(keys))
            terminal.press(keys)
        self._report.presses += 1
        # Reading is the wait: the program is as quick as it is, and a monkey now and then stops to look.
        terminal.settle(self._random.choice((0.0, 0.0, 0.005, 0.02, 0.05)))

    def _keys(self) -> str:
        choice, chance = self._random.choice, self._random.random()
        if chance < 0.12:
            return choice(["what are gulls", "hi", "tell me more"]) + "\r"
        if chance < 0.2:
            return "\x0e"  # a new conversation
        if chance < 0.35:
            return choice(CONTROL)
        if chance < 0.65:
            return choice(SPECIAL)
        if chance < 0.72:
            return f"\x1b[200~{choice(TEXTS)}\n{choice(TEXTS)}\x1b[201~"
        if chance < 0.75:
            return f"{choice(TEXTS)}\r{choice(TEXTS)}\r{choice(TEXTS)}"
        if chance < 0.88:
            return self._mouse()
        return choice(TEXTS)

    def _mouse(self) -> str:
        column, row = self._random.randrange(1, 200), self._random.randrange(1, 50)
        button = self._random.choice((0, 0, 0, 1, 2, 32, 35, 64, 65))
        pressed = f"\x1b[<{button};{column};{row}M"
        return pressed if button >= 32 else f"{pressed}\x1b[<{button};{column};{row}m"

    def _resize(self, terminal: PseudoTerminal, size: tuple[int, int]) -> None:
        columns, rows = size
        fcntl.ioctl(terminal._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        os.killpg(terminal._child.pid, signal.SIGWINCH)

    def _look(self, terminal: PseudoTerminal) -> None:
        """It is stuck when what is put into the prompt is never seen, whatever screens are open."""
        self._resize(terminal, SIZES[0])
        self._token += 1
        token = f"zq{self._token:04}qz"
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            start = len(terminal.output)
            terminal.press("\x1b")
            terminal.settle(0.3)
            terminal.press("\x1b")
            terminal.settle(0.3)
            terminal.press(f"\x1b[200~\n{token}\x1b[201~")
            try:
                terminal.wait_for(token, 3.0, start=start)
            except EngineError as error:
                if "has ended" in str(error):
                    raise
                continue
            terminal.press("\x15")  # away with it
            del terminal.output[:-4096]
            return
        self._find(f"stuck: {token} is not seen in the prompt; last on the screen {terminal.output[-600:]!r}")

    def _ended(self, terminal: PseudoTerminal) -> PseudoTerminal:
        """The palette has an entry that quits; any other end is a find."""
        code = terminal._child.wait(timeout=PATIENCE)
        if code != 0:
            self._find(f"ended with {code}: {terminal.output[-600:]!r}")
            return terminal
        terminal.close()
        self._report.restarts += 1
        self._last.append("left, and opened again")
        return self._open()

    def _leave(self, terminal: PseudoTerminal) -> None:
        terminal.press("\x11")
        try:
            terminal.wait_for_end(PATIENCE)
        except EngineError as error:
            self._find(str(error))
            return
        if terminal._child.returncode != 0:
            self._find(f"left with {terminal._child.returncode}")

    def _find(self, what: str) -> None:
        self._report.found.append(f"{what}\nlast pressed: {' '.join(self._last)}")

    def _read_log(self) -> None:
        lines = self._log.read_text(errors="replace").splitlines() if self._log.exists() else []
        for number, line in enumerate(lines):
            told = lines[number - 1] if number and line.startswith("Traceback") else line
            if CONTAINED in told and " ERROR " not in told:
                # Textual's own, which cost that key, or of a screen that was gone: counted.
                self._report.passed_over += CONTAINED in line
            elif line.startswith("Traceback") or CONTAINED in line:
                self._find("in the log:\n" + "\n".join(lines[max(0, number - 2) : number + 45]))
                return


def let_loose(seed: int, presses: int, environment: Mapping[str, str] = os.environ) -> Report:
    """Let one monkey press keys in its own home.

    Args:
        environment: where the sound goes, for one.
    """
    with ExitStack() as stage:
        folder = stage.enter_context(
            tempfile.TemporaryDirectory(prefix="vita-monkey-", ignore_cleanup_errors=True)
        )
        home = Path(folder) / "home"
        lend_weights(home)
        url = stage.enter_context(answering(REPLY))
        settings = {
            "VITA_HOME": str(home),
            "VITA_LLM__BASE_URL": url,
            "VITA_LLM__MODEL": "fake",
            "VITA_STT__MODEL": "tiny.en",
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "VISUAL": "true",  # ctrl+g: an editor that leaves the text as it is
        }
        return _Monkey(seed, {**environment, **settings}, home).run(presses)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--presses", type=int, default=2000)
    parser.add_argument("--seed", type=int, action="append")
    arguments = parser.parse_args()
    from tests.virtual_audio import virtual_audio

    found = False
    with virtual_audio() as audio:
        for seed in arguments.seed or [random.randrange(1_000_000)]:
            report = let_loose(seed, arguments.presses, audio.env)
            print(report, flush=True)
            found = found or bool(report.found)
    return int(found)


if __name__ == "__main__":
    sys.exit(main())
