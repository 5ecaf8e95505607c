"""`vita listen`: what is said into the microphone, as text on standard output."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vita_tui.cli.output import complain, echo, live, plain, print_json, print_json_line, quiet_libraries
from vita_tui.cli.streams import need_output

if TYPE_CHECKING:
    from vita_tui.settings import Settings

__all__ = ["listen"]

QUIETEST, CELLS = -60.0, 12
"""dBFS at which the meter is empty, and its length."""


class Ticker:
    """The level and the words so far, on a line of stderr where that is a terminal."""

    def __init__(self) -> None:
        self._level = QUIETEST
        self._words = ""

    def take(self, event: dict[str, Any]) -> None:
        """Show what is told while somebody is listened to."""
        if "level" in event:
            self._level = float(event["level"])
        else:
            self._words = f"{event['stable']} {event['tail']}".strip()
        filled = round(max(0.0, min(1.0, 1.0 - self._level / QUIETEST)) * CELLS)
        live(f"{'▮' * filled}{'▯' * (CELLS - filled)} {self._words}")

    def clear(self) -> None:
        """Leave the line empty for what follows."""
        self._words = ""
        live("")


def listen(
    follow: Annotated[
        bool,
        typer.Option("--follow", "-f", help="Go on: a line for each utterance, until ctrl+c."),
    ] = False,
    hands_free: Annotated[
        bool,
        typer.Option("--hands-free", help="Wait until somebody speaks, however long that takes."),
    ] = False,
    timeout: Annotated[
        float,
        typer.Option(
            "--timeout",
            metavar="SECONDS",
            min=0.0,
            help="Give up when nobody has begun to speak by then; 0 waits for ever.",
        ),
    ] = 0.0,
    language: Annotated[
        str,
        typer.Option("--language", metavar="XX", help="Language code, or auto, instead of stt.language."),
    ] = "",
    own: Annotated[
        bool, typer.Option("--own", help="Load its own Whisper, also when a VITA runs that could lend its.")
    ] = False,
    json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="As JSON: text, confidence, seconds, problem; with --follow one document a line.",
        ),
    ] = False,
) -> None:
    """Print what is said: one utterance, which a pause ends.

    When a VITA runs, its microphone and its Whisper are used, and are ready at once; while they listen for this command, nothing goes to
    the language model there. On a terminal, stderr shows the level and the words so far. Exit codes: 1 when there were no words or
    nobody spoke, 3 without a microphone or Whisper, 130 after ctrl+c.

    Example: git commit -m "$(vita listen)"
    """
    need_output()
    wanted = {
        "follow": follow,
        "by_voice": hands_free or follow,
        "timeout": timeout or None,
        "partials": sys.stderr.isatty(),
    }
    with quiet_libraries():
        spoken = _listen(wanted, language, own=own, json=json)
    if spoken is None:
        return
    if json:
        print_json(spoken | {"text": plain(spoken["text"])})
    elif spoken["text"]:
        echo(spoken["text"])
    if not spoken["text"]:
        complain(spoken["problem"] or "There were no words.")
        raise typer.Exit(1)


def _listen(wanted: dict[str, Any], language: str, *, own: bool, json: bool) -> dict[str, Any] | None:
    from vita_tui.cli.output import run_async
    from vita_tui.cli.running import running
    from vita_tui.health.control_calls import call

    ticker = Ticker()

    def tell(event: dict[str, Any]) -> None:
        if "utterance" in event:
            ticker.clear()
            utterance = event["utterance"]
            if json:
                print_json_line(utterance | {"text": plain(utterance["text"])})
            else:
                echo(utterance["text"])
        else:
            ticker.take(event)

    program = None if own or language else running()
    try:
        if program is not None:
            spoken = run_async(call(program, "listen", wanted, on_event=tell))
        else:
            from vita_tui import settings as all_settings
            from vita_tui.cli.weights import need_weights

            overrides = {"sessions": {"store": "memory"}, "stt": {"language": language} if language else {}}
            settings = all_settings.load(overrides=overrides)
            need_weights(settings, "stt")
            spoken = run_async(_own(settings, wanted, tell))
    finally:
        ticker.clear()
    result: dict[str, Any] | None = spoken
    return result


async def _own(
    settings: Settings, wanted: dict[str, Any], tell: Callable[[dict[str, Any]], None]
) -> dict[str, Any] | None:
    """With a microphone and a Whisper of its own."""
    from vita_tui.conversation.build import build
    from vita_tui.conversation.remote_calls import dictate

    assistant = build(settings, speech=False, thinking=False)
    try:
        await assistant.start()
        await assistant.ready.wait()
        return await dictate(assistant, wanted, tell)
    finally:
        await assistant.aclose()
