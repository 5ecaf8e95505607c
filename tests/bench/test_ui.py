"""What `vita bench ui` does with a terminal, and what it reports: structure and counts, never times."""

from __future__ import annotations

import json
import os
import random
import sys

import pytest

from tests.screen_words import shown
from vita_tui.bench import ui
from vita_tui.bench.pseudo_terminal import PseudoTerminal
from vita_tui.errors import EngineError, ModelError
from vita_tui.events import State

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")

ECHO = """
import sys, tty
tty.setraw(0)
print("\\x1b[2J ○ ready", flush=True)
while (key := sys.stdin.read(1)) != "\\x11":
    print(f"<{key}>", end="", flush=True)
"""


def program(code: str) -> PseudoTerminal:
    return PseudoTerminal([sys.executable, "-c", code], dict(os.environ))


def test_a_key_counts_until_it_is_painted() -> None:
    terminal = program(ECHO)
    try:
        ready = terminal.wait_for(shown(State.IDLE), 60)
        assert ready > terminal.started
        for letter in "жω":
            seen = len(terminal.output)
            pressed = terminal.press(letter)
            assert terminal.wait_for(f"<{letter}>", 60, start=seen) > pressed
        left = terminal.press(ui.QUIT)
        assert terminal.wait_for_end(60) > left
    finally:
        terminal.close()


def test_a_program_that_ends_is_reported_with_its_last_words() -> None:
    terminal = program("print('I am broken')")
    try:
        with pytest.raises(EngineError, match="I am broken"):
            terminal.wait_for(shown(State.IDLE), 60)
    finally:
        terminal.close()


def test_what_is_not_painted_is_reported() -> None:
    terminal = program("input('here')")
    try:
        terminal.wait_for("here", 60)
        with pytest.raises(EngineError, match="did not show 'there'"):
            terminal.wait_for("there", 0.1)
    finally:
        terminal.close()


def test_the_letters_are_each_their_own() -> None:
    assert len(set(ui.LETTERS)) == len(ui.LETTERS) > ui.LINE
    assert not set(ui.LETTERS) & set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


def test_the_report_holds_figures_to_their_targets() -> None:
    starts = [{"first_paint_ms": 300.0, "ready_ms": 4000.0, "quit_ms": 500.0}] * 3
    result = ui.report(starts, {"idle": [8.0] * 20, "busy": [10.0] * 18 + [60.0] * 2})
    assert {name: one["met"] for name, one in result["targets"].items()} == {
        "key_busy_ms": False,
        "first_paint_ms": True,
        "ready_ms": False,
    }
    assert result["key_idle_ms"] == {"p50": 8.0, "p95": 8.0, "max": 8.0}
    assert len(result["raw"]["key_busy_ms"]) == 20
    json.dumps(result)


def test_without_weights_it_is_said_what_to_fetch() -> None:
    with pytest.raises(ModelError) as raised:
        ui.measure(1, 1)
    assert raised.value.remedy.startswith("vita models pull smollm2-135m-instruct")


@pytest.mark.models
@pytest.mark.slow
def test_keys_are_painted_while_every_engine_works(monkeypatch: pytest.MonkeyPatch) -> None:
    terminals: list[PseudoTerminal] = []

    class Watched(PseudoTerminal):
        def __init__(self, command: list[str], environment: dict[str, str]) -> None:
            super().__init__(command, environment)
            terminals.append(self)

    monkeypatch.setattr(ui, "PseudoTerminal", Watched)
    with ui._home() as environment:
        times = ui._keys(environment, "busy", ui.LINE + 3, random.Random(1))
    (terminal,) = terminals
    painted = terminal.output.decode(errors="replace")
    pressed = ui.LETTERS[: ui.LINE + 3]
    assert len(times) == len(pressed)
    positions = [painted.find(letter) for letter in pressed]
    assert -1 not in positions, "a key that counts was never painted"
    assert positions == sorted(positions), "a key was painted before one that was pressed earlier"
