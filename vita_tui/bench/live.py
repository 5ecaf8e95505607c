"""A recording spoken to `Hearing` in real time."""

from __future__ import annotations

import asyncio

from vita_tui.bench.microphone import StudioMicrophone
from vita_tui.bench.recordings import SpokenSample
from vita_tui.conversation.hearing.hearing import Hearing
from vita_tui.conversation.hearing.signals import Signal, Understood
from vita_tui.errors import EngineError
from vita_tui.events import Event, EventBus, PartialTranscript

__all__ = ["SignalCollector", "heard_live"]

DEADLINE = 60.0
"""Seconds after the end of a recording in which it is understood, or never will be."""


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
