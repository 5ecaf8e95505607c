"""Recognition as a turn uses it, against faster-whisper's own `transcribe` on the same recordings in the same run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from vita_tui.bench.figures import RESAMPLES, about, ratio, spread
from vita_tui.bench.microphone import StudioMicrophone
from vita_tui.bench.recordings import SpokenSample
from vita_tui.bench.word_errors import errors, normalised
from vita_tui.clock import SystemClock
from vita_tui.conversation.build import recognizers
from vita_tui.conversation.hearing.hearing import Hearing
from vita_tui.conversation.hearing.signals import Signal, Understood
from vita_tui.engines.stt.base import Recognizer
from vita_tui.engines.stt.runtime.loading import Plan, WhisperWeights, open_model
from vita_tui.errors import EngineError
from vita_tui.events import Event, EventBus, PartialTranscript
from vita_tui.models.lookup import place
from vita_tui.settings import Settings

__all__ = [
    "WAYS",
    "SignalCollector",
    "Transcribed",
    "Way",
    "default_folder",
    "heard_live",
    "measure",
    "plain_whisper",
    "report",
]

WAYS = ("ours", "decode", "transcribe", "greedy")
GAP_SECONDS = 1.0
"""Seconds of sound between two partial transcripts from which on nobody spoke, or another recording had begun."""
DEADLINE = 60.0
"""Seconds after the end of a recording in which it is understood, or never will be."""

Transcribe = Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class Transcribed:
    """What one way made of one recording."""

    text: str
    ms: float
    """From the end of the recording to the words."""
    guard: tuple[str, ...] = ()


@dataclass(slots=True)
class Way:
    """One way to transcribe, and what it made of every recording so far."""

    heard: list[Transcribed] = field(default_factory=list)


async def measure(
    settings: Settings, recordings: Sequence[SpokenSample], progress: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """Transcribe every recording in four ways, one after the other, and return the report.

    `ours` hears it in real time, with partial transcripts and the head start of a speculative decode, as in a turn: its ms are what
    a user waits after the last sample. The others are given all of it at once: `decode` is our decoder, `transcribe` is
    faster-whisper as it comes, `greedy` the same with a beam of one.

    Raises:
        ModelError: Whisper's weights are missing or do not load.
        EngineError: a recording was not understood at all.
    """
    bus = EventBus()
    chain = recognizers(settings, bus)
    ours = chain.engines[0]
    await asyncio.to_thread(ours.load)
    model = await asyncio.to_thread(plain_whisper, settings, ours)
    signals = SignalCollector(bus)
    microphone = StudioMicrophone()
    hearing = Hearing(microphone, chain, signals.on_signal, bus, settings=settings, clock=SystemClock())
    try:
        ready: Future[None] = Future()
        hearing.start(lambda: ready.set_result(None))
        await asyncio.wrap_future(ready)
        ways = {name: Way() for name in WAYS}
        others = _others(settings, hearing, model)
        for recording in recordings:
            progress(recording.name)
            understood = await heard_live(hearing, microphone, signals, recording)
            waited = (understood.at - understood.utterance.ended) * 1000
            ways["ours"].heard.append(Transcribed(understood.text, max(0.0, waited), understood.guard))
            for name, transcribe in others.items():
                started = time.perf_counter()
                text = await asyncio.to_thread(transcribe, recording.audio)
                ways[name].heard.append(Transcribed(text, (time.perf_counter() - started) * 1000))
    finally:
        await asyncio.to_thread(hearing.cleanup)
    return report(settings, recordings, ways, signals.partials)


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
    """The figures of every way, with the raw ones."""
    seconds = sum(recording.seconds for recording in recordings)
    result: dict[str, Any] = {"about": about("stt"), "model": settings.stt.model}
    spoken = [normalised(recording.text) for recording in recordings]
    words = sum(len(one) for one in spoken)
    wrong = {
        name: [errors(said, normalised(heard.text)) for said, heard in zip(spoken, way.heard, strict=True)]
        for name, way in ways.items()
    }
    for name, way in ways.items():
        ms = [heard.ms for heard in way.heard]
        figures = spread(ms)
        result[name] = {
            "wer": round(sum(wrong[name]) / max(1, words), 4),
            "ms_p50": figures["p50"],
            "ms_p95": figures["p95"],
            "rtf": round(sum(ms) / 1000 / seconds, 4),
        }
    result["ratio"] = ratio(result["transcribe"]["ms_p50"], result["ours"]["ms_p50"])
    result["words"] = {"spoken": words, **_more_wrong(wrong["ours"], wrong["transcribe"])}
    result["partials"] = _partials(partials, seconds)
    result["utterances"] = [
        {
            "file": recording.name,
            "seconds": round(recording.seconds, 2),
            "reference": recording.text,
            "hypothesis": heard.text,
            "errors": missed,
            "ms": round(heard.ms, 1),
            "guard": list(heard.guard),
        }
        for recording, heard, missed in zip(recordings, ways["ours"].heard, wrong["ours"], strict=True)
    ]
    result["labels"] = [recording.name for recording in recordings]
    result["raw"] = {f"{name}_ms": [round(heard.ms, 1) for heard in way.heard] for name, way in ways.items()}
    return result


# ----


class SignalCollector:
    """Takes what `Hearing` tells; only what was understood counts here."""

    def __init__(self, bus: EventBus) -> None:
        self.understood: asyncio.Future[Understood] | None = None
        self.partials: list[PartialTranscript] = []
        bus.subscribe(self._on_event)

    def on_signal(self, signal: Signal) -> None:
        if isinstance(signal, Understood) and self.understood is not None and not self.understood.done():
            self.understood.set_result(signal)

    def _on_event(self, event: Event) -> None:
        if isinstance(event, PartialTranscript):
            self.partials.append(event)


async def heard_live(
    hearing: Hearing, microphone: StudioMicrophone, signals: SignalCollector, recording: SpokenSample
) -> Understood:
    """Speak `recording` into the microphone; its end is the key."""
    loop = asyncio.get_running_loop()
    signals.understood = loop.create_future()
    microphone.cue(recording.audio, hearing.end)
    hearing.begin()
    microphone.play()
    try:
        async with asyncio.timeout(recording.seconds + DEADLINE):
            return await signals.understood
    except TimeoutError:
        raise EngineError(
            f"{recording.name} was not understood within {DEADLINE:.0f} s of its end.",
            remedy="Run vita doctor.",
        ) from None


def _others(settings: Settings, hearing: Hearing, model: Any) -> dict[str, Transcribe]:
    language = None if settings.stt.language == "auto" else settings.stt.language

    def text(segments: Iterable[Any]) -> str:
        return " ".join(segment.text.strip() for segment in segments)

    return {
        "decode": lambda audio: hearing.worker.final(audio).result().text,
        "transcribe": lambda audio: text(model.transcribe(audio, language=language)[0]),
        "greedy": lambda audio: text(model.transcribe(audio, language=language, beam_size=1)[0]),
    }


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
