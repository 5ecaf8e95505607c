"""What clients of Wyoming send: rows in wyoming.toml, each tried on a real server with scripted engines."""

from __future__ import annotations

import asyncio
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="needs the extra serve")

from wyoming.event import Event, async_read_event, async_write_event

from tests.server.stage import serving

CASES: list[dict[str, Any]] = tomllib.loads(Path(__file__).with_name("wyoming.toml").read_text("utf-8"))[
    "case"
]
SECONDS = 60


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
async def test_a_client_is_answered_as_written(case: dict[str, Any]) -> None:
    async with serving() as stage:
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.wyoming)
        for step in case["send"]:
            if step.startswith("raw "):
                writer.write(step[4:].replace("\\n", "\n").encode())
                continue
            event = json.loads(step)
            payload = b"\x10\x20" * (event["payload"] // 2) if "payload" in event else None
            await async_write_event(Event(event["type"], event.get("data", {}), payload), writer)
        found: list[Event] = []
        async with asyncio.timeout(SECONDS):
            while _types(found) != case["expect"]:
                event = await async_read_event(reader)
                assert event is not None, _types(found)
                found.append(event)
        if "text" in case:
            assert found[-1].data["text"] == case["text"]
        if "error" in case:
            assert found[-1].data["code"] == case["error"]
        if case.get("closes"):
            assert await asyncio.wait_for(reader.read(), SECONDS) == b""
        else:  # whatever it was: it goes on
            await async_write_event(Event("describe"), writer)
            async with asyncio.timeout(SECONDS):
                while (event := await async_read_event(reader)) is not None and event.type != "info":
                    pass
            assert event is not None
        writer.close()
        async with asyncio.timeout(SECONDS):
            while len(stage.app.connections):
                await asyncio.sleep(0.01)


def _types(events: list[Event]) -> list[str]:
    """Runs of one type once."""
    return [
        event.type for place, event in enumerate(events) if not place or events[place - 1].type != event.type
    ]
