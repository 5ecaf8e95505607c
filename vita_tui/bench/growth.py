"""How the cost of a turn grows: with its history, the utterance, the reply, and the number of conversations, each doubled four times."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np

from vita_tui.audio.base import SAMPLE_RATE
from vita_tui.audio.files import FileSpeaker
from vita_tui.bench.figures import about
from vita_tui.bench.live import SignalCollector, heard_live
from vita_tui.bench.microphone import StudioMicrophone
from vita_tui.bench.recordings import QUESTIONS, SpokenSample, synthesised, trimmed
from vita_tui.clock import SystemClock
from vita_tui.conversation.build import build, recognizers, responders
from vita_tui.conversation.hearing.hearing import Hearing
from vita_tui.engines.llm.base import Message, Responder
from vita_tui.events import EventBus
from vita_tui.sessions.manager import SessionManager
from vita_tui.sessions.session import Turn
from vita_tui.sessions.sqlite import SqliteStore
from vita_tui.settings import Settings

__all__ = ["SIZES", "measure", "plot"]

SIZES: dict[str, tuple[int, ...]] = {
    "turns of history": (2, 4, 8, 16, 32),
    "seconds of speech": (2, 4, 8, 16, 32),
    "tokens of reply": (16, 32, 64, 128, 256),
    "conversations": (125, 250, 500, 1000, 2000),
}
REPEATS = 3

GrowthRow = dict[str, float]


async def measure(
    settings: Settings,
    progress: Callable[[str], None] = lambda _: None,
    sizes: Mapping[str, Sequence[int]] = SIZES,
) -> dict[str, Any]:
    """Medians in ms for every size, under the name of what grows.

    Raises:
        VitaError: an engine is missing or fails.
    """
    ways: dict[str, Callable[[Settings, Sequence[int]], Awaitable[list[GrowthRow]]]] = {
        "turns of history": _history,
        "seconds of speech": _speech,
        "tokens of reply": _reply,
        "conversations": _conversations,
    }
    found: dict[str, Any] = {"about": about("growth")}
    for name, way in ways.items():
        progress(name)
        rows = await way(settings, sizes[name])
        found[name] = [{"size": size, **row} for size, row in zip(sizes[name], rows, strict=True)]
    return found


async def _history(settings: Settings, sizes: Sequence[int]) -> list[GrowthRow]:
    """The first token of an answer: with the history read before the question comes, and without."""
    responder = responders(settings, EventBus()).active
    await responder.load()
    system: list[Message] = [{"role": "system", "content": settings.llm.system_prompt}]
    past: list[Message] = [
        {
            "role": "user" if n % 2 == 0 else "assistant",
            "content": f"This is turn {n} of what we said before.",
        }
        for n in range(max(sizes))
    ]
    rows = []
    try:
        for size in sizes:
            known, unknown = [], []
            for repeat in range(REPEATS):
                asked: Message = {"role": "user", "content": f"{repeat}: {QUESTIONS[repeat]}"}
                await responder.prefill([{"role": "system", "content": "Another conversation."}])
                unknown.append(await _first_token(responder, [*system, *past[:size], asked]))
                await responder.prefill([*system, *past[:size]])
                known.append(await _first_token(responder, [*system, *past[:size], asked]))
            rows.append({"first token, prefilled": _median(known), "not prefilled": _median(unknown)})
    finally:
        await responder.cleanup()
    return rows


async def _first_token(responder: Responder, messages: Sequence[Message]) -> float:
    started = time.perf_counter()
    async with contextlib.aclosing(responder.stream(messages, max_tokens=4)) as words:
        async for _ in words:
            break
    return (time.perf_counter() - started) * 1000


async def _speech(settings: Settings, sizes: Sequence[int]) -> list[GrowthRow]:
    """The final transcript after the last sample, and how far partials lag in the last two seconds."""
    settings = settings.model_copy(
        update={"talk": settings.talk.model_copy(update={"adaptive": False, "end_silence": 10.0})}
    )
    spoken = [trimmed(one.audio, 0.2) for one in synthesised()]
    longest = np.concatenate(spoken * (1 + max(sizes) * SAMPLE_RATE // sum(map(len, spoken))))
    bus = EventBus()
    signals, microphone = SignalCollector(bus), StudioMicrophone()
    hearing = Hearing(
        microphone, recognizers(settings, bus), signals.on_signal, bus, settings=settings, clock=SystemClock()
    )
    rows = []
    try:
        ready: Future[None] = Future()
        hearing.start(lambda: ready.set_result(None))
        await asyncio.wrap_future(ready)
        for size in sizes:
            signals.partials.clear()
            recording = SpokenSample(f"{size} s", longest[: size * SAMPLE_RATE])
            understood = await heard_live(hearing, microphone, signals, recording)
            waited = max(0.0, understood.at - understood.utterance.ended) * 1000
            late = [one.lag_seconds * 1000 for one in signals.partials if one.audio_seconds > size - 2.0]
            rows.append({"final transcript": round(waited, 1), "partials behind": _median(late)})
    finally:
        await asyncio.to_thread(hearing.cleanup)
    return rows


async def _reply(settings: Settings, sizes: Sequence[int]) -> list[GrowthRow]:
    """From a typed question to the first sound, and to the end of the reply."""
    rows = []
    for size in sizes:
        longer = settings.model_copy(
            update={"llm": settings.llm.model_copy(update={"max_tokens": size, "temperature": 0.0})}
        )
        assistant = build(longer, recognition=False, speaker=FileSpeaker(pace=False))
        first, whole = [], []
        try:
            await assistant.start()
            await assistant.ready.wait()
            for _ in range(REPEATS):
                started = time.perf_counter()
                await assistant.ask("Tell me a long story about the sea and everything in it.")
                whole.append((time.perf_counter() - started) * 1000)
                speech = assistant.last.speech if assistant.last is not None else None
                if speech is not None and speech.first_played is not None and assistant.last is not None:
                    first.append((speech.first_played - (assistant.last.watch.zero or 0.0)) * 1000)
                await assistant.new_session()
        finally:
            await assistant.aclose()
        rows.append({"first sound": _median(first), "all of it": _median(whole)})
    return rows


async def _conversations(settings: Settings, sizes: Sequence[int]) -> list[GrowthRow]:
    """Adding a turn, listing and searching, with so many conversations of four turns on disk."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="vita-bench-") as folder:
        manager = SessionManager(SqliteStore(Path(folder) / "sessions.db"), settings.sessions)
        await manager.open()
        try:
            ids: list[str] = []
            for size in sizes:
                while len(ids) < size:
                    session = await manager.create({})
                    for number in range(4):
                        said = f"conversation {len(ids)} says word{number}"
                        await manager.append(session.id, Turn("assistant" if number % 2 else "user", said))
                    ids.append(session.id)

                async def add(ids: Sequence[str] = tuple(ids)) -> None:
                    await manager.append(ids[0], Turn("user", "one more"))

                async def look() -> None:
                    await manager.list(50)

                async def search(size: int = size) -> None:
                    await manager.search(f"{size - 1} word2", 20)

                rows.append(
                    {
                        name: await _timed(do)
                        for name, do in (("add", add), ("list", look), ("search", search))
                    }
                )
        finally:
            await manager.cleanup()
    return rows


