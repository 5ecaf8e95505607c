"""A small question to a language model's server, on a route that it may not have."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx2

__all__ = ["ask_json"]

log = logging.getLogger(__name__)

ASK_SECONDS = 2.0
"""For each of the questions; a server that is slow here is not asked again."""
MAX_BODY_BYTES = 4_000_000
"""Of an answer: a long list of models has some hundred thousand."""


async def ask_json(client: httpx2.AsyncClient, method: str, url: str, body: Any = None) -> Any:
    """What the server answers on a route; None when it fails, as on the servers that do not have it."""
    import httpx2

    data = bytearray()
    try:
        async with (
            asyncio.timeout(ASK_SECONDS),
            # A server that serves one connection at a time must not wait for more on these.
            client.stream(method, url, json=body, headers={"Connection": "close"}) as answer,
        ):
            if answer.status_code != 200:
                return None
            async for piece in answer.aiter_bytes():
                data += piece
                if len(data) > MAX_BODY_BYTES:
                    return None
        return json.loads(data)
    except (httpx2.HTTPError, httpx2.StreamError, OSError, ValueError, RecursionError, RuntimeError) as error:
        log.info("%s: %s", method, type(error).__name__)  # its words may hold what is secret in an address
        return None
