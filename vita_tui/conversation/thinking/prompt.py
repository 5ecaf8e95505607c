"""What the model is asked: the system prompt, as much history as fits, and the question.

History is trimmed by whole turns, oldest first. When it no longer fits it is cut to three quarters of the room at once, so
that the start of the prompt stays the same for many turns and the server's prompt cache is of use.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from vita_tui.engines.llm.base import MESSAGE_OVERHEAD, Message
from vita_tui.sessions.session import Turn
from vita_tui.settings import LlmSettings

__all__ = ["PromptBuilder"]

KEEP = 0.75
SHORT = 256
"""Bytes of a question from which its tokens are counted, which takes a request; a token is at least one of them."""


class PromptBuilder:
    """Builds the messages for one conversation; knows where its history was cut."""

    def __init__(self, settings: LlmSettings) -> None:
        self._settings = settings
        self._first_kept: str | None = None
        """Id of the oldest turn that still fits."""
        self._counts: dict[str, int] = {}

    async def build(
        self,
        turns: Sequence[Turn],
        question: str,
        count: Callable[[str], Awaitable[int]],
        context_window: int,
    ) -> list[Message]:
        """The messages to send, at most `context_window` less `max_tokens` long.

        Args:
            turns: all that was said before the question, oldest first.
            question: or what is known of it, to prepare a prefill; may be empty.
            count: counts the tokens of a text.
        """
        room = context_window - min(self._settings.max_tokens, context_window // 2)
        system = self._settings.system_prompt.strip()
        length = len(question.encode())
        room -= await count(system) + (length if length < SHORT else await count(question))
        room -= 2 * MESSAGE_OVERHEAD
        kept = await self._fitting(turns, count, room)
        messages: list[Message] = [{"role": "system", "content": system}] if system else []
        messages += [{"role": turn.role, "content": content(turn)} for turn in kept]
        if question:
            messages.append(
                {"role": "user", "content": await self._shortened(question, count, context_window)}
            )
        return messages

    async def _fitting(
        self, turns: Sequence[Turn], count: Callable[[str], Awaitable[int]], room: int
    ) -> Sequence[Turn]:
        ids = [turn.id for turn in turns]
        start = ids.index(self._first_kept) if self._first_kept in ids else 0
        sizes = []
        for turn in turns[start:]:
            key = f"{turn.id}:{turn.heard}"
            if key not in self._counts:
                self._counts[key] = await count(content(turn)) + MESSAGE_OVERHEAD
            sizes.append(self._counts[key])
        if sum(sizes) > room:
            while sizes and sum(sizes) > room * KEEP:
                sizes.pop(0)
                start += 1
            # An answer without its question only confuses.
            while start < len(turns) and turns[start].role == "assistant":
                start += 1
            self._counts = {}
        self._first_kept = ids[start] if 0 < start < len(turns) else None
        if start >= len(turns):
            return ()
        return turns[start:]

    async def _shortened(
        self, question: str, count: Callable[[str], Awaitable[int]], context_window: int
    ) -> str:
        """A question that is longer than the window keeps its end, where the request usually stands."""
        limit = context_window - min(self._settings.max_tokens, context_window // 2) - 4 * MESSAGE_OVERHEAD
        limit -= await count(self._settings.system_prompt)
        if len(question.encode()) <= limit:
            return question
        while (size := await count(question)) > max(limit, 16):
            question = question[-int(len(question) * max(limit, 16) / size * 0.9) :]
        return question


def content(turn: Turn) -> str:
    """A turn as the model sees it: of an interrupted answer only what was heard, and a note about the rest."""
    if turn.heard is None or turn.heard.strip() == turn.text.strip():
        return turn.text
    unheard = turn.text[len(turn.heard) :].strip() if turn.text.startswith(turn.heard) else ""
    note = f' [Interrupted here. Not heard: "{unheard}"]' if unheard else " [Interrupted here.]"
    return f"{turn.heard.rstrip()}{note}".strip()
