"""Whether two runs of a benchmark differ, or only the machine's mood."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vita_tui.bench.figures import RESAMPLES
from vita_tui.errors import VitaError

__all__ = ["compare", "load"]

FEWEST = 4
"""Figures of each run, below which nothing can be told."""


def load(path: Path) -> dict[str, Any]:
    """What `vita bench … --json` wrote.

    Raises:
        VitaError: it cannot be read, or is something else.
    """
    remedy = "Give two files that vita bench … --json has written."
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise VitaError(f"{path} cannot be read: {error}.", remedy=remedy) from None
    if not isinstance(found, dict) or not isinstance(found.get("raw"), dict):
        raise VitaError(f"{path} is no result of a benchmark.", remedy=remedy)
    return found


def compare(before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, Any]]:
    """For every figure that both runs have: medians, the change, its 95 % interval, and what it is.

    The interval is that of the ratio of medians, by resampling (bootstrap, percentiles). Rounds of the same questions are taken in pairs, so
    that a hard question weighs on both sides. A change is one when the interval does not contain 1.
    """
    paired = before.get("labels") == after.get("labels") and bool(before.get("labels"))
    found = []
    for name, old in before["raw"].items():
        new = after["raw"].get(name)
        if new is None:
            continue
        one: dict[str, Any] = {
            "figure": name,
            "before": round(float(np.median(old)), 1),
            "after": round(float(np.median(new)), 1),
        }
        if min(len(old), len(new)) < FEWEST:
            found.append({**one, "change": None, "interval": None, "verdict": "too few rounds"})
            continue
        ratios = _ratios(
            np.asarray(old, float), np.asarray(new, float), paired=paired and len(old) == len(new)
        )
        low, high = np.percentile(ratios, (2.5, 97.5))
        verdict = "faster" if high < 1 else "slower" if low > 1 else "noise"
        change = one["after"] / one["before"] - 1 if one["before"] else 0.0
        found.append(
            {
                **one,
                "change": round(change, 4),
                "interval": [round(float(low) - 1, 4), round(float(high) - 1, 4)],
                "verdict": verdict,
            }
        )
    return found


def _ratios(old: NDArray[Any], new: NDArray[Any], *, paired: bool) -> NDArray[Any]:
    random = np.random.default_rng(1)
    first = random.integers(0, len(old), (RESAMPLES, len(old)))
    second = first if paired else random.integers(0, len(new), (RESAMPLES, len(new)))
    if paired:
        return np.asarray(np.median((new / np.maximum(old, 1e-9))[first], axis=1))
    return np.asarray(np.median(new[second], axis=1) / np.maximum(np.median(old[first], axis=1), 1e-9))
