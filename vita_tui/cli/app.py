"""The `vita` command: opens the assistant, or runs one of the commands beside it.

Data goes to stdout, talk to stderr. Exit codes: 0 done, 1 it did not work, 2 usage or settings, 3 an engine or a device,
130 interrupted. Commands import what is heavy inside themselves, so that `vita --help` stays quick.
"""

from __future__ import annotations

import os
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
    ctl,
    devices,
    doctor,
    listen,
    mcp,
    metrics,
    models,
    no_command,
    say,
    serve,
    sessions,
    transcribe,
    turn,
    words,
)
from vita_tui.cli.chat_or_screen import converse
from vita_tui.cli.output import echo
from vita_tui.text.clean import clean_name

__all__ = ["app"]

app = typer.Typer(
    name="vita",
    cls=no_command.CommandsOrQuestion,
    help="A voice assistant that lives in your terminal. Press a key, speak, and hear the answer: offline, on two cores.",
    epilog='Without a command, vita opens the assistant; vita "What is new?" opens it with a question. Start with: vita doctor',
    no_args_is_help=False,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # Rich would take twice the time that the help itself does
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("ask", short_help="Ask one question; the answer streams to stdout.")(ask.ask)
app.command("say", short_help="Speak a text, aloud or into a file.")(say.say)
app.command("listen", short_help="Print what is said into the microphone.")(listen.listen)
app.command("transcribe", short_help="Print what is said in audio and video files.")(transcribe.transcribe)
app.command("turn", short_help="One whole voice turn with files, and its timings.")(turn.turn)
app.command("devices", short_help="List microphones and speakers.")(devices.devices)
app.command("doctor", short_help="Check every part, and show the fix for each that fails.")(doctor.doctor)
app.command("calibrate", short_help="Measure echo and noise, choose how to use the microphone.")(
    calibrate.calibrate
)
app.add_typer(ctl.app, name="ctl", short_help="Drive the VITA that runs: talk, stop, pause, say, ask.")
app.add_typer(config.app, name="config", short_help="Settings: show them, find them, start a file.")
app.add_typer(
    mcp.app, name="mcp", short_help="Model Context Protocol: a voice for agents, tools for the model."
)
app.add_typer(models.app, name="models", short_help="Weights: list, fetch, check, find and delete them.")
app.add_typer(words.app, name="words", short_help="Names and words of yours that recognition prefers.")
app.add_typer(
    sessions.app, name="sessions", short_help="Conversations: list, search, resume, export, delete."
)
app.command("serve", short_help="Lend the engines of this machine to other programs.")(serve.serve)
app.command("metrics", short_help="Where the time goes and what fails, over a day.")(metrics.metrics)
app.add_typer(bench.app, name="bench", short_help="Measure VITA on this machine.")
app.command(no_command.QUESTION, hidden=True)(no_command.question)
app.command("cleanup", short_help="Remove what a crash left behind.")(cleanup.cleanup)


def _version(wanted: bool) -> None:
    if wanted:
        echo(f"vita {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def open_assistant(
    context: typer.Context,
    text: Annotated[bool, typer.Option("--text", help="Show replies without speaking them.")] = False,
    plain: Annotated[
        bool,
        typer.Option(
            "--plain",
            help="Line by line, without a screen and without escape codes: for screen readers. So it is in pipes and where TERM=dumb.",
        ),
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="The same as --text.")] = False,
    resume: Annotated[
        str,
        typer.Option(
            "--resume", metavar="ID", help="Continue an earlier conversation; 'latest' for the last."
        ),
    ] = "",
    config_file: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="Settings file to use instead of your own."),
    ] = None,
    profile: Annotated[
        str, typer.Option("--profile", metavar="NAME", help="Use a profile of the settings file.")
    ] = "",
    model: Annotated[
        str, typer.Option("--model", "-m", metavar="MODEL", help="Language model, instead of llm.model.")
    ] = "",
    theme: Annotated[
        str, typer.Option("--theme", metavar="NAME", help="Colours of the screen, instead of ui.theme.")
    ] = "",
    server: Annotated[
        str,
        typer.Option(
            "--server",
            metavar="URL",
            help="Have another VITA (vita serve) recognise, answer and speak, such as http://box.lan:8770.",
        ),
    ] = "",
    server_key_file: Annotated[
        Path | None,
        typer.Option("--server-key-file", metavar="FILE", help="File with the key of that server."),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """A voice assistant that lives in your terminal.

    Press a key, speak, and hear the answer: offline, on two cores.
    """
    if config_file is not None:
        if not config_file.is_file():
            raise typer.BadParameter(f"there is no file {clean_name(config_file)}", param_hint="--config")
        os.environ["VITA_CONFIG"] = str(config_file)
    # As variables they count for the commands as well: vita --profile NAME ask.
    given = {"VITA_PROFILES__USE": profile, "VITA_LLM__MODEL": model, "VITA_UI__THEME": theme}
    os.environ.update({variable: value for variable, value in given.items() if value})
    if server_key_file is not None and not (server and server_key_file.is_file()):
        why = f"there is no file {clean_name(server_key_file)}" if server else "it needs --server"
        raise typer.BadParameter(why, param_hint="--server-key-file")
    if server:
        from vita_tui.settings.another_vita import variables

        os.environ.update(variables(server, str(server_key_file.resolve()) if server_key_file else ""))
    if context.invoked_subcommand is not None:
        return
    raise typer.Exit(converse(resume or None, silent=text or quiet, lines=plain))
