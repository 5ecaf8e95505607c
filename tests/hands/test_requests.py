"""Requests to `vita serve`: rows in requests.toml, each tried on a real server with scripted engines."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import httpx2
import pytest

pytest.importorskip("starlette", reason="needs the extra serve")

from tests.server.stage import serving
from vita_tui.server.keys import Keys
from vita_tui.server.limits import Limits

CASES: list[dict[str, Any]] = tomllib.loads(Path(__file__).with_name("requests.toml").read_text("utf-8"))[
    "case"
]
BODIES = {
    "$BIG": '{"messages":"' + "x" * Limits().json_bytes + '"}',
    "$DEEP": '{"messages":' + "[" * 10_000 + "]" * 10_000 + "}",
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
async def test_a_request_is_answered_as_written(case: dict[str, Any]) -> None:
    keys = Keys.of({"admin": "a" * 24, "kitchen": "k" * 24}) if case["server"] == "keys" else None
    headers = {name: value.encode("latin-1") for name, value in case.get("headers", {}).items()}
    async with (
        serving(keys=keys, origins=["https://home.example"]) as stage,
        httpx2.AsyncClient(base_url=stage.url, timeout=60) as client,
    ):
        body = case.get("body", "")
        answer = await client.request(
            case.get("method", "GET"), case["path"], headers=headers, content=BODIES.get(body, body)
        )
        assert answer.status_code == case["status"], answer.text
        if case["status"] >= 400:
            assert answer.json()["error"]["message"]
        if "code" in case:
            assert answer.json()["error"]["code"] == case["code"]
        # Whatever it was: the server goes on, and holds nothing of it.
        again = await client.get("/v1/models", headers={"api-key": "k" * 24})
        assert again.status_code == 200
        assert stage.app.connections.opened >= 1
