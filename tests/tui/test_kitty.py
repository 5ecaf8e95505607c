"""The talk key in a real terminal that reports key releases: kitty, on a display that nobody sees."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from vita_tui import paths

NEEDED = ("kitty", "Xvfb", "xdotool")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not all(map(shutil.which, NEEDED)),
        reason=f"needs {', '.join(NEEDED)}: scripts/setup --dev",
    ),
]
PATIENCE = 60.0


class Kitty:
    """The program in its own window."""

    def __init__(self, folder: Path) -> None:
        self._told = paths.data_dir() / "told"
        self._told.parent.mkdir(parents=True, exist_ok=True)
        read, write = os.pipe()
        self._display = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write), "-screen", "0", "1000x700x24"],
            pass_fds=(write,),
            stderr=subprocess.DEVNULL,
        )
        os.close(write)
        with os.fdopen(read) as answer:
            number = answer.readline().strip()
        self.env = {**os.environ, "DISPLAY": f":{number}", "LIBGL_ALWAYS_SOFTWARE": "1", "HOME": str(folder)}
        self._terminal = subprocess.Popen(
            ["kitty", "--config", "NONE", sys.executable, "-m", "tests.tui.program", "telling"],
            env=self.env,
            cwd=ROOT,
            stderr=subprocess.DEVNULL,
        )

    def do(self, *words: str) -> None:
        subprocess.run(["xdotool", *words], env=self.env, check=True, stdout=subprocess.DEVNULL)

    @property
    def told(self) -> list[str]:
        return self._told.read_text().splitlines() if self._told.exists() else []

    def until(self, *wanted: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while self.told != list(wanted):
            assert self._terminal.poll() is None, "the terminal has ended"
            assert time.monotonic() < deadline, f"{self.told}, not {wanted}"
            time.sleep(0.05)

    def close(self) -> None:
        for process in (self._terminal, self._display):
            process.terminate()
            process.wait(60)


@pytest.fixture
def kitty(tmp_path: Path) -> Iterator[Kitty]:
    opened = Kitty(tmp_path)
    try:
        opened.until("idle")
        opened.do("search", "--sync", "--class", "kitty", "windowfocus", "--sync")
        yield opened
    finally:
        opened.close()


def test_it_records_while_the_key_is_held(kitty: Kitty) -> None:
    kitty.do("keydown", "ctrl", "keydown", "space")
    kitty.until("idle", "listening")
    time.sleep(1.0)  # it is held, and repeats
    assert kitty.told == ["idle", "listening"]
    kitty.do("keyup", "space", "keyup", "ctrl")
    kitty.until("idle", "listening", "idle")
    # Control comes up first.
    kitty.do("keydown", "ctrl", "keydown", "space")
    kitty.until("idle", "listening", "idle", "listening")
    time.sleep(0.5)
    kitty.do("keyup", "ctrl", "sleep", "0.3", "keyup", "space")
    kitty.until("idle", "listening", "idle", "listening", "idle")


def test_a_tap_leaves_it_open(kitty: Kitty) -> None:
    kitty.do("key", "--delay", "10", "ctrl+space")
    kitty.until("idle", "listening", "let go")
    kitty.do("key", "--delay", "10", "ctrl+space")
    kitty.until("idle", "listening", "let go", "idle")


def test_a_lost_focus_ends_it(kitty: Kitty) -> None:
    other = subprocess.Popen(
        ["kitty", "--config", "NONE", "sleep", "60"], env=kitty.env, stderr=subprocess.DEVNULL
    )
    try:
        time.sleep(3)
        kitty.do("search", "--class", "kitty", "windowfocus", "--sync")
        kitty.do("keydown", "ctrl", "keydown", "space")
        kitty.until("idle", "listening")
        time.sleep(0.5)
        windows = subprocess.run(
            ["xdotool", "search", "--class", "kitty"],
            env=kitty.env,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        kitty.do("windowfocus", "--sync", windows[-1])
        kitty.until("idle", "listening", "idle")
        kitty.do("keyup", "space", "keyup", "ctrl")
    finally:
        other.terminate()
        other.wait()
