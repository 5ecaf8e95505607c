"""How often VITA would cut people off, and how long it would keep them waiting: one against the other.

After eot-bench: every wait is a trade, so each way of deciding is run over a grid of `talk.end_silence`, and compared at equal latency and at
equal cut-offs. A hold is cut off when the wait ends within it; latency is the wait after the last word of a turn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from vita_tui.bench.figures import RESAMPLES, about
from vita_tui.bench.holds import AT, Silence
from vita_tui.conversation.hearing.turn_detector import EndWait

__all__ = ["WAYS", "report", "waited"]

GRID = tuple(0.1 * 1.08**step for step in range(56))
"""Seconds: of `talk.end_silence`, 0.1 to 7."""
ASKING_SECONDS = 0.08
"""That judging a sound takes: a score counts so much later."""
FRAME_SECONDS = 0.032

Wait = Callable[[float, str, float | None], float]
"""Seconds to wait: from the setting, the words so far, and the score of the sound."""

WAYS: dict[str, Wait] = {
    "vad": lambda setting, text, score: setting,
    "rules": lambda setting, text, score: EndWait().seconds(setting, text),
    "smart_turn": lambda setting, text, score: EndWait().seconds(setting, "", score),
    "fused": lambda setting, text, score: EndWait().seconds(setting, text, score),
}


def waited(silence: Silence, wait: Wait, setting: float) -> float:
    """Seconds of `silence` after which the turn would be over, as far as it lasted."""
    now = wait(setting, silence.text, None)
    for at, score in zip(AT, silence.scores, strict=False):
        known = at + ASKING_SECONDS
        if now <= known:
            return max(now, AT[0])
        now = max(known, wait(setting, silence.text, score))
    return now


def _curve(silences: Sequence[Silence], wait: Wait) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Cut-offs per hold and mean latency in seconds, for each setting of the grid."""
    holds = [one for one in silences if one.kind == "hold"]
    ends = [one for one in silences if one.kind == "end"]
    cut = [np.mean([waited(one, wait, setting) < one.seconds for one in holds]) for setting in GRID]
    latency = [np.mean([waited(one, wait, setting) for one in ends]) for setting in GRID]
    return np.array(cut), np.array(latency)


def _least(wanted: np.ndarray[Any, Any], where: np.ndarray[Any, Any]) -> float | None:
    return float(wanted[where].min()) if where.any() else None


def figures(silences: Sequence[Silence], wait: Wait) -> dict[str, float | None]:
    """What is read off the curve of one way."""
    cut, latency = _curve(silences, wait)
    return {
        "cutoffs_at_300": _least(cut, latency <= 0.3),
        "cutoffs_at_600": _least(cut, latency <= 0.6),
        "ms_at_5_percent": _ms(_least(latency, cut <= 0.05)),
        "ms_at_10_percent": _ms(_least(latency, cut <= 0.1)),
    }


def report(
    silences: Sequence[Silence], setting: float, *, resamples: int = RESAMPLES // 50
) -> dict[str, Any]:
    """Every way, with 95 % intervals from drawing recordings again, and what `setting` gives today."""
    result: dict[str, Any] = {
        "about": about("endpoint"),
        "recordings": len({one.recording for one in silences}),
        "holds": sum(one.kind == "hold" for one in silences),
    }
    by_recording: dict[str, list[Silence]] = {}
    for one in silences:
        by_recording.setdefault(one.recording, []).append(one)
    groups = list(by_recording.values())
    random = np.random.default_rng(1)
    for name, wait in WAYS.items():
        found: dict[str, Any] = dict(figures(silences, wait))
        drawn = [
            figures([one for n in random.integers(len(groups), size=len(groups)) for one in groups[n]], wait)
            for _ in range(resamples)
        ]
        for key in ("cutoffs_at_300", "cutoffs_at_600"):
            values = [value for one in drawn if (value := one[key]) is not None]
            found[f"{key}_interval"] = (
                [round(float(v), 3) for v in np.percentile(values, (2.5, 97.5))] if values else None
            )
        holds = [waited(one, wait, setting) < one.seconds for one in silences if one.kind == "hold"]
        ends = [waited(one, wait, setting) for one in silences if one.kind == "end"]
        found["as_set"] = {
            "cutoffs": round(float(np.mean(holds)), 3) if holds else None,
            "ms_mean": _ms(float(np.mean(ends))),
            "ms_p50": _ms(float(np.median(ends))),
        }
        result[name] = {key: round(v, 3) if isinstance(v, float) else v for key, v in found.items()}
    return result


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000)
