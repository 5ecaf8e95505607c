"""`vita ctl`: drives the VITA that runs, from another terminal, a script, or a key of the window manager."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from vita_tui.cli.output import echo, print_json, write
from vita_tui.cli.text_input import text_argument

__all__ = ["app"]

app = typer.Typer(
    name="ctl",
    help="Drive the VITA that runs: from another terminal, a script, or a key of the window manager.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

ProcessOption = Annotated[
    int | None,
    typer.Option(
        "--process", metavar="PID", help="Which VITA, where several run; otherwise the one started last."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="The answer as JSON.")]
TextArgument = Annotated[
    str, typer.Argument(metavar="TEXT", help="The text; '-' reads it from standard input.")
]


def _have(process: int | None, word: str, argument: Any = None, *, serves: bool = False, **more: Any) -> Any:
    """The answer of the running VITA, or of the running server.

    Raises:
        VitaError: none runs, or what it says itself.
    """
    from vita_tui.cli.running import have, running
    from vita_tui.errors import VitaError

    program = running(process, serves=serves)
    if program is None:
        what = "server" if serves else "VITA"
        who = f"No {what} is running" if process is None else f"Process {process} is no running {what}"
        raise VitaError(f"{who}.", remedy=f"Start it in a terminal: vita{' serve' if serves else ''}")
    return have(program, word, argument, **more)


@app.command("talk", short_help="The talk key: open the microphone, or send what was said.")
def talk(process: ProcessOption = None) -> None:
    """Press the talk key: the microphone opens; pressed again, or after a pause, what was said is sent."""
    _have(process, "talk")


@app.command("stop", short_help="The escape key: silence, and end what is being done.")
def stop(process: ProcessOption = None) -> None:
    """Press escape: what rings, is said or recorded ends."""
    _have(process, "stop")


@app.command("mute", short_help="Show replies without speaking them, or speak them again.")
def mute(
    switch: Annotated[str, typer.Argument(metavar="[on|off]", help="Otherwise the other of the two.")] = "",
    process: ProcessOption = None,
) -> None:
    """Speak nothing from now on, or speak again; what is written stays as it is."""
    if switch not in ("", "on", "off"):
        raise typer.BadParameter("say on or off", param_hint="[on|off]")
    given = {"": None, "on": True, "off": False}[switch]
    answer = _have(process, "mute", given)
    echo("Replies are spoken." if answer["speaks"] else "Replies are shown only.")


@app.command("pause", short_help="Fall silent, to go on later.")
def pause(
    toggle: Annotated[
        bool, typer.Option("--toggle", help="Go on if it is paused, as a media key does.")
    ] = False,
    process: ProcessOption = None,
) -> None:
    """Fall silent in the middle of a reply; resume goes on with the word that was cut."""
    paused = toggle and _have(process, "status")["paused"]
    _have(process, "resume" if paused else "pause")


@app.command("resume", short_help="Go on with the word at which it was paused.")
def resume(process: ProcessOption = None) -> None:
    """Go on with the word at which the reply was paused."""
    _have(process, "resume")


@app.command("skip", short_help="Go on with the next sentence.")
def skip(process: ProcessOption = None) -> None:
    """Leave out the rest of the sentence that is being said; it stays on the screen and in the conversation."""
    _have(process, "skip")


@app.command("back", short_help="Say the sentence again.")
def back(process: ProcessOption = None) -> None:
    """Say the present sentence again, or the one before it when this one has just begun."""
    _have(process, "back")


@app.command("say", short_help="Say a text, behind what is being said.")
def say(
    text: TextArgument,
    language: Annotated[
        str, typer.Option("--language", metavar="CODE", help="Language of TEXT, such as de.")
    ] = "",
    process: ProcessOption = None,
) -> None:
    """Have the running VITA say TEXT; returns when it was said, with 1 when it was interrupted."""
    words = text_argument(text, empty="there is nothing to say")
    if not _have(process, "say", {"text": words, "language": language})["heard"]:
        raise typer.Exit(1)


@app.command("ask", short_help="Ask a question in the running conversation.")
def ask(text: TextArgument, json: JsonOption = False, process: ProcessOption = None) -> None:
    """Ask a question in the conversation that is open there, and print the answer as it is written; it is spoken there."""
    question = text_argument(text, empty="there is no question")
    printed: list[str] = []

    def show(event: dict[str, str]) -> None:
        if not json and "delta" in event:
            printed.append(event["delta"])
            write(event["delta"])

    answer = _have(process, "ask", {"text": question}, on_event=show)
    if json:
        print_json({"question": question, **answer})
        return
    echo("" if "".join(printed) else answer["reply"])


@app.command("status", short_help="What it is doing.")
def status(json: JsonOption = False, process: ProcessOption = None) -> None:
    """Print what the running VITA is doing: a line for each figure, or JSON."""
    answer = _have(process, "status")
    if json:
        print_json(answer)
        return
    state = "paused" if answer["paused"] else answer["state"]
    echo(f"state: {state}")
    echo(f"replies: {'spoken' if answer['speaks'] else 'shown only'}")
    echo(f"microphone: {'hands-free' if answer['hands_free'] else 'by key'}")
    if answer["conversation"]:
        echo(f"conversation: {answer['conversation']}")
    for job, name in (("recognition", "stt"), ("model", "llm"), ("voice", "tts")):
        if answer["engines"].get(name):
            echo(f"{job}: {answer['engines'][name]}")


@app.command("connections", short_help="Who is connected to vita serve; close one.")
def connections(
    close: Annotated[str, typer.Option("--close", metavar="ID", help="Close this one.")] = "",
    cleanup: Annotated[
        bool, typer.Option("--cleanup", help="Close those that are stalled or idle, and what leaked.")
    ] = False,
    json: JsonOption = False,
    process: ProcessOption = None,
) -> None:
    """List who is connected to the server that runs (vita serve), with age, bytes and state; or close one."""
    if cleanup:
        done = _have(process, "cleanup_connections", serves=True)
        print_json(done) if json else echo(f"Closed {len(done['closed'])} connections.")
        return
    if close:
        _have(process, "close_connection", close, serves=True)
        echo(f"Closed {close}.")
        return
    found = _have(process, "connections", serves=True)
    if json:
        print_json(found)
        return
    for one in found:
        sizes = f"{one['bytes_in']:,} B in, {one['bytes_out']:,} B out"
        echo(
            f"{one['id']}  {one['client']}  {one['about']}  {one['state']}  {one['age_seconds']:.0f} s  {sizes}"
        )
    if not found:
        echo("Nobody is connected.")
