"""An assistant whose engines follow scripts and whose devices are files; everything between them is the real thing."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from vita_tui.abilities.service import Abilities
from vita_tui.audio.base import SAMPLE_RATE, Microphone, Speaker
from vita_tui.audio.files import FileMicrophone, FileSpeaker
from vita_tui.conversation.assistant import Assistant
from vita_tui.conversation.components import Components
from vita_tui.conversation.engine_replacing import Maker
from vita_tui.engines.chain import Chain
from vita_tui.engines.llm.base import Responder
from vita_tui.engines.llm.fake import FakeResponder
from vita_tui.engines.stt.base import Recognizer
from vita_tui.engines.stt.fake import FakeRecognizer
from vita_tui.engines.tts.base import Synthesizer
from vita_tui.engines.tts.fake import FakeSynthesizer
from vita_tui.events import Event, EventBus, Job
from vita_tui.sessions.manager import SessionManager
from vita_tui.sessions.memory import MemoryStore
from vita_tui.settings import Settings

__all__ = ["Events", "assistant", "silence"]

DEADLINE = 60.0
"""Seconds after which what is waited for has failed to come."""

E = TypeVar("E", bound=Event)


class Events:
    """All events so far, from any thread; lets a test on the loop wait for one."""

    def __init__(self, bus: EventBus) -> None:
        self.all: list[Event] = []
        self._lock = threading.Lock()
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        bus.subscribe(self._take)

    def _take(self, event: Event) -> None:
        with self._lock:
            self.all.append(event)
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._changed.set)

    def of(self, kind: type[E]) -> list[E]:
        with self._lock:
            return [event for event in self.all if isinstance(event, kind)]

    async def until(self, kind: type[E], wanted: Callable[[E], bool] = lambda _: True) -> E:
        """The first event of `kind` that is `wanted`, now or when it comes."""
        async with asyncio.timeout(DEADLINE):
            while True:
                self._changed.clear()
                if found := next(filter(wanted, self.of(kind)), None):
                    return found
                await self._changed.wait()


def silence(seconds: float = 60.0) -> FileMicrophone:
    """A microphone in a quiet room."""
    return FileMicrophone(np.zeros(round(seconds * SAMPLE_RATE), np.float32))


@contextlib.asynccontextmanager
async def assistant(
    *responders: Responder,
    voices: Sequence[Synthesizer] | None = None,
    recognizer: Recognizer | None = None,
    microphone: Microphone | None = None,
    speaker: Speaker | None = None,
    upkeep: bool = False,
    abilities: Abilities | None = None,
    calls_tools: bool = False,
    asks: bool = False,
    makers: Mapping[Job, Maker] | None = None,
    **settings: Any,
) -> AsyncIterator[tuple[Assistant, Events]]:
    """An assistant that has started and is closed at the end; it says at once what it is given to say."""
    chosen = Settings(**settings)
    bus = EventBus()
    events = Events(bus)
    made = Assistant(
        Components(
            chosen,
            responders=Chain("llm", list(responders) or [FakeResponder()], chosen.health, bus=bus),
            synthesizers=Chain(
                "tts", [FakeSynthesizer()] if voices is None else list(voices), chosen.health, bus=bus
            ),
            recognizers=Chain("stt", [recognizer or FakeRecognizer()], chosen.health, bus=bus),
            sessions=SessionManager(MemoryStore(), chosen.sessions, bus=bus),
            microphone=microphone,
            speaker=FileSpeaker(pace=False) if speaker is None else speaker,
            bus=bus,
            abilities=abilities,
            tools=calls_tools,
            asks=asks,
            makers=makers,
        ),
        upkeep=upkeep,
    )
    await made.start()
    try:
        async with asyncio.timeout(DEADLINE):
            await made.ready.wait()
        yield made, events
    finally:
        await made.aclose()
