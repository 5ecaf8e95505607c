"""Figures of a benchmark: medians and percentiles, and what they were measured on."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

__all__ = ["RESAMPLES", "about", "ratio", "spread"]

PACKAGES = ("faster-whisper", "ctranslate2", "xllamacpp", "piper-tts", "textual")
RESAMPLES = 5000
"""Drawings of a bootstrap."""


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, 95th percentile (interpolated) and greatest of `values`, which must not be empty."""
    p50, p95 = np.percentile(values, (50, 95))
    return {"p50": round(float(p50), 1), "p95": round(float(p95), 1), "max": round(float(max(values)), 1)}


def ratio(slower: float, faster: float) -> float | None:
    """How many times `faster` goes into `slower`; None when `faster` took no time at all."""
    return round(slower / faster, 2) if faster > 0 else None


def about(bench: str) -> dict[str, Any]:
    """Which benchmark, when, and on what: the processor, its cores, the load of the machine, versions of what computes."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "bench": bench,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": found,
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123  # no file to speak of
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor()
