"""VITA's name before Textual is there: it is shown, taken over, and never left behind."""

from __future__ import annotations

import contextlib
import os
import sys

import pytest

from tests.conftest import ROOT
from tests.screen_words import shown
from vita_tui.bench.pseudo_terminal import PseudoTerminal
from vita_tui.errors import EngineError
from vita_tui.events import State

ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"


def output(code: str, *, quit_at: str = "", term: str = "xterm-256color") -> bytes:
    """What a program writes on a terminal of 40 by 10 until it ends, by ctrl+q once `quit_at` is on the screen."""
    environment = {**os.environ, "TERM": term, "PYTHONPATH": str(ROOT)}
    terminal = PseudoTerminal([sys.executable, "-c", code], environment, size=(40, 10))
    try:
        if quit_at:
            terminal.wait_for(quit_at, 60.0)
            terminal.press("\x11")
        terminal.wait_for_end(30.0)
        with contextlib.suppress(EngineError):  # all is read
            terminal.settle(0.2)
    finally:
        terminal.close()
    return bytes(terminal.output)


def test_the_name_is_in_the_middle_and_goes_without_a_trace() -> None:
    seen = output("from vita_tui.tui import splash; splash.show(); splash.clear(); splash.clear()")
    assert seen.count(ENTER) == seen.count(LEAVE) == 1
    assert seen.index(ENTER) < seen.index(b"\x1b[5;13H") < seen.index(b"VITA") < seen.index(LEAVE)
    assert seen.index(b"\x1b[?25l") < seen.index(b"\x1b[?25h")


def test_textual_takes_the_screen_over() -> None:
    code = "from vita_tui.tui import splash; splash.show(); from tests.tui.program import main; main(); splash.clear()"
    seen = output(code, quit_at=shown(State.IDLE))
    assert seen.index(b"VITA") < seen.index(shown(State.IDLE).encode())
    assert seen.count(LEAVE) == 1


def test_when_the_screen_cannot_be_opened_the_terminal_is_as_it_was() -> None:
    code = "import sys; sys.modules['textual'] = None; from vita_tui.tui import run; run()"
    seen = output(code)
    assert seen.index(b"VITA") < seen.index(LEAVE) < seen.index(b"ModuleNotFoundError")


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_terminal_that_would_not_understand_is_spared(term: str) -> None:
    code = "from vita_tui.tui import splash; splash.show(); splash.clear(); print('done')"
    assert output(code, term=term).split() == [b"done"]
