"""Reading cut-offs against latency off silences whose scores are known."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from vita_tui.audio.base import SAMPLE_RATE
from vita_tui.bench.endpoint import WAYS, figures, known_at, report, waited
from vita_tui.bench.holds import AT, Silence, _cuts, pauses
from vita_tui.bench.recordings import synthesised, trimmed
from vita_tui.engines.stt.base import Word


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
    for name in ("vad", "rules", "smart_turn", "text", "fused"):
        assert {"cutoffs_at_300", "cutoffs_at_600", "ms_at_5_percent", "ms_at_10_percent"} <= set(
            result[name]
        )
        assert result[name]["as_set"]["ms_p50"] > 0


def test_holds_of_their_own_and_made_ones_are_shown_apart_and_each_way_says_how_well_it_tells() -> None:
    silences = [hold(0.6, 0.1, name="a"), end(0.95, name="a"), hold(0.6, 0.1, name="b"), end(0.95, name="b")]
    silences[0] = replace(silences[0], natural=True)
    result = report(silences, 0.8, resamples=0)
    assert (result["natural"]["recordings"], result["natural"]["holds"]) == (1, 1)
    assert (result["made"]["recordings"], result["made"]["holds"]) == (2, 1)
    assert result["auc"]["fused"] == result["auc"]["rules"] == 1.0


def test_words_and_what_the_model_says_of_them_are_known_only_after_a_while() -> None:
    silence = replace(end(0.9), model=0.8)
    assert (known_at(silence, 0.15).text, known_at(silence, 0.15).sound) == ("", None)
    assert (known_at(silence, 0.25).text, known_at(silence, 0.25).model) == (silence.text, None)
    assert known_at(silence, 1.0).model == 0.8
    assert known_at(silence, 1.0).sound == pytest.approx(0.9)


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")
def test_a_recording_s_own_pauses_are_found() -> None:
    speech = synthesised(("What is the capital of France?",))[0].audio
    spoken = trimmed(speech)
    quiet = np.random.default_rng(1).standard_normal(SAMPLE_RATE).astype(np.float32) * 1e-3
    found = pauses(np.concatenate([spoken, quiet, spoken]))
    assert len(found) == 1
    start, end_ = found[0]
    assert start == pytest.approx(len(spoken) / SAMPLE_RATE, abs=0.3)
    assert end_ - start == pytest.approx(1.0, abs=0.4)


def test_holds_are_made_where_they_are_marked_or_at_random() -> None:
    words = [Word(word, n, n + 0.9) for n, word in enumerate(["one", "two", "three", "four", "five"])]
    assert _cuts(words, (3 / 19,), [], Random(1)) == [0.9]
    assert _cuts(words, (0.6,), [], Random(1)) == [2.9]
    assert len(_cuts(words, (), [], Random(1))) == 3
    assert _cuts(words, (0.6,), [(2.8, 3.5)], Random(1)) == [], "there is a silence already"
    assert _cuts(words[:1], (0.6,), [], Random(1)) == []
