"""Whisper on ONNX Runtime beside CTranslate2: the same recordings through both, in turn, in one run.

Every recording is heard as in use: partial transcripts while it grows, one of them on its way when the key comes, then the final. Nothing
waits for real time: sound "arrives" as fast as it is decoded, so a run takes as long as the decoding does. Beside the time on the clock,
which other programs lengthen, the processor's time is counted.
"""

from __future__ import annotations

import csv
import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vita_tui.audio.base import SAMPLE_RATE, Samples
from vita_tui.audio.files import read_audio
from vita_tui.bench.figures import about, ratio, spread
from vita_tui.bench.recordings import SpokenSample, with_references
from vita_tui.bench.word_errors import errors, normalised
from vita_tui.engines.stt.base import Stop
from vita_tui.engines.stt.runtime.loading import WhisperWeights
from vita_tui.engines.stt.runtime.whisper import WhisperRecognizer
from vita_tui.engines.stt.scheduling.agreement import PartialTranscriber
from vita_tui.models.lookup import place
from vita_tui.settings import Settings

__all__ = ["RUNTIMES", "Sample", "gathered", "measure", "report", "start_up"]

RUNTIMES = ("onnx", "ctranslate2")
STEP = 1.0
"""Seconds of sound between two partial transcripts; fewer than in use, for a run of two hundred recordings to end."""
STARTS = 5


@dataclass(frozen=True, slots=True)
class Sample:
    """One recording through one runtime."""

    runtime: str
    file: str
    seconds: float
    """Of sound."""
    final_ms: float
    """From the end of the sound to the words: the partial that is cancelled, and the final."""
    final_cpu_ms: float
    partial_ms: tuple[float, ...]
    """What each partial took: so far behind the speech its words are."""
    partial_cpu_ms: tuple[float, ...]
    text: str
    windows: int
    guard: tuple[str, ...]


def gathered(place: Path) -> list[SpokenSample]:
    """The recordings that `refs.tsv` in the folder `place` names, with their transcripts, and those that `words.tsv` in folders of it names,
    with the words that must be found in any order; those have a "/" in their names.

    Raises:
        AudioFileError: there is no such file, or a recording cannot be read.
    """
    found = with_references(place)
    for table in sorted(place.glob("*/words.tsv")):
        with table.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
                audio = read_audio(table.parent / row["file"])
                found.append(SpokenSample(f"{table.parent.name}/{row['file']}", audio, row["words"]))
    return found


def measure(
    settings: Settings, recordings: Sequence[SpokenSample], done: Callable[[Sample], None] = lambda _: None
) -> list[Sample]:
    """Every recording through both runtimes, the one first and then the other, changing.

    Raises:
        ModelError: Whisper's weights are missing or do not load.
        EngineError: a decode failed.
    """
    engines = {name: _recognizer(settings, name) for name in RUNTIMES}
    samples = []
    lot = random.Random(1)  # noqa: S311 - no secret
    for number, recording in enumerate(recordings):
        phase = lot.uniform(0.0, settings.stt.partial_interval)
        for name in RUNTIMES if number % 2 else reversed(RUNTIMES):
            sample = _heard(name, engines[name], recording, phase)
            samples.append(sample)
            done(sample)
    return samples


def report(
    settings: Settings, recordings: Sequence[SpokenSample], samples: Sequence[Sample]
) -> dict[str, Any]:
    """Medians and percentiles of each runtime, and ratios, CTranslate2's to ONNX Runtime's: over 1, ONNX Runtime is quicker."""
    said = {recording.name: recording.text for recording in recordings}
    result: dict[str, Any] = {"about": about("runtimes"), "model": settings.stt.model}
    for name in RUNTIMES:
        own = [sample for sample in samples if sample.runtime == name]
        pairs = [(sample.file, normalised(said[sample.file]), normalised(sample.text)) for sample in own]
        whole = [(spoken, heard) for file, spoken, heard in pairs if "/" not in file]
        parts = [(spoken, heard) for file, spoken, heard in pairs if "/" in file]
        result[name] = {
            "final_ms": spread([sample.final_ms for sample in own]),
            "final_cpu_ms": spread([sample.final_cpu_ms for sample in own]),
            "partial_ms": spread([ms for sample in own for ms in sample.partial_ms]),
            "partial_cpu_ms": spread([ms for sample in own for ms in sample.partial_cpu_ms]),
            "words": sum(len(spoken) for spoken, _ in whole),
            "wrong": sum(errors(*pair) for pair in whole),
            "to_find": sum(len(spoken) for spoken, _ in parts),
            "found": sum(_found(*pair) for pair in parts),
            "windows": sum(sample.windows for sample in own),
            "decoded_again": sum(bool(sample.guard) for sample in own),
        }
    one, other = (result[name] for name in RUNTIMES)
    result["ratios"] = {
        figure: {part: ratio(other[figure][part], one[figure][part]) for part in ("p50", "p95")}
        for figure in ("final_ms", "final_cpu_ms", "partial_ms", "partial_cpu_ms")
    }
    result["utterances"] = [asdict(sample) for sample in samples]
    return result


