"""Recordings and files of sound that a command is given: `-` is standard input or output."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from vita_tui.cli import streams
from vita_tui.text.clean import clean_name

if TYPE_CHECKING:
    from vita_tui.audio.base import Samples
    from vita_tui.audio.media_source import MediaSource

__all__ = ["NoFallback", "Target", "TrackOption", "audio_source", "audio_target"]

TrackOption = Annotated[
    int | None,
    typer.Option(
        "--track",
        metavar="N",
        min=1,
        help="Which audio track, from 1; the default one of the file otherwise.",
    ),
]
NoFallback = Annotated[
    bool, typer.Option("--no-fallback", help="Fail with exit code 3 where a fallback engine would answer.")
]


def audio_source(argument: str) -> MediaSource:
    """The recording that `argument` names.

    Raises:
        AudioFileError: standard input is closed.
        typer.BadParameter: standard input is a terminal.
    """
    if argument != "-":
        return Path(argument)
    source = streams.binary_input()
    if source.isatty():
        raise typer.BadParameter("standard input is a terminal, not a recording", param_hint="FILE")
    return source


@dataclass(frozen=True, slots=True)
class Target:
    """Where sound is to be written."""

    place: Path | BinaryIO
    is_stdout: bool = False

    def write(self, samples: Samples, rate: int) -> None:
        """
        Args:
            rate: Hertz.

        Raises:
            AudioFileError: it cannot be written.
            ReaderGoneError: nobody reads it.
        """
        from vita_tui.audio.encoding import write_audio

        try:
            write_audio(self.place, samples, rate)
        except BrokenPipeError:
            streams.broken()
            raise streams.ReaderGoneError from None


def audio_target(out: str | None) -> Target | None:
    """Where `--out` says; told before any work is done when that cannot be.

    Raises:
        typer.BadParameter: there is no such folder, no such format, or it is a terminal.
        OutputClosedError: standard output is wanted and closed.
    """
    if out is None:
        return None
    if out == "-":
        streams.need_output()
        if sys.stdout.isatty():
            raise _refused("standard output is a terminal: lead it into a file or a pipe")
        return Target(streams.binary_output(), is_stdout=True)
    if not out:
        raise _refused("a name is missing")
    from vita_tui.audio.encoding import audio_format
    from vita_tui.errors import AudioFileError

    path = Path(out)
    try:
        if path.is_dir():
            raise _refused(f"{clean_name(path)} is a folder")
        if not path.parent.is_dir():
            raise _refused(f"there is no folder {clean_name(path.parent)}")
        if not path.exists() or path.is_file():
            audio_format(path)
        elif path.suffix.lower() != ".wav":  # a pipe or a device has no ending
            return Target(path.open("wb"))
    except AudioFileError as error:
        raise _refused(error.message) from None
    except (OSError, ValueError) as error:
        raise _refused(f"{clean_name(path)}: {getattr(error, 'strerror', None) or error}") from None
    return Target(path)


def _refused(why: str) -> typer.BadParameter:
    return typer.BadParameter(why, param_hint="--out")
