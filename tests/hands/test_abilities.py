"""Requests that need no model, by rows: `abilities.toml`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from vita_tui.abilities.base import Context
from vita_tui.abilities.service import standard
from vita_tui.clock import FakeClock

ROWS = tomllib.loads(Path(__file__).with_name("abilities.toml").read_text(encoding="utf-8"))
NOW = datetime(2026, 11, 27, 15, 40, tzinfo=ZoneInfo("Europe/Berlin"))


@pytest.fixture
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("VITA_HOME", str(tmp_path))
    monkeypatch.setenv("TZ", "Europe/Berlin")
    import time

    if hasattr(time, "tzset"):
        time.tzset()
    yield
    monkeypatch.undo()
    if hasattr(time, "tzset"):
        time.tzset()


@pytest.mark.usefixtures("_home")
@pytest.mark.parametrize("kind", ROWS)
def test_each_request_has_its_answer(kind: str) -> None:
    abilities = standard()
    context = Context(
        FakeClock(NOW.timestamp()),
        asked_before=("What is a quark?", "Why is the sky blue?"),
        last_reply="It was nothing.",
        volume=0.6,
    )
    wrong = []
    for language, request, expected in ROWS[kind]["rows"]:
        understood = abilities.understand_now(request, context, [language])
        said = "" if understood is None else understood.carry_out().text
        pattern = expected[1:] if expected.startswith("~") else re.escape(expected)
        if not re.fullmatch(pattern, said):
            wrong.append((request, said, expected))
    assert not wrong
