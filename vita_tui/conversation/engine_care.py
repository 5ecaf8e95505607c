"""The engines of a conversation between their work: loaded at the start, loaded again, tried again, freed, and set anew."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

from vita_tui.conversation.engine_replacing import Replacing
from vita_tui.conversation.hearing.hearing import Hearing
from vita_tui.conversation.replies import Replies
from vita_tui.conversation.speaking.speaking import Speaking
from vita_tui.conversation.thinking.language_model import LanguageModel
from vita_tui.conversation.turn_taking import TurnTaking
from vita_tui.engines.chain import Chain
from vita_tui.engines.tts.base import Multilingual
from vita_tui.events import Job, Part, State
from vita_tui.health.process_memory import give_back
from vita_tui.health.tasks import Tasks
from vita_tui.settings import Settings

__all__ = ["EngineCare"]

EACH: Mapping[str, tuple[Job, str]] = {
    "tts.rate": ("tts", "rate"),
    "tts.volume": ("tts", "volume"),
    "stt.language": ("stt", "language"),
    "stt.languages": ("stt", "languages"),
    "stt.words": ("stt", "words"),
    "llm.temperature": ("llm", "temperature"),
}
"""Settings that engines take at once: of which job, and as which attribute."""

ANEW: Mapping[Job, frozenset[str]] = {
    "stt": frozenset(
        {
            "engines",
            "endpoints",
            "model",
            "device",
            "compute_type",
            "threads",
            "short_windows",
            "drafts",
            "fallback",
        }
    ),
    "llm": frozenset(
        {
            "engines",
            "endpoints",
            "base_url",
            "model",
            "api_key",
            "fallback",
            "context_window",
            "max_tokens",
            "timeout",
            "threads",
            "examples",
        }
    ),
    "tts": frozenset(
        {"endpoints", "base_url", "model", "remote_voice", "api_key", "voice", "system_voice", "timeout"}
    ),
}
"""Settings for which the engines of a job are made anew."""
PROMPT = frozenset({"llm.system_prompt", "llm.text_prompt", "audio.speak"})
"""Settings that the model reads another prompt for."""


class EngineCare:
    """On the assistant's loop."""

    def __init__(
        self,
        chains: Mapping[Job, Chain[Any]],
        speech: Speaking,
        hearing: Hearing | None,
        model: LanguageModel,
        replies: Replies,
        turn: TurnTaking,
        tasks: Tasks,
        replacing: Replacing | None = None,
    ) -> None:
        """
        Args:
            replacing: puts other engines in the place of those that there are; None where they stay what they are.
        """
        self._replacing = replacing
        self._chains = chains
        self._speech = speech
        self._hearing = hearing
        self._model = model
        self._replies = replies
        self._turn = turn
        self._tasks = tasks
        self.loading: set[Job] = set()
        """Jobs of which no engine has been loaded yet, nor said why not."""
        self.ready = asyncio.Event()
        """Set when every engine has been loaded, or has said why it was not."""

    def start(self) -> None:
        """Load all that there is."""
        parts: dict[Job, bool] = {"llm": True, "tts": self._speech.usable, "stt": self._hearing is not None}
        self.loading = {part for part, there in parts.items() if there}
        self._model.load_soon()
        if self._speech.usable:
            self._speech.start()
        if self._hearing is not None:
            self._hearing.start(on_ready=partial(self._tasks.post, self.loaded, "stt"))

    def loaded(self, job: Job) -> None:
        """An engine of `job` is there, or is known not to come."""
        if job == "llm" and job in self.loading:
            self._replies.loaded()
        self.loading.discard(job)
        if not self.loading:
            if not self.ready.is_set():
                self._tasks.spawn(asyncio.to_thread(give_back), "give memory back")
            self._turn.loaded()
            self.ready.set()

    def wake(self, part: Part) -> None:
        """What an engine of `part` was missing is there now: load it."""
        if part == "turn":
            if self._hearing is not None:
                self._hearing.reload_scorer()
            return
        if self._replacing is not None and self._replacing.again(part):
            return
        self._chains[part].reset()
        if part == "llm":
            self._model.load_soon()
        elif part == "tts":
            self._speech.reload()
        elif self._hearing is not None:
            self._hearing.worker.reload()

    def probe(self, job: Job) -> None:
        """Try the engines of `job` that may be tried again, where they live, unless somebody waits for an answer."""
        if self._replies.closed or self._replies.running or self._turn.state is not State.IDLE:
            return
        if job == "llm":
            self._model.probe()
        elif job == "tts" and self._speech.usable:
            self._speech.probe()
        elif job == "stt" and self._hearing is not None:
            self._hearing.worker.probe()

    async def apply(self, key: str, value: Any) -> None:
        """Have engines and devices follow a setting that has changed."""
        section, name = key.split(".", 1)
        if (section == "talk" or key == "stt.partials") and self._hearing is not None:
            self._hearing.configure()
        if key in EACH:
            job, name = EACH[key]
            for engine in self._chains[job].engines:
                setattr(engine, name, value)
        elif key == "audio.output":
            await asyncio.to_thread(self._speech.use, value)
        elif key == "audio.input" and self._hearing is not None:
            await asyncio.to_thread(self._hearing.use, value)
        for job, names in ANEW.items():
            if section == job and name in names and self._replacing is not None:
                self._replacing.soon(job)
        self.reread(key)

    def reread(self, key: str) -> None:
        """Have the model read its prompt again if the setting `key`, which has changed, is part of it; from any thread, at any time."""
        if key in PROMPT:
            self._tasks.post(self._model.read_history)

    def order_voices(self, settings: Settings) -> None:
        """Try voices in the order of the settings, those that speak the language first, and have them speak it."""
        kinds = settings.voices
        there = {
            voice.name if voice.name in ("piper", "pyttsx3", *settings.tts.endpoints) else "remote"
            for voice in self._chains["tts"].engines
        }
        wanted = {kind for kind in kinds if kind != "remote" or settings.tts.base_url}
        if self._replacing is not None and there != wanted and self._replacing.soon("tts"):
            return
        remote = kinds.index("remote") if "remote" in kinds else len(kinds)
        voices = self._chains["tts"]
        for voice in voices.engines:
            if isinstance(voice, Multilingual):
                voice.language = settings.spoken_language
        voices.sort(lambda voice: kinds.index(voice.name) if voice.name in kinds else remote)
        if self._speech.usable:
            self._speech.reload()

    async def free_model(self) -> None:
        """Unload the language model, now and after every answer."""
        await self._replies.settled()
        await self._model.free()

    async def close_models(self) -> list[Any]:
        """End the language models; returns what became of each, errors too."""
        models = self._chains["llm"].engines
        return await asyncio.gather(*(engine.cleanup() for engine in models), return_exceptions=True)
