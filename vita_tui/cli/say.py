"""`vita say`: text spoken aloud, or into a file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from vita_tui.cli.audio_input import NoFallback, Target, audio_target
from vita_tui.cli.output import print_json, quiet_libraries
from vita_tui.cli.text_input import text_argument
from vita_tui.text.clean import clean_line

if TYPE_CHECKING:
    from vita_tui.settings import Settings

__all__ = ["say"]

_CODE = re.compile(r"[a-zA-Z]{2,3}(?:[-_][a-zA-Z0-9]{2,8}){0,3}|auto")


def say(
    text: Annotated[
        str, typer.Argument(help="What to say; '-' reads it from standard input.", metavar="TEXT")
    ],
    language: Annotated[
        str | None,
        typer.Option(
            metavar="CODE", help="Language of TEXT, such as de, instead of the setting stt.language."
        ),
    ] = None,
    only_print: Annotated[
        bool, typer.Option("--print", help="Print what would be spoken; make no sound.")
    ] = False,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="Write a file instead of playing: .wav, .flac, .ogg, .opus or .mp3; '-' is WAV on standard output.",
        ),
    ] = None,
    engine: Annotated[
        Literal["piper", "pyttsx3"] | None, typer.Option(help="Use this voice engine and no other.")
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(metavar="FACTOR", min=0.5, max=3.0, help="Speed; 1 is the voice's own."),
    ] = None,
    no_fallback: NoFallback = False,
    json: Annotated[
        bool, typer.Option("--json", help="As JSON: text, engine, instead_of, because, seconds.")
    ] = False,
) -> None:
    """Say TEXT as a reply would be said.

    Numbers, abbreviations, addresses and markup become what a person would read aloud. Piper speaks, or the system's voice where
    Piper cannot; that is told.

    Example: vita say "The train leaves at 10:30." --out train.mp3
    """
    if language is not None and not _CODE.fullmatch(language):
        raise typer.BadParameter(
            f"{clean_line(language)} is not the code of a language, such as de or en-GB",
            param_hint="--language",
        )
    words = text_argument(text, empty="there is nothing to say")
    if only_print:
        _print(words, language)
        return
    target = audio_target(out)
    if json and target is not None and target.is_stdout:
        raise typer.BadParameter("standard output holds either JSON or sound", param_hint="--out")
    from vita_tui import settings as all_settings
    from vita_tui.cli.fallbacks import first_only
    from vita_tui.cli.weights import need_weights

    chosen = {"engines": (engine,) if engine else None, "rate": rate}
    settings = all_settings.load(
        overrides={
            "stt": {"language": language} if language else {},
            "tts": {name: value for name, value in chosen.items() if value is not None},
        }
    )
    if no_fallback:
        settings = first_only(settings)
    need_weights(settings, "tts")
    with quiet_libraries():
        result = _say(words, target, settings)
    if json:
        print_json({"text": words, **result})


def _print(text: str, language: str | None) -> None:
    """The words of all clauses, as they would be spoken."""
    from vita_tui import settings as all_settings
    from vita_tui.cli.output import echo
    from vita_tui.conversation.speaking.clauses import ClauseCutter

    cutter = ClauseCutter(language or all_settings.load().spoken_language)
    echo(" ".join(clause.spoken for clause in [*cutter.feed(text), *cutter.finish()]))


def _say(text: str, target: Target | None, settings: Settings) -> dict[str, Any]:
    """Who spoke, and how many seconds.

    Raises:
        DeviceError: there is no speaker.
        EngineError: no voice works.
        AudioFileError: the file cannot be written.
    """
    from vita_tui.audio.device_speaker import DeviceSpeaker
    from vita_tui.audio.files import FileSpeaker
    from vita_tui.cli.fallbacks import Fallbacks
    from vita_tui.conversation.build import synthesizers
    from vita_tui.conversation.speaking.clauses import ClauseCutter
    from vita_tui.conversation.speaking.speaking import Speaking
    from vita_tui.errors import DeviceError, EngineError
    from vita_tui.events import Event, EventBus, Notice

    bus = EventBus()
    problems: list[Notice] = []

    def listen(event: Event) -> None:
        if isinstance(event, Notice):
            problems.append(event)

    bus.subscribe(listen)
    chain = synthesizers(settings, bus)
    if not chain.engines:
        raise EngineError(
            "No voice is set up.", remedy='Name one in tts.engines, such as ["piper", "pyttsx3"].'
        )
    fallbacks = Fallbacks(settings, bus, [chain])
    file = FileSpeaker(pace=False) if target is not None else None
    output = Speaking(chain, file or DeviceSpeaker(settings.audio.output), bus)
    output.start()
    try:
        speech = output.begin(1)
        cutter = ClauseCutter(settings.spoken_language)
        for clause in [*cutter.feed(text), *cutter.finish()]:
            speech.add(clause)
        speech.complete()
        speech.release()
        speech.finished.result()
        if not speech.engines:
            # What kept it from being said, rather than which voice replaced which.
            ours = [one for one in problems if one.key in ("speaker", "voice")] or problems
            problem = ours[-1] if ours else None
            kind = DeviceError if problem is not None and problem.key == "speaker" else EngineError
            raise kind(
                problem.message if problem is not None else "There is nothing to say in that text.",
                remedy=problem.remedy if problem is not None else "",
            )
        spoke = speech.engines[-1]
        fallbacks.tell("tts", spoke)
        if file is not None and target is not None:
            target.write(file.samples(), file.sample_rate)
        return {**fallbacks.answered("tts", spoke), "seconds": round(speech.seconds, 2)}
    finally:
        output.cleanup()
