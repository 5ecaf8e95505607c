"""The application: routes of OpenAI's protocol, of the operator, and what all requests pass."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute

from vita_tui.errors import VitaError
from vita_tui.health.metrics import Metrics
from vita_tui.health.process_memory import trim
from vita_tui.health.registry import registry
from vita_tui.server import admin_routes
from vita_tui.server.chat_route import chat_completions
from vita_tui.server.connections import Connections
from vita_tui.server.guarding import Guarding
from vita_tui.server.keys import Keys
from vita_tui.server.limits import Limits, RequestError
from vita_tui.server.problems import answered
from vita_tui.server.realtime.realtime_route import realtime
from vita_tui.server.shared_engines import SharedEngines
from vita_tui.server.speech_route import speech
from vita_tui.server.transcription_route import transcriptions

__all__ = ["Application"]


class Application:
    """What an ASGI server runs. `engines` are started and closed by whoever made them."""

    def __init__(
        self,
        engines: SharedEngines,
        limits: Limits,
        *,
        keys: Keys | None = None,
        origins: Iterable[str] = (),
        local: bool = False,
        metrics: Metrics | None = None,
        connections: Connections | None = None,
    ) -> None:
        """
        Args:
            keys, origins, local: as of `Guarding`.
        """
        self.engines = engines
        self.limits = limits
        self.connections = connections if connections is not None else Connections(limits)
        self._starlette = Starlette(
            routes=[
                Route("/v1/models", models),
                Route("/v1/models/{name:path}", model),
                Route("/v1/audio/transcriptions", transcriptions, methods=["POST"]),
                Route("/v1/audio/speech", speech, methods=["POST"]),
                Route("/v1/chat/completions", chat_completions, methods=["POST"]),
                WebSocketRoute("/v1/realtime", realtime),
                Route("/admin/connections", admin_routes.connections),
                Route("/admin/connections/{identity}", admin_routes.close_connection, methods=["DELETE"]),
                Route("/admin/cleanup", admin_routes.cleanup, methods=["POST"]),
                Route("/metrics", admin_routes.metrics),
                Route("/healthz", admin_routes.health),
                Route("/readyz", admin_routes.readiness),
            ],
            exception_handlers={VitaError: _answered, HTTPException: _no_route},
        )
        self.guarding = Guarding(
            self._starlette, self.connections, keys or Keys({}), origins=origins, local=local
        )
        state = self._starlette.state
        state.engines, state.limits, state.connections = engines, limits, self.connections
        state.guarding, state.cleanup = self.guarding, self.cleanup
        state.metrics = metrics or Metrics()
        state.metrics.attach(engines.bus)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.guarding(scope, receive, send)

    async def cleanup(self) -> dict[str, Any]:
        """Close what is stalled, idle or leaked, and give memory back; what was done."""
        closed = self.connections.sweep()
        leaks = registry.leaks()
        remaining = registry.close_leaks()
        trim()
        return {
            "closed": [one.id for one in closed],
            "leaks": [asdict(leak) for leak in leaks],
            "remaining": [asdict(leak) for leak in remaining],
        }


async def _answered(_: Request, error: Exception) -> Response:
    assert isinstance(error, VitaError)
    return answered(error)


async def _no_route(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return answered(RequestError(f"{error.detail}.", status=error.status_code, code="not_found"))


async def models(request: Request) -> Response:
    """`GET /v1/models`."""
    return JSONResponse({"object": "list", "data": _models(request.app.state.engines)})


async def model(request: Request) -> Response:
    """`GET /v1/models/{name}`."""
    name = request.path_params["name"]
    for found in _models(request.app.state.engines):
        if found["id"] == name:
            return JSONResponse(found)
    raise RequestError("There is no such model.", status=404, code="model_not_found", param="model")


def _models(engines: SharedEngines) -> list[dict[str, Any]]:
    """What answers: whatever model a request names."""
    jobs = (
        ("speech recognition", engines.recognition.chain),
        ("language model", engines.model.chain),
        ("voice", engines.voice.chain),
    )
    return [
        {"id": engine.name, "object": "model", "created": 0, "owned_by": "vita", "job": job}
        for job, chain in jobs
        for engine in chain.engines
    ]
