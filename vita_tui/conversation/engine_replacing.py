"""Other engines in the place of those that there are, while the conversation goes on: another model, another voice, another recognizer.

The new ones are made from the settings as they are then. A language model is loaded while the old one still answers, and takes over with
the next question; the old one ends when its reply is over. Voices and recognizers are loaded and freed in their own threads, between two
pieces of work.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any

from vita_tui.conversation.hearing.hearing import Hearing
from vita_tui.conversation.speaking.speaking import Speaking
from vita_tui.conversation.thinking.language_model import LanguageModel
from vita_tui.engines.chain import Chain
from vita_tui.engines.llm.base import Responder
from vita_tui.engines.llm.embedded import EmbeddedResponder
from vita_tui.errors import VitaError
from vita_tui.events import EventBus, Job, Notice
from vita_tui.health.process_memory import MemoryMeter
from vita_tui.models.memory_need import fits
from vita_tui.settings import Settings

__all__ = ["Maker", "Replacing"]

log = logging.getLogger(__name__)

Maker = Callable[[Settings], Sequence[Any]]
"""Makes the engines of a job, in order, as the settings want them; nothing is loaded yet."""


class Replacing:
    """On the assistant's loop."""

    def __init__(
        self,
        settings: Settings,
        makers: Mapping[Job, Maker],
        chains: Mapping[Job, Chain[Any]],
        speech: Speaking,
        hearing: Hearing | None,
        model: LanguageModel,
        bus: EventBus,
        *,
        spawn: Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]],
        settled: Callable[[], Awaitable[None]],
    ) -> None:
        """
        Args:
            settled: waits until the reply that is being given is over.
        """
        self._settings = settings
        self._makers = makers
        self._chains = chains
        self._speech = speech
        self._hearing = hearing
        self._model = model
        self._bus = bus
        self._spawn = spawn
        self._settled = settled
        self._running: dict[Job, asyncio.Task[None]] = {}
        self._model_failed = False
        """The new language model could not be loaded: the old one still answers."""

    def soon(self, job: Job) -> bool:
        """Replace the engines of `job`, once all settings that change together have changed; False when they stay what they are."""
        if job not in self._makers:
            return False
        if (running := self._running.get(job)) is not None:
            running.cancel()
        work = {"llm": self._responders, "tts": self._voices, "stt": self._recognizers}[job]
        self._running[job] = self._spawn(work(), f"replace {job}")
        return True

    def again(self, job: str) -> bool:
        """What the new engines of `job` were missing is there now; False when none are waited for."""
        if job == "llm" and self._model_failed:
            self.soon("llm")
            return True
        return False

    async def _responders(self) -> None:
        await asyncio.sleep(0)
        chain = self._chains["llm"]
        self._model_failed = False
        made: list[Responder] = list(self._makers["llm"](self._settings))
        taken = False
        try:
            first = made[0] if made else None
            if first is not None and not _fits(first) and self._model.idle:
                # Both do not fit: a question that comes meanwhile waits for the new one.
                self._model.stop_reading()
                await asyncio.gather(*(engine.cleanup() for engine in chain.engines))
            if first is not None:
                await first.load()
            taken = True
        except VitaError as error:
            self._model_failed = True
            name = made[0].name
            log.warning("%s is not used: %s", name, error)
            still = f" {chain.active_name} still answers." if chain.engines else ""
            self._bus.publish(
                Notice(
                    f"Not answering with {name}",
                    f"{error.message}{still}",
                    error.remedy,
                    "warning",
                    key="model",
                )
            )
        finally:
            if not taken:
                await asyncio.gather(*(engine.cleanup() for engine in made))
        if not taken:
            return
        self._model.stop_reading()
        gone = chain.replace(made)
        if made:
            self._bus.publish(
                Notice(f"Answering with {made[0].name}", "From the next question on.", key="model")
            )
        self._model.load_soon()
        # Whatever becomes of this task, a model that nobody asks any more must not stay.
        self._spawn(self._free(gone), "free replaced models")

    async def _free(self, engines: Sequence[Responder]) -> None:
        try:
            await self._settled()
        finally:
            for engine in engines:
                with contextlib.suppress(VitaError):
                    await engine.cleanup()

    async def _voices(self) -> None:
        await asyncio.sleep(0)
        gone = self._chains["tts"].replace(self._makers["tts"](self._settings))
        if self._speech.usable:
            self._speech.start()
            self._speech.reload()
        for engine in gone:
            self._speech.unload(engine)

    async def _recognizers(self) -> None:
        await asyncio.sleep(0)
        gone = self._chains["stt"].replace(self._makers["stt"](self._settings))
        if self._hearing is not None:
            for engine in gone:
                self._hearing.worker.unload(engine)
            self._hearing.worker.reload()


def _fits(engine: Responder) -> bool:
    """Whether there is memory for it beside all that is there."""
    if not isinstance(engine, EmbeddedResponder):
        return True
    return fits(engine.weights_size, MemoryMeter().read().available)
