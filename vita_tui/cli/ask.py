"""`vita ask`: one typed question, its answer streamed to stdout."""

from __future__ import annotations

import re
import shutil
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vita_tui.cli.audio_input import NoFallback
from vita_tui.cli.output import (
    complain,
    echo,
    erase,
    moves,
    plain,
    print_json,
    quiet_libraries,
    run_async,
    write,
)
from vita_tui.cli.streams import need_output
from vita_tui.cli.text_input import text_argument

if TYPE_CHECKING:
    from vita_tui.clock import Clock
    from vita_tui.events import Event, QuestionShortened, ReplyFinished, ReplyStarted, TurnFinished
    from vita_tui.settings import Settings

__all__ = ["ask"]

_AGAIN = re.compile(r"; (?:retried in \d+ s|being retried)")
HELD = 2000
"""Characters of a server's reply that a pipe or a file gets at once: what looks like its beginning may turn out to be reasoning, of which only
the end is marked, and cannot be taken back there.
"""
HELD_SECONDS, HELD_LEAST = 1.5, 40
"""Whoever reads a pipe waits no longer than so for a slow server, once there are so many characters: `head` may want no more."""


class PrintedReply:
    """Prints a reply as it comes, and keeps what there is to be told about it."""

    def __init__(self, *, quiet: bool, clock: Clock | None = None) -> None:
        """
        Args:
            quiet: print nothing.
        """
        self._quiet = quiet
        from vita_tui.clock import SystemClock  # not for the help

        self._clock = clock or SystemClock()
        self._first: float | None = None
        """When the reply's first words came."""
        self._text = ""
        self._printed = 0
        self._started: ReplyStarted | None = None
        self._finished: ReplyFinished | None = None
        self._over: TurnFinished | None = None
        self._shortened: QuestionShortened | None = None

    def listen(self, event: Event) -> None:
        """Take one event of the conversation."""
        from vita_tui.events import (
            QuestionShortened,
            ReplyDelta,
            ReplyFinished,
            ReplyRetracted,
            ReplyStarted,
            TurnFinished,
        )

        match event:
            case QuestionShortened():
                self._shortened = event
                sent, whole = event.fit, event.tokens
                if not self._quiet:
                    complain(
                        f"Too long for this model: {sent:,} of {whole:,} tokens fit, and the beginning is left out."
                    )
            case ReplyStarted():
                self._started = event
            case ReplyDelta():
                self._text += plain(event.text)
                self._print()
            case ReplyRetracted():
                self._take_back(plain(event.text))
            case ReplyFinished():
                self._finished = event
                self._print(last=True)
            case TurnFinished():
                self._over = event
            case _:
                pass

    @property
    def engine(self) -> str:
        """Who answered, or began to."""
        return self._started.engine if self._started is not None else ""

    def tell(self) -> None:
        """Say on stderr what the reply lacks."""
        finished = self._finished
        if finished is not None and finished.note:
            complain(
                f"The reply was {finished.note}.",
                "Raise llm.max_tokens." if finished.reason == "length" else "",
            )

    def as_data(self) -> dict[str, Any]:
        """The same for programs."""
        finished, over, cut = self._finished, self._over, self._shortened
        return {
            "reply": plain(finished.text) if finished is not None else "",
            "finish": finished.reason if finished is not None else "",
            "note": (finished.note or None) if finished is not None else None,
            "question_tokens": {"sent": cut.fit, "whole": cut.tokens} if cut is not None else None,
            "timings_ms": {"llm_first_token": over.timings.llm_first_token if over is not None else None},
        }

    # ----

    def _print(self, *, last: bool = False) -> None:
        if self._quiet:
            return
        text = self._text[self._printed :]
        remote = self._started is not None and " at " in self._started.engine
        if not last and remote and not sys.stdout.isatty() and self._held():
            return
        self._printed = len(self._text)
        write(text)
        if last and self._text:
            echo()

    def _held(self) -> bool:
        now = self._clock.monotonic()
        self._first = now if self._first is None else self._first
        waited = now - self._first >= HELD_SECONDS and len(self._text) >= HELD_LEAST
        return len(self._text) < HELD and not waited

    def _take_back(self, kept: str) -> None:
        """What came behind `kept` was reasoning."""
        printed = self._text[: self._printed]
        self._text = kept
        if self._printed > len(kept):
            rows = _rows(printed)
            if moves(sys.stdout) and rows < shutil.get_terminal_size().lines:
                erase(rows)
            else:
                complain("What is above was the model's reasoning; its answer follows.")
                echo()
            self._printed = 0


