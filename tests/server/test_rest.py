"""OpenAI's routes, by plain requests."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.server.stage import Scripted, serving, wav
from vita_tui.audio.files import read_audio
from vita_tui.engines.llm.base import Cut, Reasoning, ToolCall
from vita_tui.errors import EngineError
from vita_tui.server.keys import Keys


@pytest.fixture
async def stage() -> AsyncIterator[Scripted]:
    async with serving() as found:
        yield found


@pytest.fixture
async def client(stage: Scripted) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=stage.url, timeout=60) as found:
        yield found


def form(data: bytes, **fields: str) -> dict[str, Any]:
    return {"files": {"file": ("speech.wav", data, "audio/wav")}, "data": {"model": "whisper-1", **fields}}


@pytest.mark.parametrize(
    ("shape", "begins"),
    [
        ("json", '{"text":"what time is it"'),
        ("text", "what time is it\n"),
        ("srt", "1\n00:00:00,000 --> 00:00:01,000\nwhat time is it\n"),
        ("vtt", "WEBVTT\n\n00:00:00.000 --> "),
        ("verbose_json", '{"task":"transcribe","language":"en","duration":1.0'),
    ],
)
async def test_a_recording_becomes_text(client: httpx2.AsyncClient, shape: str, begins: str) -> None:
    answer = await client.post("/v1/audio/transcriptions", **form(wav(), response_format=shape))
    assert answer.status_code == 200
    assert answer.text.startswith(begins)


async def test_a_transcript_streams(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/v1/audio/transcriptions", **form(wav(), stream="true"))
    events = [json.loads(line[6:]) for line in answer.text.splitlines() if line]
    assert [event["type"] for event in events] == ["transcript.text.delta", "transcript.text.done"]
    assert events[-1]["text"] == "what time is it"


@pytest.mark.parametrize("form_name", ["wav", "pcm", "mp3", "opus", "flac", "aac"])
async def test_text_becomes_speech(client: httpx2.AsyncClient, form_name: str, tmp_path: Path) -> None:
    asked = {
        "model": "tts-1",
        "voice": "alloy",
        "input": "It is noon, all of it.",
        "response_format": form_name,
    }
    answer = await client.post("/v1/audio/speech", json=asked)
    assert answer.status_code == 200
    if form_name == "pcm":
        seconds = len(answer.content) / 2 / 24_000
    else:
        file = tmp_path / f"speech.{form_name}"
        file.write_bytes(answer.content)
        seconds = len(read_audio(file)) / 16_000
    assert seconds == pytest.approx(0.6, abs=0.12)


async def test_a_question_is_answered(client: httpx2.AsyncClient, stage: Scripted) -> None:
    asked = {
        "model": "any",
        "messages": [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Time?"}],
    }
    answer = (await client.post("/v1/chat/completions", json=asked)).json()
    assert answer["choices"][0]["message"]["content"] == "It is noon."
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert stage.model.requests[-1] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Time?"},
    ]


@pytest.mark.parametrize(
    ("script", "finish", "delta"),
    [
        (["Noon", Cut("length")], "length", {"content": "Noon"}),
        ([Reasoning("hm"), "Noon"], "stop", {"reasoning_content": "hm"}),
        (
            [ToolCall("call_1", "clock", "{}")],
            "tool_calls",
            {
                "tool_calls": [
                    {
                        "index": 0,
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "clock", "arguments": "{}"},
                    }
                ]
            },
        ),
    ],
    ids=["cut", "reasoning", "tool"],
)
async def test_a_reply_streams_with_what_is_in_it(
    script: list[Any], finish: str, delta: dict[str, Any]
) -> None:
    tool = {
        "type": "function",
        "function": {"name": "clock", "description": "Tells the time.", "parameters": {"type": "object"}},
    }
    asked = {"messages": [{"role": "user", "content": "Time?"}], "stream": True, "tools": [tool]}
    async with serving(said=[script]) as stage, httpx2.AsyncClient(base_url=stage.url, timeout=60) as client:
        answer = await client.post("/v1/chat/completions", json=asked)
        lines = [line[6:] for line in answer.text.splitlines() if line]
        assert lines[-1] == "[DONE]"
        choices = [json.loads(line)["choices"][0] for line in lines[:-1]]
        assert choices[0]["delta"] == {"role": "assistant", **delta}
        assert choices[-1]["finish_reason"] == finish
        assert [offer.name for offer in stage.model.offered[-1]] == ["clock"]


@pytest.mark.parametrize("route", ["/v1/models", "/v1/models/fake", "/healthz", "/readyz", "/metrics"])
async def test_what_is_there_is_told(client: httpx2.AsyncClient, stage: Scripted, route: str) -> None:
    for ready in (
        stage.app.engines.voice.ready,
        stage.app.engines.model.ready,
        stage.app.engines.recognition.ready,
    ):
        await ready.wait()
    assert (await client.get(route)).status_code == 200


async def test_an_engine_that_fails_is_an_answer() -> None:
    async with (
        serving(heard=[EngineError("It broke.")], said=[EngineError("It broke.")]) as stage,
        httpx2.AsyncClient(base_url=stage.url, timeout=60) as client,
    ):
        heard = await client.post("/v1/audio/transcriptions", **form(wav()))
        said = await client.post(
            "/v1/chat/completions", json={"messages": [{"role": "user", "content": "Hi"}]}
        )
        assert [heard.status_code, said.status_code] == [503, 503]
        assert "It broke" in heard.json()["error"]["message"]


async def test_a_reply_that_breaks_off_is_not_begun_again() -> None:
    async with serving(said=[["It is", EngineError("It broke.")]]) as stage:

        class Breaking(type(stage.model)):  # type: ignore[misc]
            async def stream(self, messages: Any, *, max_tokens: int) -> AsyncIterator[str]:
                yield "It is"
                raise EngineError("It broke.")

        stage.model.__class__ = Breaking
        async with httpx2.AsyncClient(base_url=stage.url, timeout=60) as client:
            asked = {"messages": [{"role": "user", "content": "Hi"}], "stream": True}
            answer = await client.post("/v1/chat/completions", json=asked)
        assert answer.text.count("It is") == 1
        assert "It broke" in answer.text
        assert "[DONE]" not in answer.text


async def test_the_operator_sees_and_closes_connections() -> None:
    keys = Keys.of({"admin": "a" * 24, "kitchen": "k" * 24})
    async with serving(keys=keys) as stage:
        admin = httpx2.AsyncClient(
            base_url=stage.url, headers={"Authorization": "Bearer " + "a" * 24}, timeout=60
        )
        kitchen = httpx2.AsyncClient(base_url=stage.url, headers={"api-key": "k" * 24}, timeout=60)
        async with admin, kitchen:
            assert (await kitchen.get("/admin/connections")).status_code == 403
            assert (await kitchen.get("/v1/models")).status_code == 200
            found = (await admin.get("/admin/connections")).json()
            assert [(one["client"], one["about"]) for one in found["connections"]] == [
                ("admin", "/admin/connections")
            ]
            assert (await admin.delete("/admin/connections/http-999")).status_code == 404
            assert (await admin.post("/admin/cleanup")).json()["closed"] == []
