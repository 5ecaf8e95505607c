"""Words behind `vita` that are no command: asked on the screen, answered without a terminal; by the rows of `no_command.toml`."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.forked import run_vita
from tests.tui.driving import running, until
from tests.tui.scripted import ScriptedCore
from vita_tui.cli import no_command, usage
from vita_tui.cli.app import app

CASES: dict[str, list[dict[str, Any]]] = tomllib.loads(
    Path(__file__).with_name("no_command.toml").read_text(encoding="utf-8")
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the conversation was begun with, if it was."""
    opened: list[str] = []

    def converse(*_: object, question: str = "", **__: object) -> int:
        opened.append(question)
        return 0

    monkeypatch.setattr(no_command, "converse", converse)
    monkeypatch.setattr("vita_tui.cli.app.converse", converse)
    monkeypatch.setattr("vita_tui.cli.ask.ask", opened.append)
    for variable in ("VITA_LLM__MODEL", "VITA_UI__THEME"):
        monkeypatch.setenv(variable, "")  # and so put back, for the command line sets them
    return opened


@pytest.mark.parametrize("case", CASES["typed"], ids=lambda case: " ".join(case["words"]) or "nothing")
def test_what_is_no_command_is_asked(
    monkeypatch: pytest.MonkeyPatch, asked: list[str], case: dict[str, Any]
) -> None:
    monkeypatch.setattr(sys, "argv", ["vita", *case["words"]])
    usage.run(app)
    assert [question for question in asked if question] == ([case["asked"]] if case["asked"] else [])


def test_a_word_that_is_no_command_is_told_how_to_ask(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], asked: list[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["vita", "lisen", "to me"])
    assert usage.run(app) == 2
    said = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert "No such command 'lisen'" in said
    assert "vita ask 'lisen to me'" in said
    assert asked == []


def test_without_a_terminal_it_is_answered(home: Path) -> None:
    done = run_vita("what is", "2+2", env={"VITA_HOME": str(home)})
    assert (done.returncode, done.stderr) == (0, "")
    assert "4" in done.stdout


def test_a_conversation_that_is_resumed_keeps_it(home: Path) -> None:
    env = {"VITA_HOME": str(home), "VITA_AUDIO__SPEAK": "false"}
    done = run_vita("--resume", "latest", "what is 2+2", env=env, input="never read")
    assert "4" in done.stdout
    done = run_vita("--resume", "latest", "what is 3+4", env=env, input="never read")
    assert "7" in done.stdout
    shown = run_vita("sessions", "show", "latest", env=env)
    assert "2+2" in shown.stdout
    assert "3+4" in shown.stdout


async def test_the_screen_opens_with_the_question(home: Path) -> None:
    core = ScriptedCore()
    async with running(core, question="What is new?") as (program, pilot):
        await until(pilot, lambda: core.asked == ["What is new?"])
        await pilot.press("up")
        from vita_tui.tui.widgets.prompt import Prompt

        assert program.main.query_one(Prompt).text == "What is new?"
