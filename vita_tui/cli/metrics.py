"""`vita metrics`: how long things took, how often they failed."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from vita_tui.cli.output import echo, plain, print_json, say, write

if TYPE_CHECKING:
    from vita_tui.health.metrics import Metrics
    from vita_tui.health.series import MetricValue

__all__ = ["metrics"]


def metrics(
    json: Annotated[
        bool, typer.Option("--json", help="As JSON: a list of metrics, durations in milliseconds.")
    ] = False,
    prometheus: Annotated[
        bool, typer.Option("--prometheus", help="In the text format of Prometheus.")
    ] = False,
    listen: Annotated[
        int | None,
        typer.Option(
            "--listen",
            metavar="PORT",
            min=0,
            max=65535,
            help="Serve Prometheus on this port of the loopback interface until interrupted; 0 takes a free one.",
        ),
    ] = None,
) -> None:
    """Print how long the stages of turns took and how often engines failed, over the last 24 hours.

    The figures are those of all VITA programs of this user, running ones included (they save every few seconds).
    """
    if sum((json, prometheus, listen is not None)) > 1:
        raise typer.BadParameter("--json, --prometheus and --listen exclude each other")
    if listen is not None:
        _serve(listen)
        return
    summaries = _recorded().summaries()
    if json:
        from vita_tui.health.exposition import as_json

        print_json(as_json(summaries))
    elif prometheus:
        from vita_tui.health.exposition import as_prometheus

        write(as_prometheus(summaries))
    elif not summaries:
        say("There are no figures yet. They are gathered while VITA is used.")
    else:
        echo("\n".join(_table(summaries)))


def _recorded() -> Metrics:
    """The figures on disk."""
    from vita_tui import settings
    from vita_tui.health.metrics import Metrics

    found = Metrics(settings.load().health)
    found.load()
    return found


def _serve(port: int) -> None:
    import signal

    from prometheus_client import start_http_server

    from vita_tui.errors import VitaError
    from vita_tui.health.exposition import collector_registry

    _recorded()  # settings that are wrong are told now, not at the first scrape
    try:
        server, thread = start_http_server(
            port, addr="127.0.0.1", registry=collector_registry(lambda: _recorded().summaries())
        )
    except OSError as error:
        reason = error.strerror or str(error)
        raise VitaError(
            f"Port {port} cannot be used: {reason}.", remedy="Choose another, or 0 for a free one."
        ) from None
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    echo(f"http://127.0.0.1:{server.server_port}/metrics")
    try:
        stop.wait()
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=1.0)


def _table(summaries: Iterable[MetricValue]) -> list[str]:
    """Lines for a person: timings first, then calls, counters and gauges."""
    groups: dict[str, list[list[str]]] = {"timing": [], "calls": [], "counter": [], "gauge": []}
    for one in summaries:
        labels = ", ".join(value for _, value in one.labels)
        name = plain(f"{one.name}{f' ({labels})' if labels else ''}")
        if one.kind == "timing":
            row = [name, f"{one.count}", *(_ms(value) for value in (one.p50, one.p95, one.p99, one.maximum))]
        elif one.kind == "calls":
            row = [name, f"{one.count}", f"{one.errors}", f"{one.value:.0%}"]
        else:
            row = [name, f"{one.value:,.0f}"]
        groups[one.kind].append(row)
    heads = {
        "timing": ["milliseconds", "times", "p50", "p95", "p99", "max"],
        "calls": ["calls", "times", "failed", "lately"],
        "counter": ["counts", "total"],
        "gauge": ["values", "last"],
    }
    lines: list[str] = []
    for kind, rows in groups.items():
        if rows:
            lines += [*([""] if lines else []), *_columns([heads[kind], *rows])]
    return lines


def _columns(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [
                row[0].ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
            ]
        )
        for row in rows
    ]


def _ms(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds * 1000:,.0f}"
