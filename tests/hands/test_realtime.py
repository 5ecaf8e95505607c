"""What clients of the Realtime protocol send: rows in realtime.toml, each tried on a real server with scripted engines."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="needs the extra serve")

from tests.server.realtime_client import in_order, realtime_client
from tests.server.stage import serving

CASES: list[dict[str, Any]] = tomllib.loads(Path(__file__).with_name("realtime.toml").read_text("utf-8"))[
    "case"
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
async def test_a_session_goes_as_written(case: dict[str, Any]) -> None:
    heard = case.get("heard", ["what time is it"])
    async with (
        serving(heard=heard, said=[case.get("said", "It is noon.")]) as stage,
        realtime_client(stage.ws) as client,
    ):
        await client.until("session.created")
        for step in case["send"]:
            if step[0].isalpha():
                await client.until(step)
            else:
                await client.send_text(step)
        last = await client.until(case["until"])
        assert in_order(case.get("expect", []), client.types)
        if "error" in case:
            assert last["error"]["code"] == case["error"]
            assert last["error"]["message"]
        else:
            assert "error" not in client.types
        if "reads" in case:
            read = [f"{message['role']}: {message['content']}" for message in stage.model.requests[-1]]
            assert read[-len(case["reads"]) :] == case["reads"]
        # Whatever it was: the session goes on.
        await client.send(
            type="session.update", session={"type": "realtime"} if case.get("error") != "no_responses" else {}
        )
        await client.until("session.updated")
