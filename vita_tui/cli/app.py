"""The `vita` command: opens the assistant, or runs one of the commands beside it.

Data goes to stdout, talk to stderr. Exit codes: 0 done, 1 it did not work, 2 usage or settings, 3 an engine or a device,
130 interrupted. Commands import what is heavy inside themselves, so that `vita --help` stays quick.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from vita_tui import __version__
from vita_tui.cli import (
    ask,
    bench,
    calibrate,
    cleanup,
    config,
    devices,
    doctor,
    metrics,
    models,
    say,
    sessions,
    transcribe,
    turn,
)
from vita_tui.cli.output import complain

__all__ = ["app"]

app = typer.Typer(
    name="vita",
    help="A voice assistant that lives in your terminal. Press a key, speak, and hear the answer: offline, on two cores.",
    epilog="Without a command, vita opens the assistant. Start with: vita doctor",
    no_args_is_help=False,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("ask")(ask.ask)
app.command("say")(say.say)
app.command("transcribe")(transcribe.transcribe)
app.command("turn")(turn.turn)
app.command("devices")(devices.devices)
app.command("doctor")(doctor.doctor)
app.command("calibrate")(calibrate.calibrate)
app.add_typer(config.app, name="config")
app.add_typer(models.app, name="models")
app.add_typer(sessions.app, name="sessions")
app.command("metrics")(metrics.metrics)
app.add_typer(bench.app, name="bench")
app.command("cleanup")(cleanup.cleanup)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"vita {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def open_assistant(
    context: typer.Context,
    text: Annotated[bool, typer.Option("--text", help="Show replies without speaking them.")] = False,
    resume: Annotated[
        str,
        typer.Option(
            "--resume", metavar="ID", help="Go on with an earlier conversation; 'latest' for the last."
        ),
    ] = "",
    config_file: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="Settings file to use instead of your own."),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version and exit.")
    ] = False,
) -> None:
    """A voice assistant that lives in your terminal.

    Press a key, speak, and hear the answer: offline, on two cores.
    """
    if config_file is not None:
        if not config_file.is_file():
            raise typer.BadParameter(f"there is no file {config_file}", param_hint="--config")
        os.environ["VITA_CONFIG"] = str(config_file)
    if context.invoked_subcommand is not None:
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        complain("VITA's screen needs a terminal.", "Use a command instead, such as: vita ask TEXT")
        raise typer.Exit(2)
    from vita_tui.tui import run

    overrides = {"audio": {"speak": False}} if text else {}
    raise typer.Exit(run(resume=resume or None, overrides=overrides))
