"""A client of the Realtime protocol, by hand."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from websockets.asyncio.client import ClientConnection, connect

from tests.server.stage import tone

__all__ = ["RealtimeClient", "packed", "realtime_client"]

SECONDS = 60
"""For an event to come, on a machine however busy."""


def packed(samples: Any) -> str:
    """Sound as the protocol has it."""
    return base64.b64encode((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()).decode()


SOUND = packed(tone(1.0, 24_000))


class RealtimeClient:
    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.events: list[dict[str, Any]] = []
        self.item = self.reply = ""

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.events]

    async def send(self, **event: Any) -> None:
        await self.socket.send(json.dumps(event))

    async def send_text(self, text: str) -> None:
        text = text.replace("$SOUND", SOUND).replace("{item}", self.item).replace("{reply}", self.reply)
        await self.socket.send(text)

    async def until(self, kind: str) -> dict[str, Any]:
        """The next event of that type; those before it are noted, too."""
        async with asyncio.timeout(SECONDS):
            while True:
                event: dict[str, Any] = json.loads(await self.socket.recv())
                self.events.append(event)
                if event["type"] == "conversation.item.added":
                    self.item = event["item"]["id"]
                    if event["item"].get("role") == "assistant":
                        self.reply = self.item
                if event["type"] == kind:
                    return event


@asynccontextmanager
async def realtime_client(ws: str, query: str = "?model=vita", **more: Any) -> AsyncIterator[RealtimeClient]:
    async with connect(f"{ws}/v1/realtime{query}", max_size=None, **more) as socket:
        yield RealtimeClient(socket)


def in_order(expected: list[str], found: list[str]) -> bool:
    """Whether `found` has `expected` in this order, others between them."""
    rest = iter(found)
    return all(one in rest for one in expected)
