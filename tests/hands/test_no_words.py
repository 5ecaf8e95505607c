"""Sound without words gives no text, and weak words are kept: the rows of no_words.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from vita_tui.engines.stt.decoding.runaway import DecodedWindow, wordless

CASES: list[dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("no_words.toml").read_text(encoding="utf-8")
)["case"]


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case['sound']}: {case['text']} {case['no_speech']}"
)
def test_what_was_written_for_sound_without_words_is_dropped(case: dict[str, Any]) -> None:
    attempt = DecodedWindow(
        case["text"], (1, 2), case["log_probability"], case["no_speech"], case["window"], 0.0, full=False
    )
    assert wordless(attempt) is not case["believed"]
