"""`vita transcribe`: what is said in recordings."""

from __future__ import annotations

import time
from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vita_tui.cli.audio_input import NoFallback, TrackOption, audio_source
from vita_tui.cli.output import complain, echo, plain, print_json, quiet_libraries, say, write
from vita_tui.cli.streams import need_output
from vita_tui.text.clean import clean_name

if TYPE_CHECKING:
    from vita_tui.conversation.transcripts import FileTranscript, TranscriptPart
    from vita_tui.settings import Settings

__all__ = ["Format", "transcribe"]


class Format(StrEnum):
    """What a transcript is written as."""

    TXT = "txt"
    SRT = "srt"
    VTT = "vtt"
    MD = "md"
    JSON = "json"


def transcribe(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE",
            help="Audio or video, any format and length; '-' is standard input.",
            show_default=False,
        ),
    ],
    model: Annotated[
        str, typer.Option("--model", metavar="NAME", help="Whisper model instead of stt.model.")
    ] = "",
    language: Annotated[
        str,
        typer.Option(
            "--language",
            metavar="XX",
            help="Language code, or auto: each stretch is then recognized in its own.",
        ),
    ] = "",
    track: TrackOption = None,
    no_fallback: NoFallback = False,
    form: Annotated[
        Format,
        typer.Option(
            "--format",
            help="txt: the words; srt and vtt: subtitles; md: paragraphs with their times; json: as --json, with the time of every word.",
        ),
    ] = Format.TXT,
    json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="As JSON: a list of {file, text, language, parts, seconds, ms, engine, instead_of, because, problem}.",
        ),
    ] = False,
) -> None:
    """Print what is said in each FILE, one paragraph each.

    Files are read piece by piece, so an hour needs no more memory than a minute. A file that cannot be read, is damaged or breaks
    off is named on stderr, what can be read of it and the other files are transcribed, and the exit code is 1.

    Subtitles are of one FILE. On a terminal it is shown how much is done, and how long the rest will take.

    Example: vita transcribe talk.mp3 --language de --format srt > talk.srt
    """
    if form in (Format.SRT, Format.VTT) and len(files) > 1:
        raise typer.BadParameter("subtitles are of one recording: name one FILE", param_hint="--format")
    need_output()
    chosen = {name: value for name, value in (("model", model), ("language", language)) if value}
    from vita_tui import settings as all_settings
    from vita_tui.cli.fallbacks import first_only
    from vita_tui.cli.weights import need_weights

    settings = all_settings.load(overrides={"stt": chosen})
    if model or no_fallback:  # who names a model wants that one and no other
        settings = first_only(settings)
    need_weights(settings, "stt")
    with quiet_libraries():
        code = _transcribe(
            files, settings, track, Format.JSON if json else form, words=form is not Format.TXT
        )
    if code:
        raise typer.Exit(code)


def _transcribe(files: list[str], settings: Settings, track: int | None, form: Format, *, words: bool) -> int:
    from vita_tui.cli.fallbacks import Fallbacks
    from vita_tui.cli.progress import Bar
    from vita_tui.conversation.build import recognizers
    from vita_tui.conversation.transcripts import transcribe_file
    from vita_tui.errors import AudioFileError, EngineError, ModelError
    from vita_tui.events import EventBus

    bus = EventBus()
    chain = recognizers(settings, bus)
    fallbacks = Fallbacks(settings, bus, [chain])
    told: set[str | None] = {None}
    results: list[dict[str, Any]] = []
    code = 0
    try:
        for file in files:
            start = time.monotonic()
            try:
                with Bar(clean_name(file)) as bar:
                    found = transcribe_file(
                        chain,
                        audio_source(file),
                        languages=settings.stt.language,
                        track=track,
                        words=words,
                        on_note=say,
                        on_progress=bar.update,
                    )
            except (AudioFileError, EngineError, ModelError) as error:
                code = max(code, error.exit_code)
                complain(error.message, error.remedy)
                continue
            who = fallbacks.answered("stt")
            if who["instead_of"] and who["engine"] not in told:
                told.add(who["engine"])
                fallbacks.tell("stt")
            ms = round((time.monotonic() - start) * 1000)
            results.append(_result(file, found, ms) | who)
            _show(file, found, form, several=len(files) > 1)
            if found.problem:
                code = max(code, 1)
                complain(found.problem, "What is missing there is missing in the transcript")
    finally:
        for engine in chain.engines:
            engine.cleanup()
        if form is Format.JSON:
            print_json(results)
    return code


def _show(file: str, found: FileTranscript, form: Format, *, several: bool) -> None:
    from vita_tui.conversation.subtitles import as_markdown, as_srt, as_vtt, cues

    match form:
        case Format.TXT:
            echo(f"{clean_name(file)}: " if several else "", found.text)
        case Format.SRT:
            write(as_srt(list(cues(found.parts))))
        case Format.VTT:
            write(as_vtt(list(cues(found.parts))))
        case Format.MD:
            write(as_markdown(clean_name(file), list(cues(found.parts))))
        case Format.JSON:
            pass


def _result(file: str, found: FileTranscript, ms: int) -> dict[str, Any]:
    return {
        "file": clean_name(file),
        "text": plain(found.text),
        "language": found.language,
        "parts": [_part(part) for part in found.parts],
        "seconds": round(found.seconds, 3),
        "ms": ms,
        "problem": found.problem,
    }


def _part(part: TranscriptPart) -> dict[str, Any]:
    """Words only where they were asked for."""
    result = asdict(part) | {"text": plain(part.text)}
    words = [asdict(word) | {"text": plain(word.text)} for word in part.words]
    return {name: value for name, value in result.items() if name != "words"} | (
        {"words": words} if words else {}
    )
