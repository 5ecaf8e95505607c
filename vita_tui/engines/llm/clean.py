"""What a model says is text: control characters, escape sequences and hidden reasoning are taken out as it streams."""

from __future__ import annotations

import re

__all__ = ["Cleaner"]

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC, DCS, SOS, PM, APC
    r"|\x1b(?:[ -/]+[0-~]|[0-OQ-WYZ\\`-~])"  # two- and three-character escapes; not the start of one of those above
    r"|\x9b[0-?]*[ -/]*[@-~]"
)
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"
    "\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u2069\ufeff]"  # bidirectional overrides and what cannot be seen
)
_UNFINISHED_ESCAPE = re.compile(
    r"(?:\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b]*\x1b?|[ -/]*)?|\x9b[0-?]*[ -/]*)\Z"
)
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
        text = _whole(text[: len(text) - len(half)])
        text = _ESCAPES.sub("", text)
        unfinished = _UNFINISHED_ESCAPE.search(text)
        if unfinished is not None and len(unfinished.group()) <= _LONGEST_ESCAPE:
            self._held = unfinished.group()
            text = text[: unfinished.start()]
        text = self._without_thoughts(text)
        self._held += half
        text = _CONTROLS.sub("", text.replace("\r\n", "\n"))
        if not self._started:
            text = text.lstrip()
            self._started = bool(text)
        return text

    def finish(self) -> str:
        """What was held back and turned out to be text."""
        held, self._held = self._held, ""
        return "" if self._thinking else _CONTROLS.sub("", _UNFINISHED_ESCAPE.sub("", _whole(held)))

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


def _whole(text: str) -> str:
    """`text` with the halves of a character put together, and those that stay alone made visible."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
