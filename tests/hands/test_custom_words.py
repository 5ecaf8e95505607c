"""Where words of one's own may have been meant: the rows of custom_words.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from vita_tui.engines.stt.decoding.custom_words import MOST, candidates, spelled

CASES: list[dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("custom_words.toml").read_text(encoding="utf-8")
)["case"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["text"] or "nothing")
def test_what_sounds_like_a_word_of_ones_own_is_asked_about_and_nothing_else(case: dict[str, Any]) -> None:
    found = [text for text, _ in candidates(case["text"], case["words"])]
    if "spelled" in case:
        assert spelled(case["text"], case["words"]) == case["spelled"]
    elif "meant" in case:
        assert case["meant"] in found
        assert len(found) <= MOST
    elif "kept" not in case:
        assert found == []
    assert all(case.get("kept", "") in text for text in found)
