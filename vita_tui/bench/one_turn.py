"""One spoken turn from beginning to end, for commands that measure or need just one."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any, Protocol

from vita_tui.conversation.assistant import Assistant
from vita_tui.errors import EngineError
from vita_tui.events import Event, FinalTranscript, NothingHeard, ReplyFinished, TurnFinished

__all__ = ["Player", "spoken_turn"]


class Player(Protocol):
    """A microphone that waits to be spoken into."""

    def play(self) -> None: ...


async def spoken_turn(assistant: Assistant, microphone: Player) -> dict[str, Any]:
    """Press the talk key, let `microphone` be heard, and return the turn that follows as data.

    Raises:
        EngineError: nothing was understood, or no engine could answer.
    """
    loop = asyncio.get_running_loop()
    seen: dict[type[Event], Any] = {}
    over = asyncio.Event()

    def listen(event: Event) -> None:
        seen[type(event)] = event
        if isinstance(event, TurnFinished | NothingHeard):
            loop.call_soon_threadsafe(over.set)

    unsubscribe = assistant.bus.subscribe(listen)
    try:
        await assistant.prepared()
        assistant.talk()
        microphone.play()
        await over.wait()
    finally:
        unsubscribe()
    if NothingHeard in seen:
        raise EngineError(f"No words were understood: {seen[NothingHeard].reason}")
    last = assistant.last
    if last is None or last.error is not None:
        raise (last.error if last is not None else None) or EngineError("The turn did not end.")
    finished: TurnFinished = seen[TurnFinished]
    timings = asdict(finished.timings)
    timings.pop("causes")
    return {
        "transcript": seen[FinalTranscript].text,
        "reply": seen[ReplyFinished].text,
        "engines": {job: finished.engines.get(job) for job in ("stt", "llm", "tts")},
        "reply_seconds": round(last.speech.seconds if last.speech is not None else 0.0, 2),
        "timings_ms": timings,
    }
