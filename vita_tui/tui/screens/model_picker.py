"""Which language model answers: the built-in ones, those of the server in the settings, and those of servers on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from vita_tui.errors import VitaError
from vita_tui.health.process_memory import MemoryMeter
from vita_tui.settings import LlmSettings
from vita_tui.text.urls import host_port
from vita_tui.tui.model_choices import Selectable, built_in_choices, served_choices, typed_choice
from vita_tui.tui.screens.picker import Picker

__all__ = ["ModelPicker"]


class ModelPicker(Picker):
    HEADING = "Language model"
    PLACEHOLDER = "Type to filter; or a .gguf file, or hf:owner/repo/file.gguf"

    def __init__(self, words: str = "") -> None:
        super().__init__(words)
        self._available = 0

    def on_mount(self) -> None:
        self.await_more("models on this machine")
        self.await_more("servers on this machine")
        self.run_worker(self._look_here())
        self.run_worker(self._look_around())
        if self._llm.base_url:
            self.await_more(host_port(self._llm.base_url))
            self.run_worker(self._look_there(self._llm.base_url))

    @property
    def _llm(self) -> LlmSettings:
        core = self.app.core
        assert core is not None
        return core.settings.llm

    async def _look_here(self) -> None:
        memory = await asyncio.to_thread(MemoryMeter().read)
        self._available = memory.available
        self._add(await asyncio.to_thread(built_in_choices, self._llm, memory.available))
        self.came("models on this machine")

    async def _look_there(self, base_url: str) -> None:
        from vita_tui.engines.llm.served_models import served_models

        problem = ""
        try:
            models = await served_models(base_url, api_key=self._llm.api_key.get_secret_value())
            self._add(served_choices(models, "", self._llm))
        except VitaError as error:
            problem = str(error)
        self.came(host_port(base_url))
        if problem:
            self.say(problem, failed=True)

    async def _look_around(self) -> None:
        from vita_tui.engines.llm.served_models import local_models

        for product, models in (await local_models()).items():
            self._add(served_choices(models, product, self._llm))
        self.came("servers on this machine")

    def _add(self, choices: Iterable[Selectable]) -> None:
        """The server of the settings may be one on this machine: each model is there once."""
        there = {tuple(sorted(one.values.items())) for one in self._all}
        self.offer(one for one in choices if tuple(sorted(one.values.items())) not in there)

    def written(self, words: str) -> Selectable | None:
        return typed_choice(words, self._llm, self._available)

    def choose(self, choice: Selectable) -> None:
        self.app.take_choice(choice, "llm")