def start_up(settings: Settings, times: int = STARTS) -> dict[str, Any]:
    """Seconds until each runtime is loaded and has decoded its first sound, and the memory of a process that holds it and nothing else."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in RUNTIMES}
    for _ in range(times):
        for name in RUNTIMES:
            answer = subprocess.run(
                [sys.executable, "-m", __name__, name, settings.model_dump_json(include={"stt"})],
                check=True, capture_output=True, text=True,
            )  # fmt: skip
            found[name].append(json.loads(answer.stdout))
    return {
        name: {figure: spread([one[figure] for one in ones]) for figure in ones[0]}
        for name, ones in found.items()
    }


# ----


def _recognizer(settings: Settings, runtime: str) -> WhisperRecognizer:
    stt = settings.stt
    recognizer = WhisperRecognizer(
        WhisperWeights(stt.model, place("stt", stt.model)),
        device=stt.device,
        compute_type=stt.compute_type,
        threads=stt.threads,
        language=stt.language,
        drafts=runtime == "onnx",
    )
    recognizer.load()
    return recognizer


def _heard(name: str, engine: WhisperRecognizer, recording: SpokenSample, phase: float) -> Sample:
    transcriber = PartialTranscriber()
    walls: list[float] = []
    cpus: list[float] = []
    length = len(recording.audio)
    for end in _steps(length, phase):
        stop = Stop()
        left = (length - end) / SAMPLE_RATE
        # The last one is still on its way when the key comes, and is told to stop.
        timer = threading.Timer(left, stop.set)
        if left <= phase:
            timer.start()
        wall, cpu = time.perf_counter(), time.process_time()
        transcriber.decode(engine, recording.audio[:end], stop)
        took, worked = time.perf_counter() - wall, time.process_time() - cpu
        timer.cancel()
        if not stop.is_set():
            walls.append(took * 1000)
            cpus.append(worked * 1000)
            late = max(0.0, took - left)
        else:
            late = took - left
    wall, cpu = time.perf_counter(), time.process_time()
    result = transcriber.finish(engine, recording.audio, Stop())
    return Sample(
        name,
        recording.name,
        length / SAMPLE_RATE,
        round((late + time.perf_counter() - wall) * 1000, 1),
        round((time.process_time() - cpu) * 1000, 1),
        tuple(round(ms, 1) for ms in walls),
        tuple(round(ms, 1) for ms in cpus),
        result.text,
        result.windows,
        result.guard,
    )


def _steps(length: int, phase: float) -> Iterator[int]:
    """How much has arrived, in samples, whenever a partial begins; the last one `phase` seconds before the end."""
    last = max(1, length - round(phase * SAMPLE_RATE))
    step = round(STEP * SAMPLE_RATE)
    yield from range(step, last - step // 4, step)
    yield last


def _found(spoken: Sequence[str], heard: Sequence[str]) -> int:
    left = list(heard)
    count = 0
    for word in spoken:
        if word in left:
            left.remove(word)
            count += 1
    return count


def _child(runtime: str, settings: str) -> None:
    import psutil

    started = time.perf_counter()
    engine = _recognizer(Settings(**json.loads(settings)), runtime)
    loaded = time.perf_counter() - started
    sound: Samples = (0.1 * np.random.default_rng(1).standard_normal(3 * SAMPLE_RATE)).astype(np.float32)
    engine.transcribe(sound)
    sys.stdout.write(json.dumps({"seconds": loaded, "megabytes": psutil.Process().memory_info().rss / 1e6}))


if __name__ == "__main__":
    _child(*sys.argv[1:])
