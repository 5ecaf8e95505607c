"""The voices that a speech server lists, where it does."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Sequence

from vita_tui.engines.ask_json import ask_json
from vita_tui.engines.http_client import Server, async_client
from vita_tui.errors import VitaError
from vita_tui.text.clean import clean

__all__ = ["served_voices"]

ROUTES = ("/audio/voices", "/voices")
"""Of Kokoro's servers and their kin; OpenAI's own has none."""
MOST = 500
"""Voices that are listed."""


async def served_voices(base_url: str, *, api_key: str = "") -> Sequence[str]:
    """Their names; empty where the server does not tell them. Never raises."""
    httpx = await asyncio.to_thread(importlib.import_module, "httpx2")
    try:
        server = Server.named(base_url, key=api_key, section="tts", kind="voice")
        async with async_client(server, httpx.Timeout(5.0), keep=False) as client:
            for route in ROUTES:
                answer = await ask_json(client, "GET", f"{server.url}{route}")
                listed = (answer.get("voices") or answer.get("data")) if isinstance(answer, dict) else answer
                if not isinstance(listed, list):
                    continue
                names = [
                    str(one.get("id") or one.get("name") or "") if isinstance(one, dict) else str(one)
                    for one in listed[:MOST]
                ]
                if names := [name for name in names if name.strip() and clean(name) == name]:
                    return names
    except VitaError:
        pass
    return ()
