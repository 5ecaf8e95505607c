"""Whole voice turns as they are, against the same engines one after the other, in the same run."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from vita_tui.audio.files import FileSpeaker
from vita_tui.bench.figures import about, ratio, spread
from vita_tui.bench.microphone import StudioMicrophone
from vita_tui.bench.one_turn import spoken_turn
from vita_tui.bench.recordings import SpokenSample, trimmed
from vita_tui.bench.stt import plain_whisper
from vita_tui.conversation.assistant import Assistant
from vita_tui.conversation.build import build
from vita_tui.engines.llm.base import Message
from vita_tui.health.process_memory import MemoryMeter
from vita_tui.settings import Settings
from vita_tui.text.spoken import spoken

__all__ = ["end_utterance", "measure", "report"]


async def measure(
    settings: Settings,
    questions: Sequence[SpokenSample],
    rounds: int,
    *,
    cascade: bool = True,
    pause: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Ask `rounds` questions, each in its own conversation, and return the report.

    A question is heard in real time; its last sample is the key, or with `pause` the beginning of the silence that ends it.
    `voice_to_voice` counts from there to the first sound that is ready to play. The cascade gets all of the question at once and
    goes through faster-whisper's transcribe, the whole reply of the same model and the whole speech of the same voice: its ms are
    the sum.

    Raises:
        VitaError: an engine is missing or fails, or a question was not understood.
    """
    microphone = StudioMicrophone()
    assistant = build(settings, microphone=microphone, speaker=FileSpeaker(pace=False))
    meter = MemoryMeter(max_age=0.0)
    turns: list[dict[str, Any]] = []
    slow: list[dict[str, float]] = []
    memory: list[int] = []
    loop = asyncio.get_running_loop()

    def ended() -> None:
        if not pause:
            loop.call_soon_threadsafe(end_utterance, assistant)

    try:
        await assistant.start()
        await assistant.ready.wait()
        model = (
            await asyncio.to_thread(plain_whisper, settings, assistant.chains["stt"].active)
            if cascade
            else None
        )
        for number in range(rounds):
            question = questions[number % len(questions)]
            progress(f"{number + 1} of {rounds}: {question.name}")
            audio = trimmed(question.audio)
            microphone.cue(audio, ended)
            turns.append({"question": question.name, **await spoken_turn(assistant, microphone)})
            usage = meter.read(fresh=True)
            memory.append(usage.own)
            if model is not None:
                slow.append(await _cascade(settings, assistant, model, audio))
            await assistant.new_session()
    finally:
        await assistant.aclose()
    return report(turns, slow, memory)


def report(
    turns: Sequence[dict[str, Any]], cascade: Sequence[dict[str, float]], memory: Sequence[int]
) -> dict[str, Any]:
    """The figures of all rounds, with the raw ones."""
    ours = [turn["timings_ms"]["voice_to_voice"] for turn in turns]
    slow = [sum(stages.values()) for stages in cascade]
    stages = {
        name: [turn["timings_ms"][name] for turn in turns if turn["timings_ms"].get(name) is not None]
        for name in turns[0]["timings_ms"]
    }
    result: dict[str, Any] = {
        "about": about("turn"),
        "rounds": len(turns),
        "voice_to_voice_ms": spread(ours),
        "cascade_ms": spread(slow) if slow else None,
        "ratio": None,
        "stages_ms": {name: spread(values) for name, values in stages.items() if values},
        "cascade_stages_ms": {name: spread([one[name] for one in cascade]) for name in cascade[0]}
        if cascade
        else {},
        "memory_mb": round(max(memory) / 1e6, 1) if memory else None,
        "turns": list(turns),
        "labels": [turn["question"] for turn in turns],
        "raw": {"voice_to_voice_ms": ours, **({"cascade_ms": [round(ms, 1) for ms in slow]} if slow else {})},
    }
    if slow:
        result["ratio"] = ratio(result["cascade_ms"]["p50"], result["voice_to_voice_ms"]["p50"])
    return result


def end_utterance(assistant: Assistant) -> None:
    """The key, unless a pause was quicker."""
    if assistant.state.value == "listening":
        assistant.talk()


async def _cascade(settings: Settings, assistant: Assistant, model: Any, audio: Any) -> dict[str, float]:
    """Milliseconds of each of three whole steps."""
    language = None if settings.stt.language == "auto" else settings.stt.language

    def transcribe() -> str:
        return " ".join(one.text.strip() for one in model.transcribe(audio, language=language)[0])

    started = time.perf_counter()
    question = await asyncio.to_thread(transcribe)
    understood = time.perf_counter()
    messages: list[Message] = [
        {"role": "system", "content": settings.llm.system_prompt},
        {"role": "user", "content": question},
    ]
    reply = ""
    responder = assistant.chains["llm"].active
    async with contextlib.aclosing(
        responder.stream(messages, max_tokens=settings.llm.longest_reply())
    ) as words:
        async for word in words:
            reply += word if isinstance(word, str) else ""
    answered = time.perf_counter()
    voice = assistant.chains["tts"].active

    def speak() -> int:
        pieces = list(voice.speak(spoken(reply) or "Well.", cancelled=threading.Event()))
        return len(np.concatenate(pieces)) if pieces else 0

    await asyncio.to_thread(speak)
    spoke = time.perf_counter()
    times = {"stt": understood - started, "llm": answered - understood, "tts": spoke - answered}
    return {name: round(seconds * 1000, 1) for name, seconds in times.items()}
