"""What a tool is: a name and a schema that the language model is shown, what a call may change, and what runs it.

What a tool returns was written by others. It is data: cleaned, bounded, and never an approval or a setting.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from vita_tui.errors import ToolError
from vita_tui.text.clean import clean

__all__ = [
    "BuiltInTool",
    "Effect",
    "Image",
    "OnProgress",
    "Tool",
    "ToolResult",
    "arguments_of",
    "bounded",
    "text_argument",
]

Effect = Literal["none", "own", "look", "act"]
"""What a call may do. "none": nothing, such as a sum. "own": change VITA's timers and lists, which the user sees. "look": read what is the
user's, or go out to the network. "act": change anything else."""

OnProgress = Callable[[str], None]
"""Is told, in a few words, how far a call is."""

LONGEST_ARGUMENTS = 200_000
"""Characters of a call's arguments."""


@dataclass(frozen=True, slots=True)
class Image:
    """A picture that a tool returned."""

    mime: str
    data: str
    """Base64."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a call came to."""

    text: str
    failed: bool = False
    """The tool itself says that it did not work."""
    images: tuple[Image, ...] = ()


class Tool(Protocol):
    """Something that a language model may call. On the assistant's loop."""

    @property
    def name(self) -> str:
        """As the model calls it: letters, digits, "_" and "-", at most 64."""
        ...

    @property
    def source(self) -> str:
        """Who offers it: "VITA", or the name of an MCP server."""
        ...

    @property
    def description(self) -> str: ...
    @property
    def schema(self) -> Mapping[str, Any]:
        """JSON schema of its arguments, an object."""
        ...

    @property
    def effect(self) -> Effect: ...

    def delicate(self, arguments: Mapping[str, Any]) -> bool:
        """Whether this call is asked for even where looking is allowed: a hidden file, an address in the private network."""
        ...

    async def run(self, arguments: Mapping[str, Any], progress: OnProgress) -> ToolResult:
        """Do it. Cancelling ends what it has begun.

        Raises:
            ToolError: it cannot be done; the sentence is for the model, and shown.
        """
        ...


class BuiltInTool:
    """What VITA's own tools have in common: arguments that are text, and no call that is more delicate than the others."""

    name: str
    description: str
    effect: Effect
    arguments: Mapping[str, str]
    """What each is, in words."""
    required: tuple[str, ...] = ()
    source: str = "VITA"

    @property
    def schema(self) -> Mapping[str, Any]:
        properties = {
            name: {"type": "string", "description": words} for name, words in self.arguments.items()
        }
        return {"type": "object", "properties": properties, "required": list(self.required)}

    def delicate(self, arguments: Mapping[str, Any]) -> bool:
        return False


def arguments_of(text: str) -> dict[str, Any]:
    """The arguments of a call, as the model wrote them.

    Raises:
        ToolError: they are not a JSON object.
    """
    if len(text) > LONGEST_ARGUMENTS:
        raise ToolError("The arguments are too long.")
    try:
        found = json.loads(text) if text.strip() else {}
        if isinstance(found, str):  # some models write the object as a string once more
            found = json.loads(found) if found.strip() else {}
    except (ValueError, RecursionError):
        raise ToolError("The arguments are not valid JSON.") from None
    if found is None:
        found = {}
    if not isinstance(found, dict):
        raise ToolError("The arguments are not a JSON object.")
    return found


def text_argument(arguments: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """An argument that is text; a number is taken for what it looks like.

    Raises:
        ToolError: it is missing, or something else.
    """
    value = arguments.get(name, default)
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise ToolError(f"The argument “{name}” is missing or not text.")
    return value


def bounded(text: str, longest: int) -> str:
    """`text` cleaned, and of a long one its beginning and end, at most `longest` characters and a note."""
    text = clean(text)
    if len(text) <= longest:
        return text
    head = longest * 3 // 4
    tail = longest - head
    return f"{text[:head]}\n[… {len(text) - longest:,} characters left out …]\n{text[-tail:]}"
