"""Recognition in the ways in which it is used, against faster-whisper's own `transcribe` on the same sound in the same run."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from vita_tui.audio.base import SAMPLE_RATE, Samples
from vita_tui.bench.figures import RESAMPLES, about, ratio, spread
from vita_tui.bench.recordings import SpokenSample
from vita_tui.bench.studio import VirtualStudio
from vita_tui.bench.virtual import WorkTimer
from vita_tui.bench.word_errors import errors, normalised
from vita_tui.conversation.build import recognizers
from vita_tui.engines.stt.base import Recognizer
from vita_tui.engines.stt.runtime.loading import Plan, WhisperWeights, open_model
from vita_tui.events import EventBus, PartialTranscript
from vita_tui.models.lookup import place
from vita_tui.settings import Settings

__all__ = ["WAYS", "Transcribed", "Way", "default_folder", "in_a_room", "measure", "plain_whisper", "report"]

WAYS = ("in_use", "key", "file", "transcribe")
GAP_SECONDS = 1.0
"""Seconds of sound between two partial transcripts from which on nobody spoke, or another recording had begun."""
LEVELS = (-70.0, -50.0)
"""dBFS of the room's noise, in turn."""
LEAD = (0.3, 0.7)
"""Seconds of room before the speech, at least and at most."""
TAIL = 0.5
"""Seconds of room after it, where a key or a file ends it."""
SHORT = 1.5
"""Seconds of a recording below which it is shown apart as well."""


@dataclass(frozen=True, slots=True)
class Transcribed:
    """What one way made of one recording."""

    text: str
    ms: float
    """From the end of the speech to the words."""
    guard: tuple[str, ...] = ()
    turns: int = 1
    """Utterances that were made of it; more than one when a pause was taken for the end."""


@dataclass(slots=True)
class Way:
    """One way to transcribe, and what it made of every recording so far."""

    heard: list[Transcribed] = field(default_factory=list)


