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
from vita_tui.conversation.hearing.end_wait import EndWait, Evidence, of_sound

__all__ = ["WAYS", "Curve", "figures", "report", "waited"]

GRID = tuple(0.1 * 1.08**step for step in range(56))
"""Seconds: of `talk.end_silence`, 0.1 to 7."""
JUDGING_SECONDS = 0.08
"""That judging a sound takes: a score counts so much later."""
WORDS_AT = 0.2
"""Seconds of silence after which its words are understood, on two cores: `vita bench stt`."""
MODEL_AT = 0.27
"""The same for what the language model thinks of them."""

Wait = Callable[[float, Evidence], float]
"""Seconds to wait: from the setting, and from what is known."""

WAYS: dict[str, Wait] = {
    "vad": lambda setting, known: setting,
    "rules": lambda setting, known: EndWait().seconds(setting, Evidence(known.text, known.language)),
    "smart_turn": lambda setting, known: EndWait().seconds(setting, Evidence(sound=known.sound)),
    "text": lambda setting, known: EndWait().seconds(
        setting, Evidence(known.text, known.language, model=known.model)
    ),
    "without_model": lambda setting, known: EndWait().seconds(
        setting, Evidence(known.text, known.language, sound=known.sound)
    ),
    "fused": lambda setting, known: EndWait().seconds(setting, known),
}
"""Voice activity alone; the words by rules; the sound alone; the words by rules and by the language model; all but the latter; all."""


def known_at(silence: Silence, at: float) -> Evidence:
    """What is known after `at` seconds of `silence`."""
    scores = [score for when, score in zip(AT, silence.scores, strict=False) if when + JUDGING_SECONDS <= at]
    words = at >= WORDS_AT
    return Evidence(
        silence.text if words else "",
        silence.language,
        sound=of_sound(scores),
        model=silence.model if at >= MODEL_AT else None,
    )


KNOWN_SECONDS = 1.0
"""Of silence, after which nothing more is learnt."""
MOMENTS = tuple(sorted({WORDS_AT, MODEL_AT, *(at + JUDGING_SECONDS for at in AT)}))
"""Seconds of silence at which something new is known."""


def waited(silence: Silence, wait: Wait, setting: float) -> float:
    """Seconds of `silence` after which the turn would be over, as far as it lasted."""
    since = AT[0]
    now = max(wait(setting, known_at(silence, since)), since)
    for at in MOMENTS:
        if now <= at:
            return now
        now = max(at, wait(setting, known_at(silence, at)))
    return now


class Curve:
    """Cut-offs per hold against mean latency, for each setting of the grid."""

    def __init__(self, silences: Sequence[Silence], wait: Wait) -> None:
        self.waits = np.array([[waited(one, wait, setting) for setting in GRID] for one in silences])
        """Seconds: of each silence, with each setting."""
        self.seconds = np.array([one.seconds for one in silences])
        self.ends = np.array([one.kind == "end" for one in silences])

    def figures(self, chosen: Sequence[int] | None = None) -> dict[str, float | None]:
        """What is read off it.

        Args:
            chosen: numbers of the silences that count, each as often as it is named; None for all.
        """
        rows = np.arange(len(self.ends)) if chosen is None else np.array(chosen)
        ends, waits, seconds = self.ends[rows], self.waits[rows], self.seconds[rows]
        if not ends.any() or ends.all():
            return dict.fromkeys(("cutoffs_at_300", "cutoffs_at_600", "ms_at_5_percent", "ms_at_10_percent"))
        cut = (waits[~ends] < seconds[~ends][:, None]).mean(axis=0)
        latency = waits[ends].mean(axis=0)
        return {
            "cutoffs_at_300": _least(cut, latency <= 0.3),
            "cutoffs_at_600": _least(cut, latency <= 0.6),
            "ms_at_5_percent": _ms(_least(latency, cut <= 0.05)),
            "ms_at_10_percent": _ms(_least(latency, cut <= 0.1)),
        }


def figures(silences: Sequence[Silence], wait: Wait) -> dict[str, float | None]:
    """What is read off the curve of one way."""
    return Curve(silences, wait).figures()


def _least(wanted: np.ndarray[Any, Any], where: np.ndarray[Any, Any]) -> float | None:
    return float(wanted[where].min()) if where.any() else None


def report(
    silences: Sequence[Silence], setting: float, *, resamples: int = RESAMPLES // 50
) -> dict[str, Any]:
    """Every way, with 95 % intervals from drawing recordings again, and what `setting` gives; then the same for holds of each kind.

    `auc` is how often an end is told from a hold by each kind of evidence, once all of it is known.
    """
    natural = {one.recording for one in silences if one.natural}
    own = [one for one in silences if one.natural or (one.kind == "end" and one.recording in natural)]
    made = [one for one in silences if not one.natural]
    return {
        "about": about("endpoint"),
        **_ways(silences, setting, resamples),
        "natural": _ways(own, setting, 0),
        "made": _ways(made, setting, 0),
        "auc": {name: _auc(silences, wait) for name, wait in WAYS.items() if name != "vad"},
    }


def _ways(silences: Sequence[Silence], setting: float, resamples: int) -> dict[str, Any]:
    """Of every way: what is read off its curve, with intervals, and what `setting` gives."""
    result: dict[str, Any] = {
        "recordings": len({one.recording for one in silences}),
        "holds": sum(one.kind == "hold" for one in silences),
    }
    if not result["holds"]:
        return result
    by_recording: dict[str, list[int]] = {}
    for number, one in enumerate(silences):
        by_recording.setdefault(one.recording, []).append(number)
    groups = list(by_recording.values())
    random = np.random.default_rng(1)
    draws = [
        [number for n in random.integers(len(groups), size=len(groups)) for number in groups[n]]
        for _ in range(resamples)
    ]
    now = min(range(len(GRID)), key=lambda n: abs(GRID[n] - setting))
    for name, wait in WAYS.items():
        curve = Curve(silences, wait)
        found: dict[str, Any] = dict(curve.figures())
        drawn = [curve.figures(draw) for draw in draws]
        for key in ("cutoffs_at_300", "cutoffs_at_600"):
            values = [value for one in drawn if (value := one[key]) is not None]
            found[f"{key}_interval"] = (
                [round(float(v), 3) for v in np.percentile(values, (2.5, 97.5))] if values else None
            )
        waits = curve.waits[:, now]
        found["as_set"] = {
            "cutoffs": round(float((waits < curve.seconds)[~curve.ends].mean()), 3),
            "ms_mean": _ms(float(waits[curve.ends].mean())),
            "ms_p50": _ms(float(np.median(waits[curve.ends]))),
        }
        result[name] = {key: round(v, 3) if isinstance(v, float) else v for key, v in found.items()}
    return result


def _auc(silences: Sequence[Silence], wait: Wait) -> float | None:
    """How often a way waits longer in a hold than at an end, ties counted half."""
    waits = np.array([wait(1.0, known_at(one, KNOWN_SECONDS)) for one in silences])
    ends = np.array([one.kind == "end" for one in silences])
    if not ends.any() or ends.all():
        return None
    difference = waits[~ends][:, None] - waits[ends][None]
    return round(float(((difference > 0) + 0.5 * (difference == 0)).mean()), 3)


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000)
