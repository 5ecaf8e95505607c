"""What `vita bench abilities` counts, and that requests and questions are told apart."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from vita_tui.abilities.service import standard
from vita_tui.bench import spoken_abilities
from vita_tui.bench.abilities import Case, Judged, cases, judge
from vita_tui.settings import Settings


@pytest.mark.parametrize(
    ("intent", "understood", "verdict"),
    [
        ("GetTime", "GetTime", "right"),
        ("GetTime", "GetDate", "wrong"),
        ("GetTime", "", "missed"),
        ("", "GetTime", "false"),
        ("", "", "right"),
    ],
)
def test_a_verdict(intent: str, understood: str, verdict: str) -> None:
    assert Judged(Case("en", "what time is it", intent), understood, 1.0).verdict == verdict


def test_there_are_enough_of_both() -> None:
    all_cases = list(cases())
    assert sum(bool(case.intent) for case in all_cases) >= 300
    assert sum(not case.intent for case in all_cases) >= 300


def test_requests_are_understood_and_no_question_is_taken_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VITA_HOME", str(tmp_path))
    abilities = standard()
    judged = [judge(abilities, case) for case in cases()]
    requests = [one for one in judged if one.case.intent]
    assert [one.case for one in judged if one.verdict == "false"] == []
    assert sum(one.verdict == "right" for one in requests) >= 0.98 * len(requests)


@pytest.mark.models
@pytest.mark.slow
def test_spoken_requests_are_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    """By each of three voices; the whole battery is `vita bench abilities --spoken en`."""
    if shutil.which("espeak-ng") is None:
        pytest.skip("needs espeak-ng")
    wanted = {"GetTime", "StartTimer", "Calculate"}
    few = [case for case in cases() if case.language == "en" and case.intent in wanted][::4]
    monkeypatch.setattr(spoken_abilities, "cases", lambda: iter(few))
    result = spoken_abilities.measure(Settings(), "en")
    assert set(result["voices"]) == set(spoken_abilities.VOICES["en"])
    for one in result["voices"].values():
        assert one["right"] + one["wrong"] + one["missed"] == one["requests"] == len(few), result
    # How many is a figure of the bench; that spoken requests are understood at all, by whatever voice, is tested.
    assert sum(one["right"] for one in result["voices"].values()) >= len(few), result
