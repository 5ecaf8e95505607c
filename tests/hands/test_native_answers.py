"""Answers as people of the language say them, by rows: `native_answers.toml`."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from vita_tui.abilities.base import Context
from vita_tui.abilities.phrases import languages, own_data
from vita_tui.abilities.service import standard
from vita_tui.clock import FakeClock

ROWS = tomllib.loads(Path(__file__).with_name("native_answers.toml").read_text(encoding="utf-8"))


@pytest.fixture
def _berlin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if not hasattr(time, "tzset"):
        pytest.skip("needs time.tzset")
    monkeypatch.setenv("VITA_HOME", str(tmp_path))
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_berlin")
@pytest.mark.parametrize("kind", ROWS)
def test_an_answer_is_said_as_natives_say_it(kind: str) -> None:
    abilities = standard()
    wrong = []
    for at, language, request, expected in ROWS[kind]["rows"]:
        hour, minute = map(int, at.split(":"))
        now = datetime(2026, 11, 27, hour, minute, tzinfo=ZoneInfo("Europe/Berlin"))
        understood = abilities.understand_now(request, Context(FakeClock(now.timestamp())), [language])
        said = "" if understood is None else understood.carry_out().text
        if said != expected:
            wrong.append((request, said, expected))
    assert not wrong


@pytest.mark.parametrize("language", languages())
def test_every_language_names_its_lists_hours_and_dates(language: str) -> None:
    words = own_data(language)["words"]
    assert "{name}" in words["list_named"].lower()
    assert own_data(language)["numbers"]["shopping"] in words["list_names"]
    for form in ("date", "date_without_year", "clock", "moment"):
        assert "{" in words[form]
