"""What typer complains of repeats what was typed, and is cleaned."""

from __future__ import annotations

import sys

import pytest
import typer

from vita_tui.cli import usage
from vita_tui.cli.app import app

EVIL = "a\u202eb\x1b[31mc\x9b31m\u200b"


@pytest.mark.parametrize(
    "typed",
    [[f"--{EVIL}"], [EVIL], ["devices", f"--{EVIL}"], ["devices", EVIL], ["sessions", EVIL],
     ["sessions", "list", "--limit", EVIL], ["metrics", "--listen", EVIL], ["say"]],
    ids=["option", "command", "a command's option", "too much", "subcommand", "no number", "no port", "missing"],
)  # fmt: skip
def test_nothing_typed_reaches_the_terminal_raw(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: list[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["vita", *typed])
    assert usage.run(app) == 2
    said = capsys.readouterr()
    assert "Error: " in said.err
    assert not set("\u202e\x1b\x9b\u200b") & set(said.out + said.err)


@pytest.mark.parametrize(("how", "code"), [(typer.Exit(3), 3), (typer.Abort(), 1)])
def test_how_a_command_ends_is_kept(monkeypatch: pytest.MonkeyPatch, how: Exception, code: int) -> None:
    small = typer.Typer()

    @small.command()
    def end() -> None:
        raise how

    monkeypatch.setattr(sys, "argv", ["vita"])
    assert usage.run(small) == code
