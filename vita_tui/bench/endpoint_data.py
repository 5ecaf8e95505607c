"""Turns for measuring their ends: spoken by three voices, put together from single digits, and written down for other benchmarks."""

from __future__ import annotations

import json
import math
import re
import tomllib
import wave
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from random import Random

import numpy as np

from vita_tui.audio.base import SAMPLE_RATE, Samples
from vita_tui.bench.holds import LONGEST, SHORTEST, SIGMA, Silence
from vita_tui.bench.recordings import SpokenSample, spoken_by_espeak, spoken_by_piper, trimmed
from vita_tui.errors import AudioFileError

__all__ = ["MARK", "export", "numbers_of", "series", "standard", "turns"]

MARK = "|"
"""Where a turn has a hold."""
VOICES = ("en-us+f2", "en-gb+m3")
"""espeak-ng's; the third voice is Piper's, or espeak-ng's too where that is not there."""
THIRD_VOICE = "en-us+m7"
SERIES = 60
"""Numbers that are put together from digits."""
DIGITS = (6, 10)
"""In each, at least and at most."""
GROUPS = (2, 4)
"""Digits in a row without a pause."""
WITHIN_SECONDS, BETWEEN_SECONDS = 0.05, 0.5
"""Between two digits of a group; between two groups, as a median."""
_DIGIT = re.compile(r"(\d)_([^_]+)_\d+\.\w+")


def turns() -> list[str]:
    """What the voices say, with a `MARK` where people stop to think."""
    text = files("vita_tui.bench").joinpath("endpoint_turns.toml").read_text("utf-8")
    return [turn for kind in tomllib.loads(text).values() for turn in kind]


def standard(progress: Callable[[str], None] = lambda _: None) -> list[SpokenSample]:
    """Every turn by each of three voices.

    Raises:
        EngineUnavailableError: espeak-ng is not installed, or fails.
    """
    found = []
    for voice in VOICES:
        progress(f"{voice} speaks")
        found += _marked(voice, spoken_by_espeak([_plain(turn) for turn in turns()], voice))
    progress("a third voice speaks")
    return found + _third()


def _third() -> list[SpokenSample]:
    from vita_tui.errors import VitaError

    texts = [_plain(turn) for turn in turns()]
    try:
        return _marked("piper", spoken_by_piper(texts))
    except VitaError:
        return _marked(THIRD_VOICE, spoken_by_espeak(texts, THIRD_VOICE))


def _plain(turn: str) -> str:
    return " ".join(turn.replace(MARK, " ").split())


def _marked(voice: str, samples: Sequence[SpokenSample]) -> list[SpokenSample]:
    """With the shares of their letters after which they have a hold."""
    found = []
    for number, (turn, sample) in enumerate(zip(turns(), samples, strict=True)):
        parts = [sum(map(str.isalnum, part)) for part in turn.split(MARK)]
        holds = tuple(sum(parts[: n + 1]) / sum(parts) for n in range(len(parts) - 1))
        found.append(replace(sample, name=f"{voice} {number}", holds=holds))
    return found


# ---- numbers that are said digit by digit


def numbers_of(samples: Sequence[SpokenSample], *, seed: int = 1) -> list[SpokenSample]:
    """`samples`, or where each is a single digit (named such as `7_theo_3.flac`), numbers that are put together from them."""
    return (
        series(samples, seed=seed)
        if samples and all(_DIGIT.fullmatch(one.name) for one in samples)
        else list(samples)
    )


