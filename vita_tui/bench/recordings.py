"""The spoken questions of a benchmark: recordings with what was said, or synthesised ones."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from vita_tui.audio.base import SAMPLE_RATE, Samples
from vita_tui.audio.files import read_audio
from vita_tui.errors import AudioFileError, EngineUnavailableError

__all__ = [
    "QUESTIONS",
    "SpokenSample",
    "folder",
    "reference_recordings",
    "spoken_by_espeak",
    "spoken_by_piper",
    "spread_over",
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

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_DIGIT = re.compile(r"\d_\w+_\d+")
SERIES, SERIES_LENGTH = 4, 5
"""Series of each speaker, and digits in one."""
SERIES_PAUSE = (0.1, 0.35)
"""Seconds between two digits, at least and at most."""


@dataclass(frozen=True, slots=True)
class SpokenSample:
    name: str
    audio: Samples
    text: str = ""
    """What is said; empty when that is not known."""
    holds: tuple[float, ...] = ()
    """Shares of its letters after which people stop to think, 0 to 1; empty when that is not known."""
    kind: Literal["transcript", "words", "digits"] = "transcript"
    """What `text` is: all that is said; words that must be found in it, in any order; digits, however they are written."""

    @property
    def seconds(self) -> float:
        return len(self.audio) / SAMPLE_RATE


def reference_recordings(place: Path) -> list[SpokenSample]:
    """The recordings of the folder `place` with what is known of their words.

    That is a table: `refs.tsv` (file<TAB>transcript) or `words.tsv` (file<TAB>words, which must be found in any order), each after a heading; or
    the names of the files, `DIGIT_SPEAKER_NUMBER`, as those of the Free Spoken Digit Dataset: then there are also series, of one speaker each.

    Raises:
        AudioFileError: there is no such table, or a recording cannot be read.
    """
    if not (place / "refs.tsv").is_file():
        if (place / "words.tsv").is_file():
            return [replace(one, kind="words") for one in _table(place / "words.tsv", "words")]
        digits = sorted(file for file in place.glob("*_*_*.*") if _DIGIT.fullmatch(file.stem))
        if digits:
            found = [
                SpokenSample(file.name, read_audio(file), DIGITS[int(file.name[0])], kind="digits")
                for file in digits
            ]
            return found + _series(found)
    return with_references(place)


def spread_over(recordings: list[SpokenSample], most: int) -> list[SpokenSample]:
    """At most `most` of them, evenly from first to last."""
    chosen = min(most, len(recordings))
    return [recordings[index * len(recordings) // chosen] for index in range(chosen)]


def with_references(place: Path) -> list[SpokenSample]:
    """The recordings that `refs.tsv` in the folder `place` names: a line `file<TAB>transcript` each, after a heading.

    Raises:
        AudioFileError: there is no such file, it is not such a table, or a recording cannot be read.
    """
    return _table(place / "refs.tsv", "transcript")


def _table(table: Path, column: str) -> list[SpokenSample]:
    try:
        with table.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    except (OSError, UnicodeDecodeError) as error:
        raise AudioFileError(
            f"{table} cannot be read: {getattr(error, 'strerror', None) or error}.",
            remedy="Give a folder of recordings with a refs.tsv: a heading file<TAB>transcript, then a line for each recording.",
        ) from None
    if not rows or not {"file", column} <= set(rows[0]) or any(None in row.values() for row in rows):
        raise AudioFileError(
            f"{table} is not a table of recordings.",
            remedy=f"Its first line is file<TAB>{column}; each other line names a recording and says what is spoken in it.",
        )
    return [SpokenSample(row["file"], read_audio(table.parent / row["file"]), row[column]) for row in rows]


def _series(digits: list[SpokenSample]) -> list[SpokenSample]:
    """Series of digits, such as phone numbers are said in: of one speaker each, with pauses; always the same ones."""
    lot = np.random.default_rng(1)
    found = []
    for speaker in sorted({one.name.split("_")[1] for one in digits}):
        own = [one for one in digits if one.name.split("_")[1] == speaker]
        for number in range(SERIES):
            chosen = [own[int(index)] for index in lot.integers(len(own), size=SERIES_LENGTH)]
            sound: list[Samples] = []
            for one in chosen:
                sound += [one.audio, np.zeros(round(lot.uniform(*SERIES_PAUSE) * SAMPLE_RATE), np.float32)]
            text = " ".join(one.text for one in chosen)
            found.append(
                SpokenSample(f"series {number} of {speaker}", np.concatenate(sound[:-1]), text, kind="digits")
            )
    return found


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


def spoken_by_piper(texts: Sequence[str]) -> list[SpokenSample]:
    """`texts`, spoken by Piper's default voice.

    Raises:
        ModelError, EngineError: it is not there, or fails.
    """
    import soxr

    from vita_tui.engines.tts.piper import PiperSynthesizer
    from vita_tui.models.lookup import place
    from vita_tui.settings import TtsSettings

    voice = PiperSynthesizer(place("tts", TtsSettings().voice), rate=1.0, volume=1.0, timeout=60.0)
    found = []
    try:
        voice.load()
        for text in texts:
            sound = np.concatenate([np.zeros(1, np.float32), *voice.speak(text, cancelled=threading.Event())])
            found.append(
                SpokenSample(
                    text, soxr.resample(sound, voice.sample_rate, SAMPLE_RATE).astype(np.float32), text
                )
            )
    finally:
        voice.cleanup()
    return found


def trimmed(audio: Samples, silence: float = 0.0) -> Samples:
    """`audio` without the quiet at its end, then `silence` seconds of nothing."""
    loud = np.flatnonzero(np.abs(audio) > AUDIBLE * np.abs(audio).max(initial=0.0))
    end = int(loud[-1]) + 1 if len(loud) else len(audio)
    return np.concatenate([audio[:end], np.zeros(round(silence * SAMPLE_RATE), np.float32)])
