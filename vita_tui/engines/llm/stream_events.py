"""What an OpenAI-compatible server sends, read byte by byte into what it means: events of a stream, or one JSON body."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["CallPieces", "Choice", "Content", "messages_of"]

MAX_EVENT_BYTES = 20_000_000
"""Of one event, or of a body that is no stream."""
_REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking", "reasoning_details", "thoughts")
_REASONING_TYPES = (
    "thinking",
    "reasoning",
    "reasoning.text",
    "reasoning.summary",
    "thought",
    "redacted_thinking",
)
_TEXT_FIELDS = ("text", "content", "value", "thinking", "reasoning", "summary")
_ENDS: dict[str, Literal["length", "filter", "tools"]] = {
    "length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_length": "length",
    "model_context_window_exceeded": "length",
    "content_filter": "filter",
    "content_filtered": "filter",
    "safety": "filter",
    "recitation": "filter",
    "prohibited_content": "filter",
    "blocklist": "filter",
    "sensitive": "filter",
    "spii": "filter",
    "tool_calls": "tools",
    "tool_use": "tools",
    "function_call": "tools",
}


_BROKEN_OFF = (
    "abort",
    "aborted",
    "cancelled",
    "canceled",
    "error",
    "insufficient_system_resource",
    "network_error",
    "timeout",
)
"""Reasons to finish that are failures of the server."""
_NONE = ("null", "none")
"""What some write for a reply that is not finished."""
_SIGNS_OF_LIFE = ("ping", "heartbeat", "keepalive", "keep-alive")
"""Names of events without anything for us."""


@dataclass(frozen=True, slots=True)
class Content:
    """One thing that an event says."""

    kind: Literal["text", "reasoning", "refusal", "tools", "finish", "error"]
    text: str = ""
    cause: Literal["", "length", "filter", "tools"] = ""
    """Of a finish: why, if not because all was said."""
    error: Any = None
    calls: tuple[Any, ...] = ()
    """Of tools: pieces of calls, as the server sent them."""


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class CallPieces:
    """CallPieces of tools, put together from pieces: servers number them, or do not; send them in pieces, whole, or twice."""

    _found: dict[object, _Call] = field(default_factory=dict)

    def add(self, pieces: tuple[Any, ...]) -> None:
        """Take the pieces of one event."""
        for place, piece in enumerate(pieces):
            if not isinstance(piece, dict):
                continue
            inner = piece.get("function")
            function: dict[str, Any] = inner if isinstance(inner, dict) else piece
            name = function.get("name")
            named = name if isinstance(name, str) else ""
            call = self._found.setdefault(self._key(piece, place, named), _Call())
            if isinstance(piece.get("id"), str) and piece["id"]:
                call.id = piece["id"]
            # A name comes at once; some servers repeat it with each piece.
            call.name = call.name or named
            arguments = function.get("arguments", function.get("parameters"))
            if isinstance(arguments, str):
                call.arguments = (call.arguments + arguments)[:MAX_EVENT_BYTES]
            elif isinstance(arguments, dict):
                call.arguments = json.dumps(arguments, ensure_ascii=False)

    def _key(self, piece: dict[str, Any], place: int, named: str) -> object:
        index = piece.get("index")
        if isinstance(index, int) and not isinstance(index, bool):
            known = self._found.get(index)
            other = piece.get("id")
            # Some give every call the number 0.
            if known is None or not known.id or not isinstance(other, str) or not other or other == known.id:
                return index
            return other
        if isinstance(piece.get("id"), str) and piece["id"]:
            return piece["id"]
        if named or not self._found:
            return ("call", len(self._found))
        return list(self._found)[-1]

    def all(self) -> list[tuple[str, str, str]]:
        """(id, name, arguments) of each, in order; those without a name are none."""
        named = [call for call in self._found.values() if call.name.strip()]
        return [
            (call.id or f"call_{number}", call.name.strip(), call.arguments)
            for number, call in enumerate(named)
        ]


async def messages_of(pieces: AsyncIterator[bytes]) -> AsyncGenerator[Any, None]:
    """The JSON of each event, as it comes; None for a sign of life that says nothing, and for the mark at the end, `[DONE]`, "".

    Servers that send one body, or lines of JSON, instead of events are understood as well.

    Raises:
        ValueError: it is neither, or broke off inside of an event.
    """
    held = b""
    event = _Event()
    whole = False
    """It is a body, not a stream."""
    async for piece in pieces:
        held += piece
        if len(held) > MAX_EVENT_BYTES:
            raise ValueError("an event without end")
        whole = whole or (not event.begun and held[:1024].lstrip(b"\xef\xbb\xbf \r\n\t")[:1] in (b"{", b"["))
        if whole:
            *lines, rest = held.split(b"\n")
            if not all(_is_json(line) for line in lines):
                yield None
                continue
            held = rest
            for line in lines:
                if line.strip():
                    for value in _each(json.loads(line)):
                        yield value
            continue
        lines = held.splitlines(keepends=True)
        held = b""
        # A line end may be cut in the middle, which then looks like an empty line: what is not ended by "\n" waits.
        if lines and not lines[-1].endswith(b"\n"):
            held = lines.pop()
        for line in lines:
            for value in event.line(line):
                yield value
        yield None
    if whole:
        if held.strip():
            for value in _each(json.loads(held)):
                yield value
        return
    for line in (*held.splitlines(), b""):
        for value in event.line(line):
            yield value


def _each(value: Any) -> list[Any]:
    """Some send all events as one list."""
    return value if isinstance(value, list) else [value]


@dataclass(slots=True)
class _Event:
    """The event that is being read."""

    name: str = ""
    data: list[str] = field(default_factory=list)
    begun: bool = False
    """Something of an event has been read."""

    def line(self, line: bytes) -> Iterator[Any]:
        """Read one line; an empty one ends an event."""
        text = line.decode("utf-8", "replace").strip("\r\n").lstrip("\ufeff")
        name, colon, value = text.partition(":")
        value = value.removeprefix(" ")
        if name == "event" and colon:
            self.name = value.strip().lower()
        if name == "data" and colon:
            while value.startswith("data:"):  # passed on by one that put it into an event of its own
                value = value.removeprefix("data:").lstrip()
            self.begun = True
            self.data.append(value)
            # Some servers leave the empty line out.
            said = "\n".join(self.data)
            if _is_json(said.encode()) or _is_end(said):
                text = ""
        if not text:
            yield from self._ended()

    def _ended(self) -> Iterator[Any]:
        said, name = "\n".join(self.data).strip(), self.name
        self.data, self.name = [], ""
        if not said or name in _SIGNS_OF_LIFE:
            return
        if _is_end(said):
            yield ""
        elif name == "error":
            value = json.loads(said) if _is_json(said.encode()) else said
            yield value if isinstance(value, dict) and value.get("error") else {"error": value}
        else:
            yield json.loads(said)


def _is_end(said: str) -> bool:
    return said.strip().strip('"').upper() == "[DONE]"


def _is_json(line: bytes) -> bool:
    if not line.strip():
        return True
    if line.strip()[:1] not in (b"{", b"["):
        return False
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


@dataclass(slots=True)
class Choice:
    """The one of several replies that is read: the first of which anything is heard."""

    _index: Any = None
    """Its number, where the server gives one."""

    def contents(self, message: Any) -> Iterator[Content]:
        """What one event, or one whole body, says. Servers put anything anywhere: what is not understood is left out."""
        if not isinstance(message, dict):
            return
        if _failed(error := message.get("error")) or message.get("object") == "error":
            yield Content("error", error=error or message)
            return
        choice = self._of(message.get("choices"))
        if choice is None:
            # Ollama's own way.
            choice = message if isinstance(message.get("message"), dict) else {}
            if message.get("done") and choice:
                choice = {**choice, "finish_reason": message.get("done_reason") or "stop"}
        if choice.get("error"):
            yield Content("error", error=choice["error"])
            return
        said = next(
            (choice[name] for name in ("delta", "message") if isinstance(choice.get(name), dict)), None
        )
        if said is None:
            said = {"content": choice.get("text")}
        for name in _REASONING_FIELDS:
            if text := _joined(said.get(name)):
                yield Content("reasoning", text)
                break
        yield from _parts(said.get("content"))
        if isinstance(said.get("refusal"), str) and said["refusal"]:
            yield Content("refusal", said["refusal"])
        if said.get("tool_calls") or said.get("function_call"):
            calls = said.get("tool_calls") or [said["function_call"]]
            yield Content("tools", calls=tuple(calls) if isinstance(calls, list) else ())
        reason = choice.get("finish_reason")
        if not isinstance(reason, str) or reason.lower() in ("", *_NONE):
            return
        if reason.lower() in _BROKEN_OFF:
            told = message.get("detail") or {}
            yield Content("error", error=told if reason.lower() == "error" else told or reason)
        else:
            yield Content("finish", cause=_ENDS.get(reason.lower(), ""))

    def _of(self, choices: Any) -> dict[str, Any] | None:
        found = [one for one in choices if isinstance(one, dict)] if isinstance(choices, list) else []
        numbered = [one for one in found if one.get("index") is not None]
        if not numbered:
            return found[0] if found else None
        if self._index is None:
            self._index = min((one["index"] for one in numbered), key=str)
        return next((one for one in numbered if one["index"] == self._index), None)


def _failed(error: Any) -> bool:
    """Whether what stands under that name is one: some always send it, empty."""
    return any(error.values()) if isinstance(error, dict) else bool(error)


def _parts(content: Any) -> Iterator[Content]:
    if isinstance(content, str):
        if content:
            yield Content("text", content)
    elif isinstance(content, list):
        for part in content:
            yield from _parts(part)
    elif isinstance(content, int | float) and not isinstance(content, bool):
        yield Content("text", str(content))
    elif isinstance(content, dict):
        kind = content.get("type")
        if kind in _REASONING_TYPES or content.get("thought") is True:
            yield Content("reasoning", _joined(content))
        elif kind == "refusal":
            yield Content("refusal", _joined(content.get("refusal")) or _joined(content))
        else:
            for name in ("text", "content", "value"):
                if content.get(name):
                    yield from _parts(content[name])
                    break


def _joined(value: Any) -> str:
    """All text in a value of any shape."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(map(_joined, value))
    if isinstance(value, dict):
        return next((text for name in _TEXT_FIELDS if (text := _joined(value.get(name)))), "")
    return ""
