"""`/v1/realtime`: the WebSocket of a session."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from vita_tui.errors import VitaError
from vita_tui.server.guarding import connection_of
from vita_tui.server.limits import Limits, RequestError
from vita_tui.server.problems import parsed
from vita_tui.server.realtime.older_names import HEADER, as_before
from vita_tui.server.realtime.realtime_session import RealtimeSession
from vita_tui.server.shared_engines import SharedEngines

__all__ = ["realtime"]

PROTOCOL = "realtime"


async def realtime(websocket: WebSocket) -> None:
    """Serve one session."""
    engines: SharedEngines = websocket.app.state.engines
    limits: Limits = websocket.app.state.limits
    older = websocket.headers.get(HEADER[0], "") == HEADER[1]

    async def send(event: Mapping[str, Any]) -> None:
        shown = as_before(event) if older else event
        if shown is None:
            return
        try:
            await websocket.send_text(json.dumps(shown, ensure_ascii=False))
        except (WebSocketDisconnect, RuntimeError):
            raise ConnectionResetError("the client has gone") from None

    await websocket.accept(PROTOCOL if PROTOCOL in websocket.scope.get("subprotocols", ()) else None)
    transcription = websocket.query_params.get("intent") == "transcription"
    session = RealtimeSession(
        engines,
        limits,
        connection_of(websocket.scope),
        send,
        kind="transcription" if transcription else "realtime",
        listening=engines.listening,
    )
    await session.begin()
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return
        try:
            event = parsed(message.get("text") or message.get("bytes") or b"", limits)
        except VitaError as error:
            await session.complain(error)
            continue
        if not isinstance(event.get("type"), str):
            await session.complain(RequestError("An event has a type.", param="type"), event.get("event_id"))
            continue
        await session.take(event)
