"""Whether a tool may be called: asked of the user, by key or by voice, and by nobody else.

What a model writes, a tool returns or the loudspeaker says is never an answer: the only ways in are `answer`, for keys, and `hear`, for a
transcript of which the caller knows that the user said it.
"""

from __future__ import annotations

import asyncio
import functools
import json
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from importlib import resources
from typing import Any, Literal

from vita_tui.events import EventBus, ToolAnswered, ToolAsked
from vita_tui.settings import ToolSettings
from vita_tui.text.clean import CONTROLS, whole
from vita_tui.text.vocabulary import base
from vita_tui.tools.base import Tool

__all__ = ["Consent", "Decision", "phrases", "shown"]

Decision = Literal["yes", "no", "always", "looking"]
"""This call; not this call; this tool for the rest of the conversation; from now on all calls that only look."""

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


@dataclass(slots=True)
class _Question:
    event: ToolAsked
    answer: asyncio.Future[Decision]


class Consent:
    """Asks, one call at a time. On the assistant's loop."""

    def __init__(self, settings: ToolSettings, bus: EventBus, *, asks: bool) -> None:
        """
        Args:
            asks: somebody is there who is shown what is asked; otherwise what needs to be asked for is denied.
        """
        self._settings = settings
        self._bus = bus
        self.asks = asks
        """Somebody is there to be asked."""
        self._always: set[str] = set()
        self._question: _Question | None = None
        self._turn = asyncio.Lock()
        self.looking_is_allowed = False
        """The user has allowed all that only looks, until VITA ends."""

    @property
    def asked(self) -> ToolAsked | None:
        """What the user is being asked now."""
        return self._question.event if self._question is not None else None

    def new_conversation(self) -> None:
        """What was allowed for the conversation is allowed no more."""
        self._always.clear()

    def needed(self, tool: Tool, arguments: Mapping[str, Any]) -> bool:
        """Whether the user has to be asked for this call."""
        match tool.effect:
            case "none" | "own":
                return False
            case "look":
                if tool.delicate(arguments):
                    return True
                allowed = self._settings.read_only == "allow" or self.looking_is_allowed
                return not allowed and _key(tool) not in self._always
            case _:
                return _key(tool) not in self._always

    async def allowed(
        self,
        turn: int,
        call: str,
        tool: Tool,
        arguments: Mapping[str, Any],
        on_ask: Callable[[Tool], None] = lambda _: None,
    ) -> bool:
        """Whether the call may be made; waits for the user where they have to be asked.

        Args:
            on_ask: called when they are.
        """
        async with self._turn:
            if not self.needed(tool, arguments):
                return True
            if not self.asks:
                return False
            event = ToolAsked(turn, call, tool.name, tool.source, shown(arguments), tool.effect)
            question = self._question = _Question(event, asyncio.get_running_loop().create_future())
            decision: Decision | None = None
            try:
                self._bus.publish(event)
                on_ask(tool)
                decision = await question.answer
            finally:
                self._question = None
                self._bus.publish(ToolAnswered(turn, call, decision or "no"))
            if decision == "always":
                self._always.add(_key(tool))
            elif decision == "looking" and tool.effect == "look":
                self.looking_is_allowed = True
            return (
                decision == "yes" or decision == "always" or (decision == "looking" and tool.effect == "look")
            )

    def answer(self, call: str, decision: Decision) -> bool:
        """The user's decision about `call`; False when that is not what is being asked."""
        question = self._question
        if question is None or question.event.call != call or question.answer.done():
            return False
        question.answer.set_result(decision)
        return True

    def hear(self, text: str, language: str) -> Decision | None:
        """What `text`, which the user has said, decides; None when it is something else."""
        question = self._question
        if question is None or question.answer.done():
            return None
        said = " ".join(word.lower().replace("’", "'") for word in _WORD.findall(text))
        words = phrases(language)
        if said in words["no"]:
            question.answer.set_result("no")
            return "no"
        # What changes something is not allowed by a word that may have been misheard.
        if said in words["yes"] or (said in words["short_yes"] and question.event.effect == "look"):
            question.answer.set_result("yes")
            return "yes"
        return None


def shown(arguments: Mapping[str, Any]) -> str:
    """Arguments in full, for the eye: what cannot be seen stands there as an escape."""
    lines = []
    for name, value in arguments.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
        visible = CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", whole(text))
        head = CONTROLS.sub("", whole(name))
        lines.append(f"{head}:\n{visible}" if "\n" in visible else f"{head}: {visible}")
    return "\n".join(lines)


def phrases(language: str) -> dict[str, Any]:
    """What is said and understood around tools in `language`: those of English where it has none."""
    every = _phrases()
    return every.get(base(language), every["en"])


@functools.cache
def _phrases() -> dict[str, dict[str, Any]]:
    file = resources.files("vita_tui.conversation.thinking") / "consent.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


def _key(tool: Tool) -> str:
    """A tool as it is now: one that is described anew has to be allowed anew."""
    made_of = [tool.source, tool.name, tool.description, tool.schema]
    return blake2b(json.dumps(made_of, default=str).encode("utf-8", "replace"), digest_size=16).hexdigest()
