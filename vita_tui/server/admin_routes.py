"""Who is connected, and how the server is: for its operator, for balancers, for Prometheus."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from vita_tui.health.exposition import as_prometheus
from vita_tui.server.connections import Connections
from vita_tui.server.limits import RequestError
from vita_tui.server.shared_engines import SharedEngines

__all__ = ["cleanup", "close_connection", "connections", "health", "metrics", "readiness"]


async def connections(request: Request) -> Response:
    """`GET /admin/connections`."""
    table: Connections = request.app.state.connections
    return JSONResponse({"connections": table.shown(), **_counts(table)})


async def close_connection(request: Request) -> Response:
    """`DELETE /admin/connections/{id}`."""
    table: Connections = request.app.state.connections
    identity = request.path_params["identity"]
    if not await table.close(identity):
        raise RequestError("There is no such connection.", status=404, code="not_found")
    return JSONResponse({"closed": identity})


async def cleanup(request: Request) -> Response:
    """`POST /admin/cleanup`: close what is stalled, idle or leaked, and give memory back."""
    return JSONResponse(await request.app.state.cleanup())


async def health(_: Request) -> Response:
    """`GET /healthz`: the process answers."""
    return JSONResponse({"status": "ok"})


async def readiness(request: Request) -> Response:
    """`GET /readyz`: whether new clients are welcome."""
    engines: SharedEngines = request.app.state.engines
    ready = engines.ready
    draining: bool = request.app.state.guarding.draining
    fine = all(ready.values()) and not draining
    return JSONResponse({"ready": fine, "ending": draining, **ready}, 200 if fine else 503)


async def metrics(request: Request) -> Response:
    """`GET /metrics`."""
    state = request.app.state
    figures = state.metrics
    for name, value in _counts(state.connections).items():
        figures.gauge(f"server_{name}", value)
    for job, turns in (
        ("stt", state.engines.recognition.turns),
        ("llm", state.engines.model.turns),
        ("tts", state.engines.voice.turns),
    ):
        figures.gauge("server_waiting", turns.waiting, job=job)
        figures.gauge("server_turns", turns.done, job=job)
        figures.gauge("server_turns_refused", turns.refused, job=job)
    return PlainTextResponse(
        as_prometheus(figures.summaries()), media_type="text/plain; version=0.0.4; charset=utf-8"
    )


def _counts(table: Connections) -> dict[str, Any]:
    return {
        "open": len(table),
        "opened": table.opened,
        "refused": table.refused,
        "cut": table.cut,
        "bytes_in": table.bytes_in + sum(one.bytes_in for one in table),
        "bytes_out": table.bytes_out + sum(one.bytes_out for one in table),
    }
