"""`vita words`: names and other words of one's own, which recognition prefers where they may have been said."""

from __future__ import annotations

from typing import Annotated

import typer

from vita_tui.cli.output import echo, print_json, say
from vita_tui.text.clean import clean_line

__all__ = ["app"]

app = typer.Typer(
    help="Words of your own, such as names and jargon, which are preferred where you may have said them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

WordArguments = Annotated[
    list[str],
    typer.Argument(
        metavar="WORD", help='As it is written: Priyanka, kubectl, "Rio Tinto".', show_default=False
    ),
]


@app.command("list")
def list_(json: Annotated[bool, typer.Option("--json", help="As a JSON list.")] = False) -> None:
    """Print the words, one a line."""
    words = _words()
    if json:
        print_json(words)
        return
    for word in words:
        echo(word)
    if not words:
        say("There are none yet. Add one with: vita words add NAME")


@app.command()
def add(words: WordArguments) -> None:
    """Add words, spelled as they are to be written.

    They count from the next start on. A word that is there already in another spelling is replaced.
    """
    from vita_tui.errors import SettingsError
    from vita_tui.settings.own_words import added

    try:
        every = added(_words(), words)
    except SettingsError as error:
        raise typer.BadParameter(error.message, param_hint="WORD") from None
    _write(every)
    say(f"{len(every)} words: recognition prefers them from the next start on.")


@app.command()
def remove(words: WordArguments) -> None:
    """Remove words. Exit code 1 when none of them is there."""
    known = _words()
    gone = {word.strip().casefold() for word in words}
    kept = [word for word in known if word.casefold() not in gone]
    for word in words:
        if word.strip().casefold() not in {one.casefold() for one in known}:
            say(f"{clean_line(word)} is not there.")
    if len(kept) == len(known):
        raise typer.Exit(1)
    _write(kept)


def _words() -> list[str]:
    from vita_tui import settings

    return list(settings.load().stt.words)


def _write(words: list[str]) -> None:
    from vita_tui.settings.file import change

    change("stt.words", words)
