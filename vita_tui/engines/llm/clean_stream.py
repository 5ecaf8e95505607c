"""What a model says is text: control characters and escape sequences are taken out as it streams."""

from __future__ import annotations

from vita_tui.text.clean import CONTROLS, ESCAPES, UNFINISHED_ESCAPE, whole

__all__ = ["Cleaner"]

_LONGEST_ESCAPE = 4096
"""Characters; what is longer is not an escape sequence but text that happened to follow one."""


class Cleaner:
    """Cleans one reply, piece by piece; what may turn out to be part of something unwanted is held back."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, delta: str) -> str:
        """The part of the reply that is certain by now; may be empty."""
        text = self._held + delta
        self._held = ""
        # Servers may cut a character of two halves in the middle; a half that stays alone cannot be shown or stored.
        half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
        text = whole(text[: len(text) - len(half)])
        text = ESCAPES.sub("", text)
        unfinished = UNFINISHED_ESCAPE.search(text)
        if unfinished is not None and len(unfinished.group()) <= _LONGEST_ESCAPE:
            self._held = unfinished.group()
            text = text[: unfinished.start()]
        self._held += half
        return CONTROLS.sub("", text.replace("\r\n", "\n"))

    def finish(self) -> str:
        """What was held back and turned out to be text."""
        held, self._held = self._held, ""
        return CONTROLS.sub("", UNFINISHED_ESCAPE.sub("", whole(held)))
