"""VITA's abilities as tools: `own.toml` says which. A call becomes a sentence, which is understood and answered without a model."""

from __future__ import annotations

import asyncio
import functools
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from vita_tui.abilities.base import Context
from vita_tui.abilities.service import Abilities
from vita_tui.errors import ToolError
from vita_tui.text.clean import clean_line
from vita_tui.tools.base import BuiltInTool, Effect, OnProgress, ToolResult, text_argument

__all__ = ["OwnTool", "own_tools"]

LANGUAGE = "en"
"""In which the sentences are."""


@dataclass(frozen=True)
class OwnTool(BuiltInTool):
    """One ability, or a part of one."""

    name: str
    description: str
    effect: Effect
    sentence: str
    intents: frozenset[str]
    abilities: Abilities
    context: Callable[[], Context]
    arguments: Mapping[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    defaults: Mapping[str, str] = field(default_factory=dict)
    also: str = ""
    """A second sentence, whose answer is added."""
    also_intents: frozenset[str] = frozenset()

    async def run(self, arguments: Mapping[str, Any], progress: OnProgress) -> ToolResult:
        values = {
            name: clean_line(text_argument(arguments, name, self.defaults.get(name, ""))).strip()
            for name in self.arguments
        }
        if missing := next((name for name in self.required if not values[name]), None):
            raise ToolError(f"The argument “{missing}” is missing.")
        said = await asyncio.to_thread(self._answer, _filled(self.sentence, values), self.intents)
        if self.also and not any(values.values()):
            said += " " + await asyncio.to_thread(self._answer, self.also, self.also_intents)
        return ToolResult(said)

    def _answer(self, sentence: str, intents: frozenset[str]) -> str:
        understood = self.abilities.understand_now(sentence, self.context(), [LANGUAGE])
        # What is filled in may not turn the sentence into another request.
        if understood is None or understood.match.intent not in intents:
            raise ToolError(f"VITA does not understand “{sentence}”.", remedy="Use simpler words.")
        return understood.carry_out().text


def own_tools(abilities: Abilities, context: Callable[[], Context]) -> list[OwnTool]:
    """All of them."""
    return [
        OwnTool(
            row["name"],
            row["description"],
            row["effect"],
            row["sentence"],
            frozenset(row["intents"]),
            abilities,
            context,
            row.get("arguments", {}),
            tuple(row.get("required", ())),
            row.get("defaults", {}),
            row.get("also", ""),
            frozenset(row.get("also_intents", ())),
        )
        for row in _rows()
    ]


@functools.cache
def _rows() -> list[dict[str, Any]]:
    file = resources.files("vita_tui.tools") / "own.toml"
    rows: list[dict[str, Any]] = tomllib.loads(file.read_text(encoding="utf-8"))["tool"]
    return rows


def _filled(sentence: str, values: Mapping[str, str]) -> str:
    def part(found: re.Match[str]) -> str:
        return found[1] if all(values[name] for name in re.findall(r"\{(\w+)\}", found[1])) else ""

    shortened = re.sub(r"\[([^\]]*)\]", part, sentence)
    # One pass: what is filled in is not filled again.
    return re.sub(r"\{(\w+)\}", lambda found: values[found[1]], shortened)
