"""Who has finished and who is in the middle of something: every row of turn_ends.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from vita_tui.abilities.base import Context
from vita_tui.abilities.service import standard
from vita_tui.clock import FakeClock
from vita_tui.conversation.hearing.completeness import completeness
from vita_tui.conversation.hearing.end_wait import EndWait, Evidence
from vita_tui.conversation.hearing.situation import only_asks_to_wait, situation
from vita_tui.settings import TalkSettings

ROWS: dict[str, list[dict[str, Any]]] = tomllib.loads(
    Path(__file__).with_name("turn_ends.toml").read_text("utf-8")
)
CASES = ROWS["case"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['language']} {case['said']}")
def test_what_was_said_so_far(case: dict[str, Any]) -> None:
    said, language = case["said"], case["language"]
    if "sounds" in case:
        assert completeness(said, language) == case["sounds"]
    if "situation" in case:
        assert situation(said, case.get("asked", ""), language) == case["situation"]


@pytest.mark.parametrize(
    ("said", "language", "only"),
    [
        ("Hold on.", "en", True),
        ("Okay, hold on.", "en", True),
        ("Um, let me think.", "en", True),
        ("Hold on, what time is it?", "en", False),
        ("Yes.", "en", False),
        ("", "en", False),
        ("Einen Moment bitte.", "de", True),
        ("Attends, attends.", "fr", True),
        ("Espera un momento, por favor.", "es", True),
        ("Espera, ¿qué hora es?", "es", False),
    ],
)
def test_who_only_asks_to_wait_has_asked_nothing(said: str, language: str, only: bool) -> None:
    assert only_asks_to_wait(said, language) is only


def test_after_which_requests_hardly_anything_can_follow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VITA_HOME", str(tmp_path))
    abilities, context = standard(), Context(FakeClock(0.0))
    for row in ROWS["request"]:
        understood = abilities.understand_now(row["said"], context, [row["language"]])
        assert (understood is not None and understood.whole) is row["whole"], row["said"]


@pytest.mark.parametrize("row", ROWS["wait"], ids=lambda row: f"{row['said']} {row['sound']}")
def test_how_long_a_silence_is_waited_out(row: dict[str, Any]) -> None:
    known = Evidence(row["said"], row["language"], sound=row["sound"], model=row.get("model"))
    seconds = EndWait().seconds(TalkSettings().end_silence, known)
    assert row["least"] <= round(seconds, 3) <= row["most"]
