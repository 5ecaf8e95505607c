"""What servers list as their models, as they do in the field."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.engines.llm.servers import Request, serving, whole
from vita_tui.engines.llm import served_models as module
from vita_tui.engines.llm.served_models import local_models, served_models
from vita_tui.errors import EngineUnavailableError

CASES: list[dict[str, Any]] = json.loads((ROOT / "tests" / "hands" / "model_lists.json").read_text())


def handler(routes: dict[str, Any]) -> Any:
    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        body = routes.get(request.path)
        if body is None:
            writer.write(whole("404 Not Found", b"no such route", "text/plain"))
        else:
            writer.write(
                whole("200 OK", body.encode() if isinstance(body, str) else json.dumps(body).encode())
            )
        await writer.drain()

    return answer


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
async def test_models_are_listed(case: dict[str, Any]) -> None:
    async with serving(handler(case["routes"])) as server:
        if case["models"] is None:
            with pytest.raises(EngineUnavailableError, match="does not list its models"):
                await served_models(server.base_url)
            return
        found = await served_models(server.base_url, api_key="sk-x")
        assert [[one.name, one.size, one.window, one.detail] for one in found] == case["models"]
        assert {one.base_url for one in found} <= {server.base_url}
        assert {request.headers.get("authorization") for request in server.requests} == {"Bearer sk-x"}


async def test_servers_of_this_machine_are_found_and_those_that_are_not_there_cost_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving(handler({"/v1/models": {"data": [{"id": "llama3.2"}]}})) as server:
        places = {"Ollama": server.base_url, "LM Studio": "http://127.0.0.1:9/v1"}
        monkeypatch.setattr(module, "LOCAL_SERVERS", places)
        found = await local_models()
        assert {name: [one.name for one in models] for name, models in found.items()} == {
            "Ollama": ["llama3.2"]
        }


async def test_an_address_that_is_none_is_said() -> None:
    with pytest.raises(EngineUnavailableError, match="not the address of a server"):
        await served_models("nonsense")
