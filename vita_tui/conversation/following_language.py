"""With `stt.language = "auto"`: replies are in the language of who speaks, from one turn to the next."""

from __future__ import annotations

from collections.abc import Callable

from vita_tui.settings import Settings
from vita_tui.text.spoken_languages import spoken_languages

__all__ = ["FollowingLanguage"]

LEAST_LETTERS = 6
"""Of a transcript. What is shorter may be any language: "no", "OK", "ja"."""
LEAST_CONFIDENCE = 0.3
"""Of a transcript, 0 to 1. What is doubted is often taken for another language too."""


class FollowingLanguage:
    """Takes what was understood; on the assistant's loop."""

    def __init__(self, settings: Settings, speak: Callable[[Settings], None]) -> None:
        """
        Args:
            speak: has the voices speak `settings.spoken_language`.
        """
        self._settings = settings
        self._speak = speak

    def take(self, text: str, language: str, confidence: float) -> None:
        """Answer in `language`, a code, from now on, if `text` is enough to go by."""
        settings = self._settings
        if settings.stt.language != "auto" or language == settings.spoken_language:
            return
        if language not in spoken_languages() or confidence < LEAST_CONFIDENCE:
            return
        if sum(letter.isalpha() for letter in text) < LEAST_LETTERS and text.isascii():
            return
        settings.follow(language)
        self._speak(settings)
