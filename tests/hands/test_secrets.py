"""What is secret in an address of the settings is shown, stored, exported and served nowhere: every output is searched for it."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engines.llm.servers import Request, chunk, event_stream, serving, whole
from tests.forked import run_vita
from vita_tui.conversation.build import build, synthesizers
from vita_tui.events import Event, EventBus, TurnFailed
from vita_tui.health.exposition import as_prometheus
from vita_tui.health.registry import registry
from vita_tui.settings import load
from vita_tui.settings.file import as_toml

USER, PASSWORD, QUERY, FRAGMENT, KEY = (f"canary-{place}-0123456789" for place in ("u", "p", "q", "f", "k"))
CANARIES = (USER, PASSWORD, QUERY, FRAGMENT, KEY)
GOOD = event_stream(chunk("It is Paris."), chunk(finish="stop"), b"data: [DONE]\n\n")


def secret(url: str) -> str:
    return f"{url.replace('://', f'://{USER}:{PASSWORD}@')}?key={QUERY}#{FRAGMENT}"


def found(text: str) -> list[str]:
    return [canary for canary in CANARIES if canary in text]


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, str]]:
    def given(base_url: str) -> dict[str, str]:
        values = {
            "VITA_LLM__BASE_URL": secret(base_url),
            "VITA_LLM__API_KEY": KEY,
            "VITA_LLM__FALLBACK": "false",
            "VITA_TTS__BASE_URL": secret(base_url),
            "VITA_TTS__API_KEY": KEY,
            "VITA_SESSIONS__REDIS_URL": secret("redis://127.0.0.1:1/0"),
        }
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        return values

    return given


async def test_nothing_that_is_shown_stored_or_served_holds_it(
    home: Path, variables: Callable[[str], dict[str, str]]
) -> None:
    async def handler(request: Request, writer: asyncio.StreamWriter) -> None:
        if not request.path.startswith("/v1/chat/completions"):
            writer.write(whole("404 Not Found", b"{}"))
        elif "fail" in json.dumps(request.body):
            told = {
                "error": {"message": f"no access to {request.path} for {request.headers} {USER}:{PASSWORD}"}
            }
            writer.write(whole("403 Forbidden", json.dumps(told).encode()))
        else:
            writer.write(GOOD)

    events: list[Event] = []
    async with serving(handler) as server:
        variables(server.base_url)
        settings = load()
        bus = EventBus()
        bus.subscribe(events.append)
        assistant = build(settings, recognition=False, speech=False, bus=bus, upkeep=True)
        try:
            await assistant.start()
            await assistant.ask("What is the capital?")
            shown = repr(registry.open()) + repr(assistant.chains["llm"].statuses())
            await assistant.ask("Now fail.")
            assert assistant.session is not None
            kept = await assistant.sessions.get(assistant.session.id)
            assert assistant.upkeep is not None
            served = as_prometheus(assistant.upkeep.metrics.summaries())
        finally:
            await assistant.aclose()
    assert any(isinstance(event, TurnFailed) for event in events)
    assert "It is Paris." in repr(kept)
    for text in (repr(events), shown, repr(kept), served, repr(synthesizers(settings, bus).statuses())):
        assert found(text) == []
    for file in home.rglob("*"):
        if file.is_file():
            assert found(file.read_bytes().decode("utf-8", "replace")) == [], file
    assert found(as_toml(settings)) == []


@pytest.mark.parametrize(
    "arguments",
    [("config", "show"), ("config", "show", "--json"), ("ask", "Hi"), ("ask", "--json", "Hi"), ("sessions", "list"), ("say", "Hi", "--out", "o.wav")],
    ids=" ".join,
)  # fmt: skip
def test_no_command_prints_it(
    arguments: tuple[str, ...], tmp_path: Path, variables: Callable[[str], dict[str, str]]
) -> None:
    values = variables("http://127.0.0.1:1/v1")
    if arguments[0] == "sessions":
        values["VITA_SESSIONS__STORE"] = "redis"
    done = run_vita(*arguments, cwd=tmp_path, env={**os.environ, **values, "VITA_TTS__ENGINES": "remote"})
    assert "Traceback" not in done.stderr
    assert found(done.stdout + done.stderr) == []
    if arguments[0] == "ask":
        assert done.returncode == 3
        assert "127.0.0.1:1" in done.stderr
