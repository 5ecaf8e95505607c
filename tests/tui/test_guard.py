"""The process that gives the terminal back, before there is a screen."""

from __future__ import annotations

import os
import termios
from pathlib import Path

import pytest

from tests.health.shutdown import Program, processes_left

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")


@pytest.mark.parametrize("presses", [1, 5])
def test_the_key_that_quits_ends_what_is_still_being_imported(tmp_path: Path, presses: int) -> None:
    program = Program(tmp_path, os.environ, {}, module="tests.tui.importing")
    try:
        before = termios.tcgetattr(program.terminal)
        program.wait("is starting")
        program.press(b"\x11" * presses)
        assert program.end() == 0
        assert termios.tcgetattr(program.terminal) == before
        assert program.raw().rindex(b"\x1b[?1049l") > program.raw().rindex(b"\x1b[?1049h")
        assert processes_left(tmp_path) == []
    finally:
        program.close()
