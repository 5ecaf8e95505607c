"""`vita --server URL`: all three jobs are done by another VITA, this machine where it cannot."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.engines.stt.served.recognition_servers import Send, http_server, realtime_server
from vita_tui import settings
from vita_tui.conversation.build import recognizer_engines
from vita_tui.errors import EngineError, SettingsError
from vita_tui.settings.another_vita import variables

CASES: list[dict[str, Any]] = tomllib.loads(Path(__file__).with_name("another_vita.toml").read_text("utf-8"))[
    "case"
]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in list(os.environ):
        if name.startswith(("VITA_STT__", "VITA_LLM__", "VITA_TTS__")):
            monkeypatch.delenv(name)
    return monkeypatch


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["given"])
def test_what_is_given(case: dict[str, Any], environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if "error" in case:
        with pytest.raises(SettingsError) as raised:
            variables(case["given"])
        assert case["error"] in str(raised.value)
        assert "secret" not in str(raised.value)
        return
    for name, value in variables(case["given"], "/keys/box").items():
        environment.setenv(name, value)
    read = settings.load(tmp_path / "none.toml")
    name = case["name"]
    assert read.stt.engines == (name, f"{name}-files", "local")
    assert [read.stt.endpoints[one].url for one in read.stt.engines[:2]] == case["stt"]
    assert read.stt.endpoints[f"{name}-files"].weight == 0
    assert read.llm.order == (name, "local")
    assert read.tts.engines == (name, "piper", "pyttsx3")
    assert read.llm.endpoints[name].url == read.tts.endpoints[name].url == case["web"]
    assert read.llm.endpoints[name].key_file == "/keys/box"
    assert not any("KEY" in key and not key.endswith("KEY_FILE") for key in variables(case["given"]))


def served(url: str, environment: pytest.MonkeyPatch, tmp_path: Path) -> list[Any]:
    key = tmp_path / "key"
    key.write_text("sk-1\n")
    for name, value in variables(url, str(key)).items():
        environment.setenv(name, value)
    return recognizer_engines(settings.load(tmp_path / "none.toml"))[:2]


def test_speech_goes_there_over_realtime(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def answer(send: Send, sound: bytes, _: int) -> None:
        send(
            type="conversation.item.input_audio_transcription.completed",
            item_id="i",
            transcript=f"{len(sound) // 2}",
        )

    with realtime_server(answer) as server:
        first, second = served(server.url.replace("ws://", "http://"), environment, tmp_path)
        assert first.transcribe(np.zeros(16_000, np.float32)).text == "24000"
        assert server.keys == ["Bearer sk-1"]
        first.cleanup()
        second.cleanup()


def test_a_server_without_realtime_gets_whole_requests(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with http_server((200, "application/json", b'{"text": "yes"}')) as server:
        first, second = served(server.url, environment, tmp_path)
        with pytest.raises(EngineError, match=r"has no Realtime transcription|answers at|status"):
            first.load()
        assert second.transcribe(np.zeros(16_000, np.float32)).text == "yes"
        second.cleanup()
