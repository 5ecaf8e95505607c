"""`vita bench`: measure VITA on this machine, with its own parts."""

from __future__ import annotations

from collections.abc import Callable

import typer

from vita_tui.cli.bench import program, speech, turns

__all__ = ["app"]

app = typer.Typer(
    help="Measure recognition, whole turns, memory and the screen on this machine; tell a change from noise.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

COMMANDS: dict[str, Callable[..., None]] = {
    "stt": speech.stt,
    "spoken": speech.spoken,
    "endpoint": speech.endpoint,
    "turn": turns.turn,
    "ask": turns.ask,
    "ui": program.ui,
    "memory": program.memory,
    "serve": program.serve,
    "answers": turns.answers,
    "abilities": turns.abilities,
    "growth": turns.growth,
    "compare": program.compare,
    "ablations": turns.ablations_,
}
for name, command in COMMANDS.items():
    app.command(name)(command)
