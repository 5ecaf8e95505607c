"""The engines of `vita serve`: one set for all clients."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from vita_tui.conversation.build import recognizers, responders, synthesizers
from vita_tui.engines.chain import Chain
from vita_tui.engines.llm.base import Responder
from vita_tui.engines.stt.base import Recognizer
from vita_tui.engines.tts.base import Synthesizer
from vita_tui.engines.turn.smart_turn import EndScorer, SmartTurn
from vita_tui.events import EventBus
from vita_tui.models.lookup import missing, place
from vita_tui.server.limits import Limits
from vita_tui.server.shared_end_of_turn import SharedEndOfTurn
from vita_tui.server.shared_model import SharedModel
from vita_tui.server.shared_recognition import SharedRecognition
from vita_tui.server.shared_voice import SharedVoice
from vita_tui.settings import Settings

__all__ = ["SharedEngines"]

LISTENING = 2
"""Threads in which voice is looked for in what clients send."""


class SharedEngines:
    """On one asyncio loop."""

    def __init__(
        self,
        settings: Settings,
        limits: Limits,
        *,
        recognition: Chain[Recognizer],
        model: Chain[Responder],
        voice: Chain[Synthesizer],
        bus: EventBus,
        scorer: EndScorer | None = None,
    ) -> None:
        """
        Args:
            scorer: judges the sound of a pause; None where nothing does.
        """
        self.settings = settings
        self.bus = bus
        self.recognition = SharedRecognition(recognition, limits, timeout=settings.stt.timeout)
        self.model = SharedModel(model, settings.llm, limits)
        self.voice = SharedVoice(voice, limits)
        self.end_of_turn = SharedEndOfTurn(scorer)
        self.listening = ThreadPoolExecutor(LISTENING, "listening for clients")
        self._loading: list[asyncio.Task[None]] = []

    @classmethod
    def by_settings(cls, settings: Settings, limits: Limits) -> SharedEngines:
        """Those that the settings name; nothing is loaded yet."""
        bus = EventBus()
        end_of_turn = not missing("turn", "smart-turn")
        return cls(
            settings,
            limits,
            recognition=recognizers(settings, bus),
            model=responders(settings, bus),
            voice=synthesizers(settings, bus),
            bus=bus,
            scorer=SmartTurn(place("turn", "smart-turn")) if end_of_turn else None,
        )

    def start(self) -> None:
        """Load all, beside what else is done."""
        self.voice.start()
        self.end_of_turn.start()
        loop = asyncio.get_running_loop()
        self._loading = [
            loop.create_task(self.recognition.start(), name="load stt"),
            loop.create_task(self.model.start(), name="load llm"),
        ]

    @property
    def ready(self) -> dict[str, bool]:
        """Of each job, whether an engine has been loaded."""
        return {
            "stt": self.recognition.ready.is_set(),
            "llm": self.model.ready.is_set(),
            "tts": self.voice.ready.is_set(),
        }

    async def aclose(self) -> None:
        """Free all."""
        for task in self._loading:
            task.cancel()
        await asyncio.gather(*self._loading, return_exceptions=True)
        await self.recognition.aclose()
        await self.voice.aclose()
        await self.model.aclose()
        self.end_of_turn.close()
        self.listening.shutdown(wait=False, cancel_futures=True)
