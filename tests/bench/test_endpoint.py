"""Reading cut-offs against latency off silences whose scores are known."""

from __future__ import annotations

import math

import pytest

from vita_tui.bench.endpoint import WAYS, figures, report, waited
from vita_tui.bench.holds import AT, Silence


def hold(seconds: float, score: float, text: str = "I would like to", name: str = "a") -> Silence:
    return Silence(name, "hold", seconds, text, tuple(score for at in AT if at <= seconds))


def end(score: float, text: str = "What time is it?", name: str = "a") -> Silence:
    return Silence(name, "end", math.inf, text, (score,) * len(AT))


def test_a_fixed_silence_waits_as_long_as_it_is_set() -> None:
    assert waited(end(0.9), WAYS["vad"], 0.7) == 0.7
    assert waited(hold(0.5, 0.1), WAYS["vad"], 0.3) == pytest.approx(0.3)


def test_what_says_more_cuts_off_less_at_the_same_latency() -> None:
    silences = [hold(0.3 + 0.1 * n, 0.05) for n in range(10)] + [end(0.97) for _ in range(10)]
    by = {name: figures(silences, wait) for name, wait in WAYS.items()}
    assert by["vad"]["cutoffs_at_300"] == pytest.approx(1.0, abs=0.2)
    assert by["fused"]["cutoffs_at_300"] == 0.0
    assert by["smart_turn"]["cutoffs_at_300"] == 0.0
    slow, quick = by["vad"]["ms_at_5_percent"], by["fused"]["ms_at_5_percent"]
    assert slow is not None
    assert quick is not None
    assert quick < slow


def test_a_score_that_tells_nothing_is_no_better_than_a_fixed_silence() -> None:
    silences = [hold(0.3 + 0.1 * n, 0.5, "", f"{n}") for n in range(10)] + [
        end(0.5, "", f"{n}") for n in range(10)
    ]
    vad, scored = (figures(silences, WAYS[name])["ms_at_5_percent"] for name in ("vad", "smart_turn"))
    assert vad is not None
    assert scored is not None
    assert scored == pytest.approx(vad, rel=0.15)


def test_the_report_has_every_way_and_what_is_set_now() -> None:
    silences = [one for n in range(6) for one in (hold(0.6, 0.1, name=f"{n}"), end(0.95, name=f"{n}"))]
    result = report(silences, 0.8, resamples=5)
    assert (result["recordings"], result["holds"]) == (6, 6)
    for name in ("vad", "rules", "smart_turn", "fused"):
        assert {"cutoffs_at_300", "cutoffs_at_600", "ms_at_5_percent", "ms_at_10_percent"} <= set(
            result[name]
        )
        assert result[name]["as_set"]["ms_p50"] > 0
