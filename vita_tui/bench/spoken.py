"""What is said for written text, judged by a list of pairs: VITA's reader, and libraries that do the same.

A wording is right when it is one of the given ones, blanks, hyphens, capitals and punctuation aside: "twenty-five", "twenty five" and
"zwanzig fünf" written in one are what a listener would hear alike. Each library runs in its own process, so that its
import, its preparation and its memory are its own.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vita_tui.bench.word_errors import errors
from vita_tui.errors import VitaError

__all__ = ["LIBRARIES", "Pair", "Result", "default_file", "measure", "pairs", "wrong_letters"]

LIBRARIES = ("vita", "nemo", "wetext")
CHILD = Path(__file__).with_name("spoken_child.py")
CHILD_SECONDS = 1800
ALTERNATIVES = " | "
ALIKE: dict[str, tuple[tuple[str, str], ...]] = {
    "en": (
        (r"\b(hundred|thousand|million) and\b", r"\1"),
        (r"\bis (?=less|greater|more|at most|at least|about)", ""),
        (r"\bgreater than\b", "more than"),
        (r"\bper cent\b", "percent"),
        (r"\bnegative\b", "minus"),
        (r"\bo\b", "oh"),
    ),
    "de": ((r"\beinhundert", "hundert"), (r"\beintausend", "tausend"), (r"\bist (?=kleiner|größer)", "")),
    "fr": ((r"\best (?=inférieur|supérieur)", ""),),
    "es": ((r"\bes (?=menor|mayor)", ""),),
}
"""Differences that a listener accepts."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A text and how it may be said."""

    language: str
    written: str
    spoken: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """How a library did with one language."""

    library: str
    language: str
    pairs: int
    wrong: int
    letters: float
    """Share of letters that are wrong, over all pairs."""
    ms: float
    """Milliseconds of a processor for a text, the median."""
    prepare_ms: float
    """Milliseconds of a processor until the first text is read: import and preparation."""
    memory_mb: float
    faults: tuple[tuple[str, str, str], ...]
    """Written, said, and the wording it comes nearest to."""


def default_file() -> Path | None:
    """The list that comes with the source; None where only the program is installed."""
    file = Path(__file__).parents[2] / "tests" / "text" / "spoken.tsv"
    return file if file.is_file() else None


def pairs(file: Path) -> list[Pair]:
    """
    Args:
        file: a heading, then lines of language, written text and wordings, tabs between; ` | ` between wordings.

    Raises:
        VitaError: it cannot be read or has other lines.
    """
    try:
        lines = file.read_text("utf-8").splitlines()[1:]
        rows = [line.split("\t") for line in lines if line.strip()]
        return [Pair(language, written, tuple(said.split(ALTERNATIVES))) for language, written, said in rows]
    except (OSError, ValueError) as error:
        raise VitaError(f"{file} is no list of language, written and spoken text: {error}.") from error


def wrong_letters(pair: Pair, said: str) -> tuple[int, str]:
    """The least number of letters in which `said` differs from a right wording, and that wording."""
    heard = _plain(said, pair.language)
    return min(
        ((errors(_plain(right, pair.language), heard), right) for right in pair.spoken),
        key=lambda one: one[0],
    )


def measure(found: Sequence[Pair], library: str, python: str = sys.executable) -> list[Result]:
    """Have a library read the pairs of each language, in a process for each.

    Args:
        python: the interpreter that has the library.
    """
    results = []
    for language in dict.fromkeys(pair.language for pair in found):
        asked = [pair for pair in found if pair.language == language]
        answer = _ask(library, language, [pair.written for pair in asked], python)
        if answer is None:
            continue
        judged = [wrong_letters(pair, said) for pair, said in zip(asked, answer["said"], strict=True)]
        results.append(
            Result(
                library,
                language,
                len(asked),
                sum(count > 0 for count, _ in judged),
                sum(count for count, _ in judged) / sum(len(_plain(right, language)) for _, right in judged),
                float(answer["ms"]),
                float(answer["prepare_ms"]),
                float(answer["memory_mb"]),
                tuple(
                    (pair.written, said, right)
                    for pair, said, (count, right) in zip(asked, answer["said"], judged, strict=True)
                    if count
                ),
            )
        )
    return results


def _ask(library: str, language: str, texts: list[str], python: str) -> dict[str, Any] | None:
    """None when the library does not speak the language."""
    request = json.dumps({"library": library, "language": language, "texts": texts})
    done = subprocess.run(
        [python, str(CHILD)],
        input=request,
        capture_output=True,
        text=True,
        timeout=CHILD_SECONDS,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise VitaError(f"{library} does not run: {last}", remedy="See docs/speech.md for how to install it.")
    answer: dict[str, Any] | None = json.loads(done.stdout.splitlines()[-1])
    return answer


def _plain(text: str, language: str) -> str:
    text = unicodedata.normalize("NFKC", text).replace("’", "'").lower()
    text = re.sub(r"[-.,;:!?¡¿\"“”«»„()\[\]{}]", " ", text)
    text = " ".join(text.split())
    for pattern, instead in ALIKE.get(language, ()):
        text = re.sub(pattern, instead, text)
    return text.replace(" ", "")
