"""What the model is asked: the system prompt, as much history as fits, and the question.

History is trimmed by whole turns, oldest first. When it no longer fits it is cut to three quarters of the room at once, so
that the start of the prompt stays the same for many turns and the server's prompt cache is of use.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from vita_tui.engines.llm.base import MESSAGE_OVERHEAD, Message
from vita_tui.sessions.session import Turn
from vita_tui.settings import LlmSettings
from vita_tui.text.spoken_languages import spoken_languages
from vita_tui.text.vocabulary import base

__all__ = ["LeftOut", "PromptBuilder", "in_language"]

KEEP = 0.75
UNCOUNTED_BYTES = 256
"""Bytes of a question from which its tokens are counted, which takes a request; a token is at least one of them."""
SILENCED = "[The user stopped the voice here; what follows was on the screen and not heard.]"
LONGEST_WORD = 40
"""Characters up to the first blank that are left out with what does not fit."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What of a prompt did not fit into the model's window."""

    fit: int
    """Tokens of the question that are sent."""
    tokens: int
    """Tokens of the whole question."""
    turns: int
    """Earlier turns that are not sent."""

    def __str__(self) -> str:
        if self.fit < self.tokens:
            return f"Too long for this model: {self.fit:,} of {self.tokens:,} tokens fit"
        return f"The model does not see the first {self.turns} turns: they do not fit any more"


class PromptBuilder:
    """Builds the messages for one conversation; knows where its history was cut."""

    def __init__(
        self,
        settings: LlmSettings,
        *,
        aloud: Callable[[], bool] = lambda: True,
        own: Callable[[], str] = lambda: "",
        language: Callable[[], str] = lambda: "en",
    ) -> None:
        """
        Args:
            aloud: whether replies are spoken now, and not only shown.
            own: the conversation's own system prompt; empty for that of the settings.
            language: the code of the one that is spoken now.
        """
        self._settings = settings
        self._aloud = aloud
        self._own = own
        self._language = language
        self._first_kept: str | None = None
        """Id of the oldest turn that still fits."""
        self._counts: dict[str, int] = {}
        self._kept_tokens = 0
        self.left_out: LeftOut | None = None
        """By the last `build`; None when everything fits."""
        self.tokens = 0
        """Of all messages of the last `build`, about."""

    def _system(self) -> str:
        prompt = self._own().strip() or self._settings.prompt(aloud=self._aloud())
        return in_language(prompt, self._language())

    def _content(self, turn: Turn) -> str:
        return content(turn, notes=self._settings.on_server)

    def _room(self, context_window: int) -> int:
        """Tokens for all that comes before the reply."""
        return context_window - self._settings.reply_room(context_window, aloud=self._aloud())

    async def build(
        self,
        turns: Sequence[Turn],
        question: str,
        count: Callable[[str], Awaitable[int]],
        context_window: int,
    ) -> list[Message]:
        """The messages to send, at most `context_window` less the longest reply; `left_out` tells what did not fit.

        Args:
            turns: all that was said before the question, oldest first.
            question: or what is known of it, to prepare a prefill; may be empty.
            count: counts the tokens of a text.
        """
        room = whole = self._room(context_window)
        system = self._system()
        room -= await count(system)
        sent, fit, tokens = await self._shortened(question, count, room - 2 * MESSAGE_OVERHEAD)
        room -= fit + 2 * MESSAGE_OVERHEAD
        kept = await self._fitting(turns, count, room)
        self.tokens = whole - room + self._kept_tokens
        messages: list[Message] = [{"role": "system", "content": system}] if system else []
        messages += [{"role": turn.role, "content": self._content(turn)} for turn in kept]
        if question:
            messages.append({"role": "user", "content": sent})
        dropped = len(turns) - len(kept)
        self.left_out = LeftOut(fit, tokens, dropped) if fit < tokens or dropped else None
        return messages

    async def fits(
        self, question: str, count: Callable[[str], Awaitable[int]], context_window: int
    ) -> LeftOut | None:
        """What of a question would be left out if it were asked now; None when it fits."""
        room = self._room(context_window) - await count(self._system())
        _, fit, tokens = await self._shortened(question, count, room - 2 * MESSAGE_OVERHEAD)
        return LeftOut(fit, tokens, 0) if fit < tokens else None

    async def _fitting(
        self, turns: Sequence[Turn], count: Callable[[str], Awaitable[int]], room: int
    ) -> Sequence[Turn]:
        ids = [turn.id for turn in turns]
        start = ids.index(self._first_kept) if self._first_kept in ids else 0
        sizes = []
        for turn in turns[start:]:
            key = f"{turn.id}:{turn.heard}"
            if key not in self._counts:
                self._counts[key] = await count(self._content(turn)) + MESSAGE_OVERHEAD
            sizes.append(self._counts[key])
        if sum(sizes) > room:
            while sizes and sum(sizes) > room * KEEP:
                sizes.pop(0)
                start += 1
            # An answer without its question only confuses.
            while start < len(turns) and turns[start].role == "assistant":
                start += 1
                sizes.pop(0)
            self._counts = {}
        self._kept_tokens = sum(sizes)
        self._first_kept = ids[start] if 0 < start < len(turns) else None
        if start >= len(turns):
            return ()
        return turns[start:]

    async def _shortened(
        self, question: str, count: Callable[[str], Awaitable[int]], limit: int
    ) -> tuple[str, int, int]:
        """A question that is longer than `limit` tokens keeps its end, where the request usually stands.

        Returns:
            What of it is sent, its tokens, and those of the whole.
        """
        limit = max(limit, 16)
        length = len(question.encode("utf-8", "replace"))
        if length < UNCOUNTED_BYTES and length <= limit:
            return question, length, length
        size = tokens = await count(question)
        while size > limit:
            question = question[-max(1, int(len(question) * limit / size * 0.98)) :]
            # From the beginning of a word, where there are any.
            head, blank, rest = question.partition(" ")
            question = rest if blank and len(head) < LONGEST_WORD and rest else question
            if len(question) <= 1:
                break
            size = await count(question)
        return question, size, tokens


def in_language(prompt: str, code: str) -> str:
    """A system prompt with the language in which to answer behind it. English is what models answer in anyway; an empty prompt stays empty.

    Args:
        code: of the language that is spoken, such as "de" or "pt_BR"; nothing is said of one that is not known.
    """
    language = spoken_languages().get(base(code))
    if not prompt or language is None or language.code == "en":
        return prompt
    return f"{prompt}\n\nAnswer in {language.name}, unless another language is asked for."


def content(turn: Turn, *, notes: bool = False) -> str:
    """A turn as the model sees it: of an interrupted answer what was heard, and what was only to be seen.

    A reply of which nothing sounded, and which nobody interrupted, was read: there was no speaker, or no voice. Of one that was
    interrupted, small models get what was heard, as one writes what breaks off: a note would be said by them sooner or later.

    Args:
        notes: the model keeps a note apart from what was said; it is told where the voice stopped, and what the screen still shows, for the
            user may ask about that.
    """
    if turn.heard is None or turn.heard.strip() == turn.text.strip():
        return turn.text
    heard = turn.heard.strip()
    if not heard and not turn.interrupted:
        return turn.text
    if not notes or not turn.text.startswith(turn.heard):
        return f"{heard.rstrip('.…')}…"
    rest = turn.text[len(turn.heard) :].lstrip()
    return f"{heard} {SILENCED}\n{rest}".lstrip()