def ask(
    text: Annotated[
        str, typer.Argument(help="The question; '-' reads it from standard input.", metavar="TEXT")
    ],
    model: Annotated[str, typer.Option(metavar="NAME", help="Model to ask instead of llm.model.")] = "",
    base_url: Annotated[
        str, typer.Option(metavar="URL", help="OpenAI-compatible server to ask instead of llm.base_url.")
    ] = "",
    no_fallback: NoFallback = False,
    json: Annotated[
        bool,
        typer.Option(
            "--json", help="As JSON: question, reply, engine, instead_of, because, finish, note, timings_ms."
        ),
    ] = False,
) -> None:
    """Ask one question and print the answer as it is written.

    Nothing is kept: each call is its own conversation.

    Example: git log -5 | vita ask -
    """
    question = text_argument(text, empty="there is no question")
    need_output()
    chosen: dict[str, Any] = {
        name: value for name, value in (("model", model), ("base_url", base_url)) if value
    }
    from vita_tui import settings as all_settings
    from vita_tui.cli.fallbacks import first_only
    from vita_tui.cli.weights import need_weights

    settings = all_settings.load(overrides={"llm": chosen, "sessions": {"store": "memory"}})
    if no_fallback:
        settings = first_only(settings)
    if not _understood(question, settings):
        need_weights(settings, "llm")
    with quiet_libraries():
        run_async(_ask(question, settings, json))


def _understood(question: str, settings: Settings) -> bool:
    """Whether the model's weights, which are not there, are not needed; nobody waits to know it where they are."""
    from vita_tui.abilities.base import Context
    from vita_tui.abilities.service import standard
    from vita_tui.cli.weights import missing_weights
    from vita_tui.clock import SystemClock
    from vita_tui.text.vocabulary import base

    if not settings.abilities.enabled or not missing_weights(settings, "llm"):
        return False
    languages = [base(settings.spoken_language)]
    return standard().understand_now(question, Context(SystemClock()), languages) is not None


async def _ask(question: str, settings: Settings, json: bool) -> None:
    from vita_tui.cli.fallbacks import Fallbacks
    from vita_tui.cli.tool_approval import ToolsInWords, can_ask
    from vita_tui.conversation.build import build
    from vita_tui.errors import EngineError

    assistant = build(settings, recognition=False, speech=False, asks=can_ask())
    fallbacks = Fallbacks(settings, assistant.bus, [assistant.chains["llm"]])
    answer = PrintedReply(quiet=json)
    assistant.bus.subscribe(answer.listen)
    assistant.bus.subscribe(ToolsInWords(assistant).listen)
    try:
        await assistant.start()
        if not await assistant.needs_no_model(question):
            await assistant.prepared()
        await assistant.ask(question)
    finally:
        await assistant.aclose()
    if assistant.last is not None and (error := assistant.last.error) is not None:
        # Nobody is there any more to try again.
        raise EngineError(_AGAIN.sub("", error.message), remedy=error.remedy)
    given = assistant.last is not None and assistant.last.given
    if not given:
        fallbacks.tell("llm", answer.engine)
    answer.tell()
    if json:
        who = {"engine": answer.engine} if given else fallbacks.answered("llm", answer.engine)
        print_json({"question": question, **who, **answer.as_data()})


def _rows(text: str) -> int:
    """Lines that `text` takes on the terminal."""
    from rich.cells import cell_len

    columns = max(1, shutil.get_terminal_size().columns)
    return sum(max(1, -(-cell_len(line.expandtabs()) // columns)) for line in text.split("\n"))
