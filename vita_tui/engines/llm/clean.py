"""What a model says is text: control characters, escape sequences and hidden reasoning are taken out as it streams."""

from __future__ import annotations

from vita_tui.text.clean import CONTROLS, ESCAPES, UNFINISHED_ESCAPE, whole

__all__ = ["Cleaner"]

_OPEN, _CLOSE = "<think>", "</think>"
_LONGEST_ESCAPE = 4096
"""Characters; what is longer is not an escape sequence but text that happened to follow one."""


class Cleaner:
    """Cleans one reply, piece by piece; what may turn out to be part of something unwanted is held back."""

    def __init__(self) -> None:
        self._held = ""
        self._thinking = False
        self._started = False

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
        text = self._without_thoughts(text)
        self._held += half
        text = CONTROLS.sub("", text.replace("\r\n", "\n"))
        if not self._started:
            text = text.lstrip()
            self._started = bool(text)
        return text

    def finish(self) -> str:
        """What was held back and turned out to be text."""
        held, self._held = self._held, ""
        return "" if self._thinking else CONTROLS.sub("", UNFINISHED_ESCAPE.sub("", whole(held)))

    def _without_thoughts(self, text: str) -> str:
        said = ""
        while text:
            mark = _CLOSE if self._thinking else _OPEN
            before, found, after = text.partition(mark)
            if found:
                said += "" if self._thinking else before
                self._thinking = not self._thinking
                text = after
                continue
            # The mark may be split between two pieces.
            size = next(
                (n for n in range(min(len(mark) - 1, len(text)), 0, -1) if text.endswith(mark[:n])), 0
            )
            if size:
                self._held = text[-size:] + self._held
                text = text[:-size]
            if not self._thinking:
                said += text
            return said
        return said
