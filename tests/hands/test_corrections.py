"""What is offered as a word of one's own when a transcript is set right by hand: the rows of corrections.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from vita_tui.engines.stt.decoding.corrections import corrections

CASES: list[dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("corrections.toml").read_text(encoding="utf-8")
)["case"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['heard']} → {case['sent']}")
def test_names_that_were_set_right_are_offered_and_nothing_else(case: dict[str, Any]) -> None:
    assert corrections(case["heard"], case["sent"]) == case.get("offered", [])