def series(digits: Sequence[SpokenSample], *, seed: int = 1) -> list[SpokenSample]:
    """Numbers of six to ten digits by one speaker each, with pauses between groups of two to four."""
    speakers: dict[str, list[SpokenSample]] = {}
    for one in digits:
        match = _DIGIT.fullmatch(one.name)
        assert match is not None
        speakers.setdefault(match[2], []).append(one)
    found = []
    for number in range(SERIES):
        random = Random(f"{seed} {number}")  # noqa: S311  # repeatable, not secret
        name = sorted(speakers)[number % len(speakers)]
        said = [random.choice(speakers[name]) for _ in range(random.randint(*DIGITS))]
        loudness = float(np.median([np.abs(one.audio).max(initial=0.0) for one in said])) or 1.0
        pieces: list[Samples] = []
        left = random.randint(*GROUPS)
        for digit in said:
            if pieces:
                seconds = WITHIN_SECONDS
                if not left:
                    left = random.randint(*GROUPS)
                    seconds = random.lognormvariate(math.log(BETWEEN_SECONDS), SIGMA)
                    seconds = min(max(seconds, SHORTEST), LONGEST)
                pieces.append(_room(seconds, loudness, random))
            pieces.append(digit.audio)
            left -= 1
        text = " ".join(digit.name[0] for digit in said)
        found.append(
            SpokenSample(f"{name} {number}", np.concatenate([*pieces, _room(0.3, loudness, random)]), text)
        )
    return found


def _room(seconds: float, loudness: float, random: Random) -> Samples:
    noise = np.random.default_rng(random.getrandbits(32)).standard_normal(round(seconds * SAMPLE_RATE))
    return (noise * loudness * 0.001).astype(np.float32)


# ---- for other benchmarks


def export(recordings: Sequence[SpokenSample], silences: Sequence[Silence], folder: Path) -> Path:
    """Write `turns.jsonl` and its sound into `folder`, in the form of eot-bench's data sets: a line has `id`, `language`, `audio` and
    `silence_spans`, of which the last one is the end. Made holds are in the sound as they were judged.

    Returns:
        The file.

    Raises:
        AudioFileError: it cannot be written.
    """
    by_name: dict[str, list[Silence]] = {}
    for one in silences:
        by_name.setdefault(one.recording, []).append(one)
    file = folder / "turns.jsonl"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with file.open("w", encoding="utf-8") as lines:
            for number, recording in enumerate(one for one in recordings if one.name in by_name):
                audio, spans = _with_holds(recording, by_name[recording.name])
                sound = folder / f"{number:04d}.wav"
                _write(sound, audio)
                row = {
                    "id": recording.name,
                    "language": by_name[recording.name][-1].language,
                    "audio": str(sound.resolve()),
                    "silence_spans": [{"start": round(a, 3), "end": round(b, 3)} for a, b in spans],
                }
                lines.write(json.dumps(row, ensure_ascii=False) + "\n")
    except OSError as error:
        raise AudioFileError(f"{folder} cannot be written: {error.strerror or error}.") from None
    return file


def _with_holds(
    recording: SpokenSample, silences: Sequence[Silence]
) -> tuple[Samples, list[tuple[float, float]]]:
    """The sound with the holds that were made, and all of its silences, in order."""
    audio = trimmed(recording.audio)
    pieces: list[Samples] = []
    spans: list[tuple[float, float]] = []
    done, added = 0, 0.0
    random = Random(recording.name)  # noqa: S311  # repeatable, not secret
    loudness = float(np.abs(audio).max(initial=0.0))
    for one in sorted((one for one in silences if one.kind == "hold"), key=lambda one: one.at):
        start = one.at + added
        spans.append((start, start + one.seconds))
        if not one.natural:
            cut = round(one.at * SAMPLE_RATE)
            pieces += [audio[done:cut], _room(one.seconds, loudness, random)]
            done, added = cut, added + one.seconds
    pieces += [audio[done:], _room(LONGEST, loudness, random)]
    end = len(audio) / SAMPLE_RATE + added
    return np.concatenate(pieces), [*spans, (end, end + LONGEST)]


def _write(file: Path, audio: Samples) -> None:
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SAMPLE_RATE)
        out.writeframes((np.clip(audio, -1.0, 1.0) * 32767).astype("<i2").tobytes())
