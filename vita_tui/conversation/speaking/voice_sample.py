"""A sentence in a voice that is not used yet, so that one can hear it before one chooses it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from vita_tui.conversation.speaking.speaking import Speaking
from vita_tui.errors import DeviceError
from vita_tui.settings import Settings, assign

__all__ = ["VoiceSample"]

SAMPLES: Mapping[str, str] = {
    "en": "Hello. This is how I sound.",
    "de": "Hallo. So klinge ich.",
    "fr": "Bonjour. Voici comment je parle.",
    "es": "Hola. Así es como sueno.",
    "it": "Ciao. Ecco come parlo.",
    "pt": "Olá. É assim que eu falo.",
    "nl": "Hallo. Zo klink ik.",
}
"""What is said, by language; in others, the first."""


class VoiceSample:
    """On the assistant's loop; the voice is loaded and freed in a thread."""

    def __init__(
        self, settings: Settings, make: Callable[[Settings], Sequence[Any]] | None, speaking: Speaking
    ) -> None:
        """
        Args:
            make: makes the voices that settings want; None where there are no others.
        """
        self._settings = settings
        self._make = make
        self._speaking = speaking
        self._cancelled = threading.Event()
        """Another sample is wanted."""

    async def play(self, values: Mapping[str, Any], language: str) -> None:
        """Say a sentence in the voice that is used with `values`, over what is being said.

        Args:
            values: settings by "section.name"; they are not changed.

        Raises:
            VitaError: the voice cannot be loaded, or there is no speaker.
        """
        if self._make is None or not self._speaking.usable:
            raise DeviceError("There is no voice or no speaker.", remedy="vita doctor")
        wanted = self._settings.model_copy(deep=True)
        for key, value in {**values, "stt.language": language}.items():
            assign(wanted, key, value)
        self._cancelled.set()
        self._cancelled = cancelled = threading.Event()
        voices = self._make(wanted)
        if not voices:
            raise DeviceError("There is no such voice.", remedy="vita models list")
        sound, rate = await asyncio.to_thread(
            _say, voices[0], SAMPLES.get(language, SAMPLES["en"]), cancelled
        )
        if not cancelled.is_set():
            self._speaking.ring(sound, rate)


def _say(voice: Any, sentence: str, cancelled: threading.Event) -> tuple[Any, int]:
    try:
        voice.load()
        pieces = [np.asarray(piece, np.float32) for piece in voice.speak(sentence, cancelled=cancelled)]
        return (np.concatenate(pieces) if pieces else np.zeros(0, np.float32)), int(voice.sample_rate)
    finally:
        voice.cleanup()
