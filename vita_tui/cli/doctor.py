"""`vita doctor`: what works here, what does not, and how to fix it."""

from __future__ import annotations

import itertools
import os
import platform
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vita_tui import __version__
from vita_tui.cli.output import echo, mark, print_json, quiet_libraries
from vita_tui.text.clean import clean_line

if TYPE_CHECKING:
    from vita_tui.doctor.checks import Check

__all__ = ["doctor"]

SYMBOLS = {"ok": "✓", "warning": "!", "failed": "✗"}
COLOURS = {"ok": "green", "warning": "yellow", "failed": "red"}


def doctor(
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Also show how each check was made and what is open.")
    ] = False,
    json: Annotated[
        bool,
        typer.Option(
            "--json", help="As JSON, for reports: version, python, system, usable, and a list of checks."
        ),
    ] = False,
) -> None:
    """Check everything that VITA needs: each engine is really loaded and run once.

    ✓ works, ! works in part, ✗ does not work; below each that does not, the fix. Exit code 0 when VITA is usable:
    typed questions are answered.
    """
    from vita_tui.doctor import checks

    found = []
    with quiet_libraries():
        for check in itertools.chain(checks.run_all(), _keyboard(), _running()):
            found.append(check)
            if json:
                continue
            echo(
                mark(SYMBOLS[check.status], COLOURS[check.status]),
                " ",
                clean_line(f"{check.name}{', ' if ': ' in check.name else ': '}{check.found}"),
            )
            if verbose and check.detail:
                for line in check.detail.splitlines():
                    echo("    ", clean_line(line))
            if check.remedy and check.status != "ok":
                echo("    → ", clean_line(check.remedy))
    usable = checks.usable(found)
    if json:
        print_json(
            {
                "version": __version__,
                "python": platform.python_version(),
                "system": platform.platform(),
                "usable": usable,
                "checks": [
                    {
                        "about": check.about,
                        "name": check.name,
                        "engine": check.engine,
                        "status": check.status,
                        "found": check.found,
                        "remedy": check.remedy,
                        "detail": check.detail,
                    }
                    for check in found
                ],
            }
        )
    raise typer.Exit(0 if usable else 1)


def _keyboard() -> Iterator[Check]:
    """What this terminal reports of keys; nothing when there is no terminal."""
    from vita_tui.doctor.checks import Check
    from vita_tui.tui.keyboard import reports_releases

    able = reports_releases() if sys.stdin.isatty() and sys.stdout.isatty() else None
    if able is not None:
        found = (
            "the talk key can be held"
            if able
            else "the talk key is tapped: this terminal does not report key releases"
        )
        detail = f"asked {os.environ.get('TERM_PROGRAM') or os.environ.get('TERM', 'the terminal')} for the Kitty keyboard protocol"
        yield Check("Keyboard", "ok", found, detail=detail)


def _running() -> Iterator[Check]:
    """Every VITA of this user that runs: what it has open, and which engines are disabled."""
    from vita_tui.doctor.checks import Check
    from vita_tui.health import control

    for program in control.programs():
        name = f"Running, process {program.pid}"
        try:
            opened = control.ask(program, "open")
            breakers = control.ask(program, "breakers")
            sessions = control.ask(program, "sessions")
        except OSError as error:
            remedy = f"If it hangs, end it: kill {program.pid}"
            yield Check(name, "warning", f"it does not answer: {error}", remedy)
            continue
        disabled = [one for one in breakers if one["state"] != "closed"]
        leaked = sum(bool(one["leak"]) for one in opened)
        lines = [_open(one) for one in opened]
        lines += [f"breaker  {one['name']}: {_breaker(one)}" for one in breakers]
        lines.append(f"sessions {_sessions(sessions)}")
        leaks = f", {leaked} of them leaked" if leaked else ""
        engines = (
            f"{len(breakers) - len(disabled)} of {len(breakers)} engines available"
            if disabled
            else f"all {len(breakers)} engines available"
        )
        found = f"{len(opened)} open resources{leaks}; {engines}"
        remedy = "Close what leaked: vita cleanup --running" if leaked else ""
        yield Check(name, "warning" if disabled or leaked else "ok", found, remedy, "\n".join(lines))


def _open(one: dict[str, Any]) -> str:
    """What is open, owned by whom, since when, and whether it should be."""
    from datetime import datetime

    since = datetime.fromtimestamp(one["since"]).astimezone()
    words = f"{one['kind']:<8} {one['name']} ({one['owner']}) since {since:%Y-%m-%d %H:%M:%S}"
    return f"{words}: leaked, {one['leak']}" if one["leak"] else words


def _sessions(figures: dict[str, Any]) -> str:
    """The figures of the sessions in use, in words."""
    away = f"; the store is away: {figures['away']}" if figures["away"] else ""
    counts = (
        f"{value} {name.replace('_', ' ')}" for name, value in figures.items() if isinstance(value, int)
    )
    return f"in {figures['store']}: {', '.join(counts)}{away}"


def _breaker(one: dict[str, Any]) -> str:
    words = str(one["state"])
    if one["failures"]:
        words += f", {one['failures']} of {one['limit']} failures"
    if one["retry_seconds"] is not None:
        words += f", retried in {one['retry_seconds']:.0f} s"
    return f"{words}: {one['reason']}" if one["reason"] else words
