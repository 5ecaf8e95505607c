"""What a voice session takes: memory with its child process, turn after turn, and the processor while nobody speaks."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from vita_tui.audio.files import FileSpeaker
from vita_tui.bench.figures import about
from vita_tui.bench.microphone import StudioMicrophone
from vita_tui.bench.one_turn import spoken_turn
from vita_tui.bench.recordings import SpokenSample, trimmed
from vita_tui.bench.turn import end_utterance
from vita_tui.conversation.build import build
from vita_tui.health.process_memory import MemoryMeter
from vita_tui.health.threads import RegisteredThread
from vita_tui.settings import Settings

__all__ = ["measure", "report"]

SAMPLE_SECONDS = 0.05
"""Seconds between two looks at memory."""
SETTLE_SECONDS = 3.0
"""After all engines are ready, until what starting has left to do is done."""


async def measure(
    settings: Settings,
    questions: Sequence[SpokenSample],
    rounds: int,
    *,
    idle_seconds: float = 10.0,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Ask `rounds` spoken questions in one conversation and return the report.

    Memory is resident memory with all children. Before the first question the microphone listens, hands-free, to a silent room for
    `idle_seconds`: the processor time of that is a share of one core.

    Raises:
        VitaError: an engine is missing or fails, or a question was not understood.
    """
    microphone = StudioMicrophone()
    watch = _MemorySampler()
    empty = watch.now()
    assistant = build(settings, microphone=microphone, speaker=FileSpeaker(pace=False))
    loop = asyncio.get_running_loop()
    after: list[float] = []

    def ended() -> None:
        loop.call_soon_threadsafe(end_utterance, assistant)

    try:
        await assistant.start()
        await assistant.ready.wait()
        ready = watch.now()
        progress(f"listening to silence for {idle_seconds:g} s")
        assistant.set_hands_free(True)
        await asyncio.sleep(SETTLE_SECONDS)
        before, started = _processor_seconds(), time.monotonic()
        await asyncio.sleep(idle_seconds)
        idle = (_processor_seconds() - before) / max(1e-9, time.monotonic() - started)
        assistant.set_hands_free(False)
        watch.start()  # not before: what it takes itself is not to be counted
        for number in range(rounds):
            question = questions[number % len(questions)]
            progress(f"{number + 1} of {rounds}: {question.name}")
            microphone.cue(trimmed(question.audio), ended)
            await spoken_turn(assistant, microphone)
            after.append(watch.now())
    finally:
        await assistant.aclose()
        watch.stop()
    return report(empty, ready, watch.peak, after, idle)


def report(empty: float, ready: float, peak: float, after: Sequence[float], idle: float) -> dict[str, Any]:
    """The figures; `empty`, `ready`, `peak` and `after` each turn in MB, `idle` as a share of one core."""
    half = len(after) // 2
    growth = max(after[half:]) / max(after[:half]) - 1.0 if half else None
    return {
        "about": about("memory"),
        "rounds": len(after),
        "empty_mb": round(empty, 1),
        "ready_mb": round(ready, 1),
        "peak_mb": round(peak, 1),
        "after_mb": round(after[-1], 1),
        "growth": None if growth is None else round(growth, 4),
        "idle_core": round(idle, 4),
        "labels": [str(number + 1) for number in range(len(after))],
        "raw": {"after_mb": [round(value, 1) for value in after]},
    }


class _MemorySampler:
    """Looks at memory in its own thread, `memory watch`, until `stop`."""

    def __init__(self) -> None:
        self.peak = 0.0
        """MB."""
        self._meter = MemoryMeter(max_age=0.0)
        self._stopping = threading.Event()
        self._thread = RegisteredThread(
            self._run, name="memory watch", owner="bench.footprint", close=self.stop
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.finish(1.0)

    def now(self) -> float:
        """MB at this moment."""
        used = self._meter.read(fresh=True).own / 1e6
        self.peak = max(self.peak, used)
        return used

    def _run(self) -> None:
        while not self._stopping.wait(SAMPLE_SECONDS):
            self.now()


def _processor_seconds() -> float:
    """Of this process and its children, since they began."""
    import psutil

    total = 0.0
    me = psutil.Process()
    for process in (me, *me.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total
