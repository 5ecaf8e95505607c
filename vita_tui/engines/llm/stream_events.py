"""What an OpenAI-compatible server sends, read byte by byte into what it means: events of a stream, or one JSON body."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Content", "contents", "messages_of"]

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
    "content_filter": "filter",
    "content_filtered": "filter",
    "safety": "filter",
    "recitation": "filter",
    "prohibited_content": "filter",
    "blocklist": "filter",
    "tool_calls": "tools",
    "tool_use": "tools",
    "function_call": "tools",
}


@dataclass(frozen=True, slots=True)
class Content:
    """One thing that an event says."""

    kind: Literal["text", "reasoning", "refusal", "tools", "finish", "error"]
    text: str = ""
    cause: Literal["", "length", "filter", "tools"] = ""
    """Of a finish: why, if not because all was said."""
    error: Any = None


async def messages_of(pieces: AsyncIterator[bytes]) -> AsyncGenerator[Any, None]:
    """The JSON of each event, as it comes; None for a sign of life that says nothing, and for the mark at the end, `[DONE]`, "".

    Servers that send one body, or lines of JSON, instead of events are understood as well.

    Raises:
        ValueError: it is neither, or broke off inside of an event.
    """
    held = b""
    data: list[str] = []
    whole = False
    """It is a body, not a stream."""
    async for piece in pieces:
        held += piece
        if len(held) > MAX_EVENT_BYTES:
            raise ValueError("an event without end")
        whole = whole or (not data and held[:1024].lstrip(b"\xef\xbb\xbf \r\n\t")[:1] in (b"{", b"["))
        if whole:
            *lines, rest = held.split(b"\n")
            if not all(_is_json(line) for line in lines):
                yield None
                continue
            held = rest
            for line in lines:
                if line.strip():
                    yield json.loads(line)
            continue
        lines = held.splitlines(keepends=True)
        held = b""
        # A line end may be cut in the middle, which then looks like an empty line: what is not ended by "\n" waits.
        if lines and not lines[-1].endswith(b"\n"):
            held = lines.pop()
        for line in lines:
            for value in _line(line, data):
                yield value
        yield None
    rest = held
    if whole:
        if rest.strip():
            yield json.loads(rest)
        return
    for line in (*rest.splitlines(), b""):
        for value in _line(line, data):
            yield value


def _line(line: bytes, data: list[str]) -> Iterator[Any]:
    """Read one line; an empty one ends an event."""
    text = line.decode("utf-8", "replace").strip("\r\n").lstrip("\ufeff")
    name, colon, value = text.partition(":")
    if name == "data" and colon:
        data.append(value.removeprefix(" "))
        # Some servers leave the empty line out.
        if _is_json(data[-1].encode()) or data[-1].strip() == "[DONE]":
            text = ""
    if text or not data:
        return
    event = "\n".join(data).strip()
    data.clear()
    if event == "[DONE]":
        yield ""
    elif event:
        yield json.loads(event)


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


def contents(message: Any) -> Iterator[Content]:
    """What one event, or one whole body, says. Servers put anything anywhere: what is not understood is left out."""
    if not isinstance(message, dict):
        return
    if (error := message.get("error")) or message.get("object") == "error":
        yield Content("error", error=error or message)
        return
    choices = message.get("choices")
    choice = (
        next((one for one in choices if isinstance(one, dict)), None) if isinstance(choices, list) else None
    )
    if choice is None:
        # Ollama's own way.
        choice = message if isinstance(message.get("message"), dict) else {}
        if message.get("done") and choice:
            choice = {**choice, "finish_reason": message.get("done_reason") or "stop"}
    if choice.get("error"):
        yield Content("error", error=choice["error"])
        return
    said = next((choice[name] for name in ("delta", "message") if isinstance(choice.get(name), dict)), None)
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
        yield Content("tools")
    reason = choice.get("finish_reason")
    if isinstance(reason, str) and reason:
        if reason.lower() == "error":
            yield Content("error", error=choice.get("error") or message.get("detail") or {})
        else:
            yield Content("finish", cause=_ENDS.get(reason.lower(), ""))


def _parts(content: Any) -> Iterator[Content]:
    if isinstance(content, str):
        if content:
            yield Content("text", content)
    elif isinstance(content, list):
        for part in content:
            yield from _parts(part)
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
