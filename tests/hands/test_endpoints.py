"""Lists of endpoints in the settings: who is asked, what leaves the machine, and what is wrong, a row each."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vita_tui import settings
from vita_tui.conversation.build import recognizers, responders, synthesizers
from vita_tui.engines.chain import Chain
from vita_tui.errors import SettingsError
from vita_tui.events import EventBus
from vita_tui.settings import Settings
from vita_tui.settings.destinations import leaving, unencrypted
from vita_tui.settings.file import as_toml

CASES: list[dict[str, Any]] = tomllib.loads(Path(__file__).with_name("endpoints.toml").read_text("utf-8"))[
    "case"
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_settings_with_endpoints(tmp_path: Path, case: dict[str, Any]) -> None:
    file = tmp_path / "vita.toml"
    file.write_text(case["settings"])
    if "error" in case:
        with pytest.raises(SettingsError) as raised:
            settings.load(file)
        for part in case["error"]:
            assert part in str(raised.value)
        return
    read = settings.load(file)
    said = leaving(read)
    assert (said[0] if said else "") == case["leaving"]
    if "unencrypted" in case:
        assert list(unencrypted(read)) == case["unencrypted"]
    chains: dict[str, Callable[[Settings, EventBus], Chain[Any]]] = {
        "stt": recognizers,
        "llm": responders,
        "tts": synthesizers,
    }
    for job, chain in chains.items():
        names = [engine.name for engine in chain(read, EventBus()).engines]
        if job in case:
            assert names[: len(case[job])] == case[job]
    # What is shown is a settings file that means the same, without the keys.
    shown = tmp_path / "shown.toml"
    shown.write_text(as_toml(read))
    again = settings.load(shown)
    assert again.stt.endpoints.keys() == read.stt.endpoints.keys()
    assert leaving(again) == said or "secret" in case["settings"]
    assert "secret" not in shown.read_text()


def test_a_key_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "vita.toml"
    file.write_text('[stt]\nengines = ["box"]\nendpoints.box.url = "https://box.lan/v1"\n')
    monkeypatch.setenv("VITA_STT__ENDPOINTS__BOX__KEY", "sk-canary")
    read = settings.load(file)
    assert read.stt.endpoints["box"].secret == "sk-canary"
    assert "canary" not in as_toml(read)
    assert "canary" not in repr(read)
