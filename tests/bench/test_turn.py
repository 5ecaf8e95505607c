"""What `vita bench turn` and `vita bench compare` report: structure, counts and verdicts, never times."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vita_tui import settings as all_settings
from vita_tui.bench.compare import compare, load
from vita_tui.bench.recordings import synthesised
from vita_tui.bench.turn import measure, report
from vita_tui.errors import VitaError


def turn(ms: float) -> dict[str, Any]:
    return {"question": "q", "timings_ms": {"stt": ms / 2, "endpoint": None, "voice_to_voice": ms}}


def test_the_report_sums_the_cascade_and_keeps_every_round() -> None:
    cascade = [{"stt": 1000.0, "llm": 500.0, "tts": 500.0}] * 3
    result = report([turn(400), turn(500), turn(600)], cascade, [1_000_000, 3_000_000])
    assert result["rounds"] == 3
    assert result["voice_to_voice_ms"]["p50"] == 500
    assert result["cascade_ms"]["max"] == 2000
    assert result["ratio"] == 4.0
    assert result["memory_mb"] == 3.0
    assert set(result["stages_ms"]) == {"stt", "voice_to_voice"}
    assert result["raw"]["voice_to_voice_ms"] == [400, 500, 600]
    alone = report([turn(400)], [], [])
    assert (alone["cascade_ms"], alone["ratio"], alone["memory_mb"]) == (None, None, None)


def run(values: list[float], labels: list[str] | None = None) -> dict[str, Any]:
    return {"raw": {"ms": values}, "labels": labels or [str(n) for n in range(len(values))]}


def test_a_change_is_told_from_noise() -> None:
    random = np.random.default_rng(1)
    old = list(500 + 50 * random.standard_normal(20))
    again = list(500 + 50 * random.standard_normal(20))
    better = [value * 0.7 for value in again]
    assert [one["verdict"] for one in compare(run(old), run(again))] == ["noise"]
    assert [one["verdict"] for one in compare(run(old), run(better))] == ["faster"]
    assert [one["verdict"] for one in compare(run(better), run(old))] == ["slower"]
    assert compare(run(old[:3]), run(better[:3]))[0]["verdict"] == "too few rounds"


def test_the_same_questions_are_compared_in_pairs() -> None:
    hard = [100.0, 1000.0, 200.0, 2000.0, 300.0, 3000.0]
    slightly = [value * 1.05 for value in hard]
    assert compare(run(hard), run(slightly))[0]["verdict"] == "slower"
    assert compare(run(hard), run(slightly, ["other"] * 6))[0]["verdict"] == "noise"


@pytest.mark.parametrize("content", ["", "[]", '{"raw": 3}', "{}"])
def test_what_is_no_result_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(VitaError):
        load(tmp_path / "a.json")


@pytest.mark.models
@pytest.mark.audio
async def test_turns_and_their_cascade() -> None:
    settings = all_settings.load(
        overrides={"sessions": {"store": "memory"}, "audio": {"earcons": False}, "llm": {"max_tokens": 40}}
    )
    result = await measure(settings, synthesised(("What is the capital of France?",)), 2)
    assert (
        result["rounds"] == len(result["raw"]["voice_to_voice_ms"]) == len(result["raw"]["cascade_ms"]) == 2
    )
    assert all(turn["reply"] for turn in result["turns"])
    assert result["stages_ms"]["stt"]
    json.dumps(result)


@pytest.mark.models
@pytest.mark.audio
async def test_a_pause_ends_a_question_and_the_answer_is_thought_in_it() -> None:
    settings = all_settings.load(overrides={"sessions": {"store": "memory"}, "audio": {"earcons": False}})
    result = await measure(
        settings, synthesised(("How many days are in a week?",)), 1, cascade=False, pause=True
    )
    timings = result["turns"][0]["timings_ms"]
    assert timings["endpoint"] > 0
    assert timings["llm_first_token"] < timings["voice_to_voice"]
    assert result["cascade_ms"] is None
