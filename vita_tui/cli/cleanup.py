"""`vita cleanup`: remove what a crash has left, or let a running VITA clean up after itself."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from vita_tui.cli.output import echo, print_json, say
from vita_tui.text.clean import clean_line, clean_name

__all__ = ["cleanup"]


def cleanup(
    running: Annotated[
        bool,
        typer.Option(
            "--running", help="Also have every VITA that runs close what leaked and give memory back."
        ),
    ] = False,
    pretend: Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="As JSON: ended, stubborn, removed, kept, programs.")
    ] = False,
) -> None:
    """End child processes and remove sockets and temporary files that a crash of VITA has left behind.

    A process is ended only when its id and the moment of its birth are those that VITA wrote down, and the VITA that
    started it is gone. A VITA that runs, its children and its files are not touched; --running asks it to clean up itself.
    """
    from dataclasses import asdict

    from vita_tui.health.processes import clean_up

    done = clean_up(pretend=pretend)
    asked = _ask_running() if running and not pretend else []
    failed = bool(done.stubborn or done.kept or any("error" in program for program in asked))
    if json:
        print_json(
            {
                "ended": [asdict(record) for record in done.ended],
                "stubborn": [asdict(record) for record in done.stubborn],
                "removed": [clean_name(path) for path in done.removed],
                "kept": [clean_name(path) for path in done.kept],
                "programs": asked,
            }
        )
        raise typer.Exit(1 if failed else 0)
    ended, removed = ("Would end", "Would remove") if pretend else ("Ended", "Removed")
    for record in done.ended:
        echo(f"{ended} {clean_line(record.kind)}, process {record.pid}")
    for path in done.removed:
        echo(f"{removed} {clean_name(path)}")
    for record in done.stubborn:
        say(f"{record.kind}, process {record.pid}, could not be ended; try: kill -9 {record.pid}")
    for path in done.kept:
        say(f"{clean_name(path)} could not be removed")
    for program in asked:
        _tell(program)
    if running and not asked and not pretend:
        say("No VITA is running.")
    if not (done.ended or done.removed or failed):
        say("Nothing was left behind.")
    raise typer.Exit(1 if failed else 0)


def _ask_running() -> list[dict[str, Any]]:
    from vita_tui.health import control

    found: list[dict[str, Any]] = []
    for program in control.programs():
        try:
            found.append({"pid": program.pid, **control.ask(program, "cleanup")})
        except OSError as error:
            found.append({"pid": program.pid, "error": str(error)})
    return found


def _tell(program: dict[str, Any]) -> None:
    if "error" in program:
        say(f"VITA, process {program['pid']}, did not clean up: {program['error']}")
        return
    freed = max(0, int(program["freed"])) / 1e6
    closed = len(program["leaks"]) - len(program["remaining"])
    echo(
        f"VITA, process {program['pid']}: closed {closed} of {len(program['leaks'])} leaks, freed {freed:.0f} MB"
    )
    for leak in program["remaining"]:
        echo("    still open: ", clean_line(f"{leak['kind']} {leak['name']} of {leak['owner']}"))
