"""What servers for speech recognition answer: a row each, understood or told in a sentence."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from wyoming.event import Event

from tests.engines.stt.served.recognition_servers import (
    Recognition,
    Send,
    http_server,
    realtime_server,
    wyoming_server,
)
from vita_tui.conversation.build import served_recognizer
from vita_tui.engines.stt.base import Recognizer
from vita_tui.errors import EngineError
from vita_tui.settings.endpoints import Endpoint

CASES: list[dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("recognition_servers.toml").read_text("utf-8")
)["case"]
SOUND = np.zeros(16_000, np.float32)


@contextmanager
def serving(case: dict[str, Any]) -> Iterator[Recognition]:
    with ExitStack() as stack:
        if case["protocol"] == "http":
            nested = case.get("nested", 0)
            answers = case.get("answers") or [[200, "application/json", "[" * nested]]
            told = [(status, kind, body.encode()) for status, kind, body in answers]
            yield stack.enter_context(http_server(*told, drop=case.get("drop", False)))
        elif case["protocol"] == "wyoming":
            events = [Event(one["type"], one.get("data", {})) for one in case["events"]]
            yield stack.enter_context(wyoming_server(lambda *_: events or None, info=case.get("info")))
        else:

            def answer(send: Send, *_: object) -> None:
                for message in case["messages"]:
                    send(**message)
                if not case["messages"]:
                    raise ConnectionError

            yield stack.enter_context(realtime_server(answer, beta=case.get("beta", False)))


@contextmanager
def recognizer(url: str, **more: Any) -> Iterator[Recognizer]:
    engine = served_recognizer("box", Endpoint(url=url, model="m", timeout=60, **more))
    try:
        yield engine
    finally:
        engine.cleanup()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_what_a_server_answers(case: dict[str, Any]) -> None:
    with serving(case) as server, recognizer(server.url) as engine:
        if "error" in case:
            with pytest.raises(EngineError) as raised:
                engine.transcribe(SOUND)
            for part in case["error"]:
                assert part in str(raised.value)
            return
        found = engine.transcribe(SOUND)
        assert found.text == case["text"]
        if "language" in case:
            assert found.language == case["language"]
        if "confidence" in case:
            assert found.confidence == pytest.approx(case["confidence"], abs=0.001)
        if "requests" in case:
            assert len(server.requests) == case["requests"]
