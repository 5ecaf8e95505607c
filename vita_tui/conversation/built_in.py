"""Requests that are answered without the model, in the conversation: understood, carried out, and what follows from them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from vita_tui.abilities.base import Context, Request
from vita_tui.abilities.phrases import languages
from vita_tui.abilities.service import ENGINE, Abilities, PlannedRequest
from vita_tui.clock import Clock
from vita_tui.conversation.history import History
from vita_tui.conversation.thinking.exchange import Exchange
from vita_tui.engines.chain import Chain
from vita_tui.events import EngineWorked, EventBus, Job
from vita_tui.settings import Settings
from vita_tui.text.vocabulary import base

__all__ = ["BuiltIn"]

AT_ONCE = ("volume", "rate", "stop", "language", "voices")
"""Requests that the reply itself is spoken by; the others follow when it was heard."""


class BuiltIn:
    """On the assistant's loop; sentences are tried in threads."""

    def __init__(
        self,
        settings: Settings,
        abilities: Abilities | None,
        history: History,
        chains: Mapping[Job, Chain[Any]],
        do: Callable[[Request], Awaitable[None]],
        bus: EventBus,
        clock: Clock,
    ) -> None:
        """
        Args:
            abilities: None for none.
            do: what only the conversation can do.
        """
        self._settings = settings
        self._abilities = abilities
        self._history = history
        self._chains = chains
        self._do = do
        self._bus = bus
        self._clock = clock
        self._following: dict[int, tuple[Request, ...]] = {}
        """What is to be done when a reply was heard, by its turn."""

    def warm(self) -> None:
        """Begin to load the languages that will be needed."""
        if self._abilities is not None and self._settings.abilities.enabled:
            loading = threading.Thread(
                target=self._load, args=(self._abilities,), name="abilities", daemon=True
            )
            loading.start()

    def _load(self, abilities: Abilities) -> None:
        for language in self._languages():
            abilities.warm(language)

    async def understands(self, text: str) -> bool:
        """Whether `text` is a request that needs no model. Nothing is done about it."""
        return await self._understand(text) is not None

    async def is_whole(self, text: str) -> bool:
        """Whether `text` is such a request, and hardly anything can follow. Nothing is done about it."""
        understood = await self._understand(text)
        return understood is not None and await asyncio.to_thread(lambda: understood.whole)

    async def answers(self, exchange: Exchange) -> bool:
        """Carry out the request of `exchange` and give it its reply; False when it is a question for the model."""
        began = time.perf_counter()
        understood = await self._understand(exchange.question)
        if understood is None or exchange.stopped:
            return False
        answered = await asyncio.to_thread(understood.carry_out)
        seconds = time.perf_counter() - began
        self._bus.publish(EngineWorked("llm", ENGINE, seconds))
        for request in answered.requests:
            if request.name in AT_ONCE:
                await self._do(request)
        self._following[exchange.turn] = tuple(
            request for request in answered.requests if request.name not in AT_ONCE
        )
        engine = f"{ENGINE} · {answered.about}" if answered.about else ENGINE
        exchange.give(answered.text, engine, language=answered.language)
        return True

    async def _understand(self, text: str) -> PlannedRequest | None:
        if self._abilities is None or not self._settings.abilities.enabled:
            return None
        return await self._abilities.understand(text, self.context(text), self._languages())

    async def follow(self, exchange: Exchange) -> None:
        """The reply was heard: do what it announced."""
        for request in self._following.pop(exchange.turn, ()):
            await self._do(request)

    def context(self, question: str = "") -> Context:
        """What an ability may need to know, for `question`."""
        asked = self._history.asked
        if asked and asked[-1] == question:
            asked = asked[:-1]  # it is kept already
        return Context(
            self._clock,
            asked_before=asked,
            last_reply=self._history.last_reply,
            volume=self._settings.tts.volume,
            rate=self._settings.tts.rate,
            voices=tuple(dict.fromkeys(self._voices())),
            english_only=self._settings.stt.model.endswith(".en"),
            troubles=tuple(self._troubles()),
        )

    def _voices(self) -> list[str]:
        """The kinds of voices that there are, in order."""
        names = [voice.name for voice in self._chains["tts"].engines]
        return [name if name in self._settings.tts.engines else "remote" for name in names]

    def _troubles(self) -> list[str]:
        return [
            f"{engine.name}: {reason}"
            for chain in self._chains.values()
            for engine in chain.engines
            if (reason := chain.reason(engine.name))
        ]

    def _languages(self) -> tuple[str, ...]:
        """Those that a sentence may be in: the one that is spoken, or all that there are."""
        if self._settings.stt.language == "auto":
            return tuple(sorted(languages(), key=lambda language: language != "en"))
        return (base(self._settings.stt.language),)
