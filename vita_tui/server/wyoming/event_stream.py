"""Events of the Wyoming protocol from a connection, bounded: a line of JSON, more JSON and a payload behind it, as the line says.

The library's own reader takes whatever length a line names.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from wyoming.event import Event

from vita_tui.server.limits import Limits, RequestError
from vita_tui.server.problems import parsed

__all__ = ["LONGEST_LINE", "next_event"]

LONGEST_LINE = 64 << 10
"""Bytes."""
LONGEST_PAYLOAD = 1 << 20
"""Bytes: of sound at most some ten seconds."""


async def next_event(reader: asyncio.StreamReader, limits: Limits) -> tuple[Event | None, int]:
    """The next event, and its bytes; None at the end.

    Raises:
        RequestError: what came is none, is too large, or drips. What follows cannot be understood.
    """
    first = await reader.read(1)
    if not first:
        return None, 0
    try:
        async with asyncio.timeout(limits.header_seconds):
            line = first + await reader.readuntil(b"\n") if first != b"\n" else first
            head = parsed(line, limits)
            more = _length(head, "data_length", limits.json_bytes)
            size = _length(head, "payload_length", LONGEST_PAYLOAD)
            rest = await reader.readexactly(more) if more else b""
            payload = await reader.readexactly(size) if size else None
    except asyncio.IncompleteReadError:
        return None, 0
    except (asyncio.LimitOverrunError, ValueError):
        raise RequestError("The line is too long.", code="too_large") from None
    except TimeoutError:
        raise RequestError("The event did not arrive in time.", code="timeout") from None
    kind, data = head.get("type"), head.get("data") or {}
    if not isinstance(kind, str) or not isinstance(data, Mapping):
        raise RequestError("An event has a type, and an object of data.")
    found: dict[str, Any] = {**data, **(parsed(rest, limits) if rest else {})}
    return Event(kind, found, payload), len(line) + len(rest) + size


def _length(head: Mapping[str, Any], name: str, most: int) -> int:
    found = head.get(name) or 0
    if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found <= most:
        raise RequestError(f"The {name} is no number up to {most}.", code="too_large")
    return found
