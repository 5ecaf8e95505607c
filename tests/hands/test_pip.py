"""What is told when pip fails: its own reason, in one line, whichever way it said it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from vita_tui.models.wheel import reason_of

CASES = tomllib.loads((Path(__file__).parent / "pip.toml").read_text(encoding="utf-8"))["case"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_reason_is_pips_own(case: dict[str, Any]) -> None:
    assert reason_of(case["said"]) == case["reason"]
