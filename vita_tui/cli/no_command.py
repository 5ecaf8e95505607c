"""`vita "What is 2 + 2?"`: words that are no command are a question."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Collection
from difflib import get_close_matches
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from vita_tui.cli import ask
from vita_tui.cli.chat_or_screen import converse
from vita_tui.cli.text_input import text_argument
from vita_tui.cli.usage import WRONG

__all__ = ["QUESTION", "CommandsOrQuestion", "is_question", "question"]

QUESTION = "question"
"""The command, which help does not list, that words without a command go to."""
_MARKED = re.compile(r"[?!。？！…]$")
_LATIN = re.compile(r"[A-Za-z]")


def is_question(words: list[str], commands: Collection[str]) -> bool:
    """Whether `words`, from the command line, are a question and not a command, rightly or wrongly typed."""
    if not words or words[0] in commands:
        return False
    first = words[0]
    if len(first.split()) > 1:
        return True
    if len(words) > 1:
        return not get_close_matches(first, commands)
    # One word: a question where it could not be meant as a command or a file.
    return first.isprintable() and bool(_MARKED.search(first) or not _LATIN.search(first)) and first != "-"


class CommandsOrQuestion(TyperGroup):
    """The commands of `vita`; words that are none of them go to the one that asks."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        words = self.make_parser(ctx).parse_args(list(args))[1]
        if is_question(words, self.commands):
            ctx.allow_interspersed_args = True  # vita "What is new?" -m MODEL
            ctx.meta[QUESTION] = True
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if ctx.meta.get(QUESTION):
            return QUESTION, self.commands[QUESTION], ["--", *args]
        try:
            return super().resolve_command(ctx, args)
        except WRONG as error:
            wrong: Any = error
            wrong.message += f" As a question: vita ask {shlex.quote(' '.join(args))}"
            raise


def question(
    context: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="QUESTION")],
) -> None:
    """Open the assistant with a question; without a terminal it is answered as by `vita ask`."""
    text = text_argument(" ".join(words), empty="there is no question")
    given: dict[str, Any] = context.parent.params if context.parent is not None else {}
    resume = given.get("resume") or None
    if resume is None and not (sys.stdin.isatty() and sys.stdout.isatty()):
        ask.ask(text)
        return
    silent = bool(given.get("text") or given.get("quiet"))
    raise typer.Exit(converse(resume, silent=silent, lines=bool(given.get("plain")), question=text))
