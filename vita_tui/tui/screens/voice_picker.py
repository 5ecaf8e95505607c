"""Which voice reads the replies: heard by a key before it is chosen."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from vita_tui.errors import VitaError
from vita_tui.text.spoken_languages import language_of_voice
from vita_tui.text.urls import host_port
from vita_tui.tui.model_choices import Selectable
from vita_tui.tui.screens.picker import Picker
from vita_tui.tui.voice_choices import remote_choices, voice_choices

__all__ = ["VoicePicker"]


class VoicePicker(Picker):
    HEADING = "Voice"
    PLACEHOLDER = "Type to filter, such as a language; or a .onnx file of Piper's"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "ctrl+s",
            "sample",
            "Sample",
            id="voice.sample",
            tooltip="Hear the voice that is marked",
            show=False,
            priority=True,
        ),
    ]

    def ways(self) -> str:
        return "ctrl+s plays it · enter chooses · esc closes"

    def on_mount(self) -> None:
        assert self.app.core is not None
        self.run_worker(self._look(self.app.core.settings))

    async def _look(self, settings: Any) -> None:
        self.offer(await asyncio.to_thread(voice_choices, settings))
        if settings.tts.base_url:
            from vita_tui.engines.tts.served_voices import served_voices

            where = host_port(settings.tts.base_url)
            self.await_more(where)
            key = settings.tts.api_key.get_secret_value()
            names = await served_voices(settings.tts.base_url, api_key=key)
            self.offer(remote_choices(names or [settings.tts.remote_voice], settings, where))
            self.came(where)

    def written(self, words: str) -> Selectable | None:
        name = words.strip()
        if not name.endswith(".onnx"):
            return None
        values = {"tts.voice": name, "tts.engines": ("remote", "piper", "pyttsx3")}
        return Selectable(name, "a file of yours, or of the hub", "Piper", values)

    def action_sample(self) -> None:
        choice = self.marked
        if choice is None:
            return
        if choice.lacking:
            self.say("It can be heard when it was fetched: enter fetches it.")
            return
        self.run_worker(self._sample(choice), group="sample", exclusive=True)

    async def _sample(self, choice: Selectable) -> None:
        core = self.app.core
        assert core is not None
        self.say(f"Playing {choice.title} …")
        voice = str(choice.values.get("tts.voice", ""))
        try:
            await core.sample(choice.values, language_of_voice(voice) or core.settings.spoken_language)
        except VitaError as error:
            self.say(str(error), failed=True)
        else:
            self.say("")

    def choose(self, choice: Selectable) -> None:
        self.app.take_choice(choice, "tts")
