"""The figures for other programs: JSON for scripts, and the text format of Prometheus."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from vita_tui.health.series import MetricKind, MetricValue

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

__all__ = ["as_json", "as_prometheus", "collector_registry"]

QUANTILES = {"p50": "0.5", "p95": "0.95", "p99": "0.99"}


def as_json(summaries: Iterable[MetricValue]) -> list[dict[str, Any]]:
    """One object for each metric; durations in milliseconds."""
    return [_item(summary) for summary in summaries]


def _item(summary: MetricValue) -> dict[str, Any]:
    item: dict[str, Any] = {"name": summary.name, "labels": dict(summary.labels), "kind": summary.kind}
    if summary.kind == "timing":
        item["count"] = summary.count
        item["mean_ms"] = _ms(summary.value / summary.count if summary.count else None)
        for name in ("p50", "p95", "p99"):
            item[f"{name}_ms"] = _ms(getattr(summary, name))
        item["max_ms"] = _ms(summary.maximum)
    elif summary.kind == "calls":
        item |= {"count": summary.count, "errors": summary.errors, "error_rate": round(summary.value, 4)}
    else:
        item["value"] = int(summary.value) if summary.value.is_integer() else summary.value
    return item


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)


def collector_registry(source: Callable[[], Iterable[MetricValue]]) -> CollectorRegistry:
    """A separate registry (nothing of the Python process is in it) that asks `source` at every scrape."""
    from prometheus_client import CollectorRegistry

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(source))
    return registry


def as_prometheus(summaries: Iterable[MetricValue]) -> str:
    """The figures in Prometheus' text format."""
    from prometheus_client import generate_latest

    found = tuple(summaries)
    return generate_latest(collector_registry(lambda: found)).decode()


class _Collector:
    def __init__(self, source: Callable[[], Iterable[MetricValue]]) -> None:
        self._source = source

    def collect(self) -> Iterator[Metric]:
        """One family for each name and kind; series of a family may differ in their labels."""
        families: dict[tuple[MetricKind, str], list[MetricValue]] = {}
        for summary in self._source():
            families.setdefault((summary.kind, summary.name), []).append(summary)
        for (kind, name), members in sorted(families.items()):
            yield from _families(kind, f"vita_{_legal(name)}", members)


def _families(kind: MetricKind, name: str, members: list[MetricValue]) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily

    title = name.removeprefix("vita_").removesuffix("_seconds").replace("_", " ")
    if kind == "counter":
        counter = CounterMetricFamily(name, f"Number of {title}.")
        for one in members:
            counter.add_sample(f"{counter.name}_total", _labels(one), one.value)
        yield counter
    elif kind == "gauge":
        gauge = GaugeMetricFamily(name, f"Now: {title}.")
        for one in members:
            gauge.add_sample(name, _labels(one), one.value)
        yield gauge
    elif kind == "timing":
        timing = SummaryMetricFamily(name, f"Seconds of {title}.")
        for one in members:
            for attribute, quantile in QUANTILES.items():
                if (value := getattr(one, attribute)) is not None:
                    timing.add_sample(name, _labels(one) | {"quantile": quantile}, value)
            timing.add_sample(f"{name}_count", _labels(one), one.count)
            timing.add_sample(f"{name}_sum", _labels(one), one.value)
        yield timing
    else:
        calls = CounterMetricFamily(name, f"Number of {title}.")
        errors = CounterMetricFamily(f"{name}_errors", f"Number of {title} that failed.")
        for one in members:
            calls.add_sample(f"{calls.name}_total", _labels(one), one.count)
            errors.add_sample(f"{errors.name}_total", _labels(one), one.errors)
        yield calls
        yield errors


def _labels(summary: MetricValue) -> dict[str, str]:
    return {_legal(name): value for name, value in summary.labels}


def _legal(name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_]", "_", name)
