"""`vita ask`: one typed question, its answer streamed to stdout."""

from __future__ import annotations

from typing import Annotated

import typer

from vita_tui.cli.output import complain, echo, plain, print_json, quiet_libraries, run_async, write
from vita_tui.cli.streams import need_output
from vita_tui.cli.text_input import text_argument

__all__ = ["ask"]


def ask(
    text: Annotated[
        str, typer.Argument(help="The question; '-' reads it from standard input.", metavar="TEXT")
    ],
    model: Annotated[str, typer.Option(metavar="NAME", help="Model to ask instead of llm.model.")] = "",
    base_url: Annotated[
        str, typer.Option(metavar="URL", help="OpenAI-compatible server to ask instead of llm.base_url.")
    ] = "",
    json: Annotated[
        bool, typer.Option("--json", help="As JSON: question, reply, engine, timings_ms.")
    ] = False,
) -> None:
    """Ask one question and print the answer as it is written.

    Nothing is kept: each call is a conversation of its own.

    Example: git log -5 | vita ask -
    """
    question = text_argument(text, empty="there is no question")
    need_output()
    with quiet_libraries():
        run_async(_ask(question, model, base_url, json))


async def _ask(question: str, model: str, base_url: str, json: bool) -> None:
    from vita_tui import settings as all_settings
    from vita_tui.conversation.build import build
    from vita_tui.errors import EngineError
    from vita_tui.events import EngineStatus, Event, ReplyDelta, ReplyFinished, TurnFinished

    chosen = {name: value for name, value in (("model", model), ("base_url", base_url)) if value}
    settings = all_settings.load(overrides={"llm": chosen, "sessions": {"store": "memory"}})
    assistant = build(settings, ears=False, voice=False)
    finished: list[ReplyFinished] = []
    turns: list[TurnFinished] = []
    preferred = assistant.chains["llm"].engines[0].name
    reasons: list[str] = []
    """Why the preferred model did not answer."""

    def listen(event: Event) -> None:
        if isinstance(event, EngineStatus) and event.engine == preferred and event.reason:
            reasons.append(event.reason)
        elif isinstance(event, ReplyDelta) and not json:
            write(event.text)
        elif isinstance(event, ReplyFinished):
            finished.append(event)
        elif isinstance(event, TurnFinished):
            turns.append(event)

    assistant.bus.subscribe(listen)
    try:
        await assistant.start()
        await assistant.prepared()
        await assistant.ask(question)
    finally:
        await assistant.aclose()
    if not json and finished and finished[0].text:
        echo()
    failed = assistant.last is not None and assistant.last.error is not None
    if turns and reasons and not failed and (answered := turns[0].engines.get("llm", preferred)) != preferred:
        complain(f"{answered} answered instead of {preferred}: {reasons[0]}.")
    if assistant.last is not None and (error := assistant.last.error) is not None:
        raise error if error.exit_code != 1 else EngineError(error.message, remedy=error.remedy)
    if json:
        reply = finished[0]
        timings = turns[0].timings
        print_json(
            {
                "question": question,
                "reply": plain(reply.text),
                "engine": turns[0].engines.get("llm", ""),
                "finish": reply.reason,
                "timings_ms": {"llm_first_token": timings.llm_first_token},
            }
        )