async def _timed(do: Callable[[], Awaitable[None]]) -> float:
    times = []
    for _ in range(5 * REPEATS):
        started = time.perf_counter()
        await do()
        times.append((time.perf_counter() - started) * 1000)
    return round(statistics.median(times), 2)


def _median(values: Sequence[float]) -> float:
    return round(statistics.median(values), 1) if values else float("nan")


def plot(result: dict[str, Any], file: Path) -> None:
    """Draw the figures of `measure`, one panel for each thing that grows; the ending of `file` names the format.

    Raises:
        ImportError: matplotlib, the extra plot, is not installed.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, panels = plt.subplots(1, len(SIZES), figsize=(4 * len(SIZES), 3.4), layout="constrained")
    for panel, name in zip(panels, SIZES, strict=True):
        rows = result[name]
        for line in (key for key in rows[0] if key != "size"):
            panel.plot([row["size"] for row in rows], [row[line] for row in rows], marker="o", label=line)
        panel.set(xscale="log", xlabel=name, ylabel="ms", ylim=(0, None))
        panel.set_xticks([row["size"] for row in rows], [str(row["size"]) for row in rows])
        panel.minorticks_off()
        panel.legend(frameon=False)
        panel.grid(alpha=0.3)
    figure.savefig(file)
    plt.close(figure)
