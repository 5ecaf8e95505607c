"""The spoken questions of a benchmark: recordings with what was said, or synthesised ones."""

from __future__ import annotations

import csv
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vita_tui.audio.base import SAMPLE_RATE, Samples
from vita_tui.audio.files import read_audio
from vita_tui.errors import AudioFileError, EngineUnavailableError

__all__ = [
    "QUESTIONS",
    "SpokenSample",
    "folder",
    "spoken_by_espeak",
    "synthesised",
    "trimmed",
    "with_references",
]

QUESTIONS = (
    "What is the capital of France?",
    "How many days are in a week?",
    "Can you tell me a short story about a cat?",
    "What should I cook for dinner tonight?",
    "Why is the sky blue in the middle of the day?",
    "Who wrote the play Romeo and Juliet?",
    "What is a good way to learn a new language?",
    "How far is the moon from the earth?",
)
VOICE = "en-us+f2"
"""espeak-ng's: a woman, where the default answer is a man's."""
AUDIBLE = 0.02
"""Of the loudest sample: what is quieter at either end of a recording is silence."""


@dataclass(frozen=True, slots=True)
class SpokenSample:
    name: str
    audio: Samples
    text: str = ""
    """What is said; empty when that is not known."""
    holds: tuple[float, ...] = ()
    """Shares of its letters after which people stop to think, 0 to 1; empty when that is not known."""

    @property
    def seconds(self) -> float:
        return len(self.audio) / SAMPLE_RATE


def with_references(place: Path) -> list[SpokenSample]:
    """The recordings that `refs.tsv` in the folder `place` names: a line `file<TAB>transcript` each, after a heading.

    Raises:
        AudioFileError: there is no such file, it is not such a table, or a recording cannot be read.
    """
    table = place / "refs.tsv"
    try:
        with table.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    except (OSError, UnicodeDecodeError) as error:
        raise AudioFileError(
            f"{table} cannot be read: {getattr(error, 'strerror', None) or error}.",
            remedy="Give a folder of recordings with a refs.tsv: a heading file<TAB>transcript, then a line for each recording.",
        ) from None
    if not rows or not {"file", "transcript"} <= set(rows[0]) or any(None in row.values() for row in rows):
        raise AudioFileError(
            f"{table} is not a table of recordings.",
            remedy="Its first line is file<TAB>transcript; each other line names a recording and says what is spoken in it.",
        )
    return [SpokenSample(row["file"], read_audio(place / row["file"]), row["transcript"]) for row in rows]


def folder(place: Path) -> list[SpokenSample]:
    """Every audio file in `place`, by name; other files are left out.

    Raises:
        AudioFileError: there is no such folder, or no audio in it.
    """
    if not place.is_dir():
        raise AudioFileError(f"There is no folder {place}.", remedy="Give a folder of spoken questions.")
    found = []
    for file in sorted(place.iterdir()):
        try:
            found.append(SpokenSample(file.name, read_audio(file)))
        except AudioFileError:
            continue
    if not found:
        raise AudioFileError(f"{place} holds no audio.", remedy="Give a folder of spoken questions.")
    return found


def synthesised(texts: tuple[str, ...] = QUESTIONS) -> list[SpokenSample]:
    """`texts`, spoken by espeak-ng.

    Raises:
        EngineUnavailableError: espeak-ng is not installed, or fails.
    """
    return spoken_by_espeak(texts, VOICE)


def spoken_by_espeak(texts: Sequence[str], voice: str) -> list[SpokenSample]:
    """`texts`, spoken by espeak-ng's `voice`, such as "en-gb+m3".

    Raises:
        EngineUnavailableError: espeak-ng is not installed, or fails.
    """
    program = shutil.which("espeak-ng")
    if program is None:
        raise EngineUnavailableError(
            "espeak-ng, which speaks the questions, is not installed.",
            remedy="Install espeak-ng, or give recorded questions with --folder.",
        )
    found = []
    with tempfile.TemporaryDirectory(prefix="vita-bench-") as place:
        file = Path(place) / "question.wav"
        for text in texts:
            try:
                subprocess.run(
                    [program, "-v", voice, "-s", "150", "-w", str(file), text],
                    check=True, capture_output=True, timeout=20,
                )  # fmt: skip
            except (subprocess.SubprocessError, OSError) as error:
                raise EngineUnavailableError(
                    f"espeak-ng did not speak a question: {error}.",
                    remedy="Give recorded questions with --folder.",
                ) from None
            found.append(SpokenSample(text, read_audio(file), text))
    return found


def trimmed(audio: Samples, silence: float = 0.0) -> Samples:
    """`audio` without the quiet at its end, then `silence` seconds of nothing."""
    loud = np.flatnonzero(np.abs(audio) > AUDIBLE * np.abs(audio).max(initial=0.0))
    end = int(loud[-1]) + 1 if len(loud) else len(audio)
    return np.concatenate([audio[:end], np.zeros(round(silence * SAMPLE_RATE), np.float32)])