async def measure(
    settings: Settings, recordings: Sequence[SpokenSample], progress: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """Transcribe every recording in four ways, one after the other, and return the report.

    All ways get the same sound, of a room in which the speech begins a little later. `in_use` hears it hands-free, with partial
    transcripts, drafts and pauses: its ms are those from the last voice to the words of a turn that is over. `key` hears it between two
    presses of the key. Both run in virtual time. `file` is given all of it at once, as `vita transcribe` is; `transcribe` is
    faster-whisper as it comes, with windows of 30 s and a beam of five.

    Raises:
        ModelError: Whisper's weights are missing or do not load.
        EngineError: a recording was not understood at all.
    """
    bus = EventBus()
    ours = recognizers(settings, bus).engines[0]
    await asyncio.to_thread(ours.load)
    model = await asyncio.to_thread(plain_whisper, settings, ours)
    language = None if settings.stt.language == "auto" else settings.stt.language
    ways = {name: Way() for name in WAYS}
    async with VirtualStudio(settings, ours, bus) as studio:
        for number, recording in enumerate(recordings):
            progress(recording.name)
            room = in_a_room(recording, number)
            ways["in_use"].heard.append(Transcribed(*await studio.hands_free(room)))
            ways["key"].heard.append(Transcribed(*await studio.by_key(room)))
            sound = room.sound(TAIL)
            ways["file"].heard.append(await _timed(partial(_file, ours, sound)))
            ways["transcribe"].heard.append(await _timed(partial(_plain, model, sound, language)))
        partials = studio.partials
    return report(settings, recordings, ways, partials)


@dataclass(frozen=True, slots=True)
class Room:
    """A recording as a microphone in a room hears it."""

    name: str
    audio: Samples
    """From the beginning to the end of the speech, with the room's noise."""
    noise: np.random.Generator
    amplitude: float

    @property
    def seconds(self) -> float:
        return len(self.audio) / SAMPLE_RATE

    def sound(self, tail: float) -> Samples:
        """With so many seconds of room after it."""
        return np.concatenate([self.audio, _room(self.noise, self.amplitude, tail)])


def in_a_room(recording: SpokenSample, number: int) -> Room:
    """`recording` with noise of one of `LEVELS`, after a `LEAD`; the same for the same recording and number."""
    noise = np.random.default_rng([number, *recording.name.encode()])
    amplitude = 10 ** (LEVELS[number % len(LEVELS)] / 20)
    lead = _room(noise, amplitude, noise.uniform(*LEAD))
    speech = recording.audio + _room(noise, amplitude, recording.seconds)[: len(recording.audio)]
    return Room(recording.name, np.concatenate([lead, speech]).astype(np.float32), noise, amplitude)


def plain_whisper(settings: Settings, like: Recognizer) -> Any:
    """faster-whisper's own model, with the weights, device and compute type of the recognizer `like`, which is loaded.

    Raises:
        ModelError: it does not load.
    """
    name = settings.stt.model
    plan = Plan(getattr(like, "device", "cpu"), getattr(like, "compute_type", "int8"))
    return open_model(WhisperWeights(name, place("stt", name)), plan, threads=settings.stt.threads)


def report(
    settings: Settings,
    recordings: Sequence[SpokenSample],
    ways: dict[str, Way],
    partials: Sequence[PartialTranscript] = (),
) -> dict[str, Any]:
    """The figures of every way, with the raw ones.

    Where only the words are known that must be found in a recording, its reference is what `transcribe` made of it.
    """
    result: dict[str, Any] = {"about": about("stt"), "model": settings.stt.model}
    heard = {
        name: [_words(*pair) for pair in zip(recordings, way.heard, strict=True)]
        for name, way in ways.items()
    }
    spoken = [
        theirs if recording.kind == "words" else normalised(recording.text)
        for recording, theirs in zip(recordings, heard["transcribe"], strict=True)
    ]
    wrong = {name: [errors(*pair) for pair in zip(spoken, said, strict=True)] for name, said in heard.items()}
    short = [recording.seconds < SHORT for recording in recordings]
    for name, way in ways.items():
        ms = spread([one.ms for one in way.heard])
        result[name] = {
            "wer": _rate(wrong[name], spoken),
            "ms_p50": ms["p50"],
            "ms_p95": ms["p95"],
            **_found(recordings, heard[name]),
        }
        if any(short) and not all(short):
            for part, wanted in (("short", True), ("long", False)):
                chosen = [index for index, is_short in enumerate(short) if is_short is wanted]
                result[name][part] = {
                    "recordings": len(chosen),
                    "wer": _rate(
                        [wrong[name][index] for index in chosen], [spoken[index] for index in chosen]
                    ),
                }
    result["in_use"]["cut_off"] = sum(one.turns > 1 for one in ways["in_use"].heard)
    result["in_use"]["not_heard"] = sum(not one.text for one in ways["in_use"].heard)
    result["ratio"] = ratio(result["transcribe"]["ms_p50"], result["key"]["ms_p50"])
    result["words"] = {
        "spoken": sum(map(len, spoken)),
        **{name: _more_wrong(wrong[name], wrong["transcribe"]) for name in ways if name != "transcribe"},
    }
    result["partials"] = _partials(partials, sum(recording.seconds for recording in recordings))
    result["utterances"] = [
        {
            "file": recording.name,
            "seconds": round(recording.seconds, 2),
            "reference": recording.text,
            "heard": {name: way.heard[index].text for name, way in ways.items()},
            "errors": {name: wrong[name][index] for name in ways},
            "turns": ways["in_use"].heard[index].turns,
            "guard": list(ways["in_use"].heard[index].guard),
        }
        for index, recording in enumerate(recordings)
    ]
    result["labels"] = [recording.name for recording in recordings]
    result["raw"] = {f"{name}_ms": [round(one.ms, 1) for one in way.heard] for name, way in ways.items()}
    return result


# ----


async def _timed(transcribe: Callable[[], str]) -> Transcribed:
    with WorkTimer() as watch:
        text = await asyncio.to_thread(transcribe)
    return Transcribed(text, watch.seconds * 1000)


def _file(recognizer: Recognizer, sound: Samples) -> str:
    return recognizer.transcribe(sound).text


def _plain(model: Any, sound: Samples, language: str | None) -> str:
    return " ".join(segment.text.strip() for segment in model.transcribe(sound, language=language)[0])


def _room(noise: np.random.Generator, amplitude: float, seconds: float) -> Samples:
    return (amplitude * noise.standard_normal(round(seconds * SAMPLE_RATE))).astype(np.float32)


def _words(recording: SpokenSample, heard: Transcribed) -> list[str]:
    text = heard.text
    if recording.kind == "digits":  # "2345" is what was said, as well as "2, 3, 4, 5"
        text = re.sub(r"\d", r" \g<0> ", text)
    return normalised(text)


def _rate(wrong: Sequence[int], spoken: Sequence[Sequence[str]]) -> float:
    return round(sum(wrong) / max(1, sum(map(len, spoken))), 4)


def _found(recordings: Sequence[SpokenSample], heard: Sequence[Sequence[str]]) -> dict[str, float]:
    """The share of the words that must be found, in any order; nothing where no such words are known."""
    wanted = found = 0
    for recording, said in zip(recordings, heard, strict=True):
        if recording.kind != "words":
            continue
        left = list(said)
        for word in normalised(recording.text):
            wanted += 1
            if word in left:
                left.remove(word)
                found += 1
    return {"words_found": round(found / wanted, 4)} if wanted else {}


def _more_wrong(ours: Sequence[int], theirs: Sequence[int]) -> dict[str, Any]:
    """Word errors of ours beyond theirs, and the 95 % interval of that: it holds 0 where chance may have made the difference.

    The same recordings are behind both, so pairs of them are resampled (bootstrap, percentiles).
    """
    more = np.array(ours) - np.array(theirs)
    drawn = np.random.default_rng(1).integers(0, len(more), (RESAMPLES, len(more)))
    low, high = np.percentile(more[drawn].sum(axis=1), (2.5, 97.5))
    return {"more_wrong": int(more.sum()), "interval": [round(float(low)), round(float(high))]}


def _partials(partials: Sequence[PartialTranscript], seconds: float) -> dict[str, Any]:
    """How many a second of sound, what lies between two while somebody speaks, and how far behind the speech they are; early and late in an
    utterance.
    """
    if not partials:
        return {"count": 0}
    early = [one.lag_seconds * 1000 for one in partials if one.audio_seconds < 5]
    late = [one.lag_seconds * 1000 for one in partials if one.audio_seconds >= 10]
    steps = [later.audio_seconds - one.audio_seconds for one, later in pairwise(partials)]
    steps = [step * 1000 for step in steps if 0 < step < GAP_SECONDS]
    return {
        "count": len(partials),
        "per_second": round(len(partials) / seconds, 2),
        "interval_ms": spread(steps) if steps else None,
        "lag_ms": spread([one.lag_seconds * 1000 for one in partials]),
        "lag_ms_before_5_s": spread(early) if early else None,
        "lag_ms_after_10_s": spread(late) if late else None,
    }


def default_folder() -> Path | None:
    """Recordings that lie beside the project, if they do."""
    for parent in Path(__file__).resolve().parents:
        if (found := parent / "shared" / "speech" / "refs.tsv").is_file():
            return found.parent
    return None
