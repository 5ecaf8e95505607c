"""`vita say`: text spoken aloud, or into a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from vita_tui.cli.output import quiet_libraries
from vita_tui.cli.text_input import text_argument

__all__ = ["say"]


def say(
    text: Annotated[
        str, typer.Argument(help="What to say; '-' reads it from standard input.", metavar="TEXT")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write a WAV file instead of playing.")
    ] = None,
    engine: Annotated[
        Literal["piper", "pyttsx3"] | None, typer.Option(help="Use this voice engine and no other.")
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(metavar="FACTOR", min=0.5, max=3.0, help="Speed; 1 is the voice's own."),
    ] = None,
) -> None:
    """Say TEXT as a reply would be said.

    Numbers, abbreviations, addresses and markup become what a person would read aloud. Piper speaks, or the system's voice where
    Piper cannot.

    Example: vita say "The train leaves at 10:30." --out train.wav
    """
    words = text_argument(text, empty="there is nothing to say")
    with quiet_libraries():
        _say(words, out, engine, rate)


def _say(text: str, out: Path | None, engine: str | None, rate: float | None) -> None:
    from vita_tui import settings as all_settings
    from vita_tui.audio.files import FileSpeaker, write_wav
    from vita_tui.audio.playback import DeviceSpeaker
    from vita_tui.conversation.build import synthesizers
    from vita_tui.conversation.speaking.clauses import ClauseCutter
    from vita_tui.conversation.speaking.speaking import Speaking
    from vita_tui.errors import DeviceError, EngineError
    from vita_tui.events import Event, EventBus, Notice

    chosen = {"engines": (engine,) if engine else None, "rate": rate}
    settings = all_settings.load(
        overrides={"tts": {name: value for name, value in chosen.items() if value is not None}}
    )
    bus = EventBus()
    problems: list[Notice] = []

    def listen(event: Event) -> None:
        if isinstance(event, Notice):
            problems.append(event)

    bus.subscribe(listen)
    file = FileSpeaker(pace=False) if out is not None else None
    output = Speaking(synthesizers(settings, bus), file or DeviceSpeaker(settings.audio.output), bus)
    output.start()
    try:
        speech = output.begin(1)
        cutter = ClauseCutter()
        for clause in [*cutter.feed(text), *cutter.finish()]:
            speech.add(clause)
        speech.complete()
        speech.release()
        speech.finished.result()
        if not speech.engines:
            # What kept it from being said, rather than which voice stood in for which.
            ours = [one for one in problems if one.key in ("speaker", "voice")] or problems
            problem = ours[-1] if ours else None
            kind = DeviceError if problem is not None and problem.key == "speaker" else EngineError
            raise kind(
                problem.message if problem is not None else "There is nothing to say in that text.",
                remedy=problem.remedy if problem is not None else "",
            )
        if file is not None and out is not None:
            write_wav(out, file.samples(), file.sample_rate)
    finally:
        output.cleanup()
