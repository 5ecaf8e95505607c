"""`vita transcribe`: what is said in audio files."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from vita_tui.cli.output import complain, echo, plain, print_json, quiet_libraries, say
from vita_tui.text.clean import clean_name

__all__ = ["transcribe"]


def transcribe(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", help="Audio or video, any format and length.")
    ],
    model: Annotated[
        str, typer.Option("--model", metavar="NAME", help="Whisper model instead of stt.model.")
    ] = "",
    language: Annotated[str, typer.Option("--language", metavar="XX", help="Language code, or auto.")] = "",
    json: Annotated[
        bool, typer.Option("--json", help="As JSON: a list of {file, text, language, seconds, ms}.")
    ] = False,
) -> None:
    """Print what is said in each FILE, one paragraph each.

    Files are read piece by piece, so an hour needs no more memory than a minute. A file that cannot be read, or breaks off, is
    named on stderr, the others are transcribed, and the exit code is 1.

    Example: vita transcribe talk.mp3 --language de
    """
    chosen = {name: value for name, value in (("model", model), ("language", language)) if value}
    with quiet_libraries():
        failed = _transcribe(files, chosen, json)
    if failed:
        raise typer.Exit(1)


def _transcribe(files: list[Path], chosen: dict[str, str], json: bool) -> bool:
    from vita_tui import settings as all_settings
    from vita_tui.conversation.build import recognizers
    from vita_tui.conversation.transcripts import transcribe_file
    from vita_tui.errors import AudioFileError
    from vita_tui.events import Event, EventBus, Notice

    # Who names a model wants that one and no other.
    settings = all_settings.load(
        overrides={"stt": {**chosen, **({"fallback": ()} if "model" in chosen else {})}}
    )
    bus = EventBus()

    def listen(event: Event) -> None:
        if isinstance(event, Notice):
            say(f"{event.title}. {event.message}".strip())

    bus.subscribe(listen)
    chain = recognizers(settings, bus)
    results: list[dict[str, Any]] = []
    failed = False
    try:
        for file in files:
            start = time.monotonic()
            try:
                transcript = transcribe_file(chain, file)
            except AudioFileError as error:
                failed = True
                complain(error.message, error.remedy)
                continue
            ms = round((time.monotonic() - start) * 1000)
            results.append(
                {
                    "file": clean_name(file),
                    "text": plain(transcript.text),
                    "language": transcript.language,
                    "seconds": round(transcript.seconds, 3),
                    "ms": ms,
                }
            )
            if not json:
                prefix = f"{clean_name(file)}: " if len(files) > 1 else ""
                echo(prefix, transcript.text)
            if transcript.problem:
                failed = True
                complain(transcript.problem, "What follows is missing in the transcript")
    finally:
        for engine in chain.engines:
            engine.cleanup()
    if json:
        print_json(results)
    return failed
