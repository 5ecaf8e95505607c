"""What is said beside a reply while tools are called: the question whether one may, and that it takes a while."""

from __future__ import annotations

from collections.abc import Callable

from vita_tui.conversation.thinking.consent import phrases
from vita_tui.conversation.thinking.reply_output import ReplyOutput
from vita_tui.tools.base import Tool

__all__ = ["Asides"]


class Asides:
    """Those of one reply."""

    def __init__(
        self, output: ReplyOutput, spoken: bool, silenced: Callable[[], bool], on_wait: Callable[[], None]
    ) -> None:
        """
        Args:
            spoken: the question was; a typed one is answered by key.
            silenced: whether the reply was told to end.
            on_wait: called now and then after the first "one moment".
        """
        self._output = output
        self._spoken = spoken
        self._silenced = silenced
        self._on_wait = on_wait
        self._waited = False

    def ask(self, tool: Tool) -> None:
        """Whether `tool` may be called."""
        if self._spoken:
            self._say("ask", tool=tool.name.removeprefix(f"{tool.source}__").replace("_", " "))

    def wait(self, number: int) -> None:
        """That it takes a while, once in a reply; `number` counts how often it was to be said for the present calls."""
        if number == 0 and not self._waited:
            self._waited = True
            self._say("wait")
        else:
            self._on_wait()

    def _say(self, phrase: str, **names: str) -> None:
        if not self._silenced():
            self._output.say_aside(phrases(self._output.language)[phrase].format(**names))
