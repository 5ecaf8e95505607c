"""Errors as answers in OpenAI's form."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import JSONResponse

from vita_tui.errors import (
    AudioFileError,
    EngineTimeoutError,
    NoEngineError,
    VitaError,
)
from vita_tui.server.limits import Limits, RequestError, TooBusyError

__all__ = ["answered", "described", "parsed"]

UNREAD = (401, 403, 408, 413, 429)
"""With which a request is answered whose rest is not read: the connection ends."""


def status_of(error: VitaError) -> int:
    """The status of HTTP that says so."""
    match error:
        case RequestError():
            return error.status
        case AudioFileError():
            return 400
        case NoEngineError():
            return 503
        case EngineTimeoutError():
            return 504
        case _:
            return 502


def described(error: VitaError) -> dict[str, Any]:
    """The error as OpenAI's clients read it."""
    status = status_of(error)
    found: dict[str, Any] = {
        "message": str(error),
        "type": _kind(status),
        "code": error.code if isinstance(error, RequestError) else type(error).__name__,
        "param": error.param if isinstance(error, RequestError) else None,
    }
    return found


def _kind(status: int) -> str:
    if status in (401, 403):
        return "authentication_error"
    if status == 429:
        return "rate_limit_error"
    return "invalid_request_error" if status < 500 else "server_error"


def answered(error: VitaError) -> JSONResponse:
    """The whole answer."""
    headers = {}
    if isinstance(error, TooBusyError):
        headers["Retry-After"] = str(round(error.retry_seconds))
    if isinstance(error, RequestError) and error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    status = status_of(error)
    if status in UNREAD:
        headers["Connection"] = "close"
    return JSONResponse({"error": described(error)}, status, headers)


def parsed(text: str | bytes, limits: Limits) -> dict[str, Any]:
    """A JSON object that somebody has sent.

    Raises:
        RequestError: it is none, or too large, or too deep.
    """
    if len(text) > limits.json_bytes:
        raise RequestError("The message is too long.", status=413, code="message_too_long")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"The message is not JSON: {type(error).__name__}.", code="invalid_json") from None
    if not isinstance(found, dict):
        raise RequestError("The message is not a JSON object.", code="invalid_json")
    if _deeper(found, limits.json_depth):
        raise RequestError("The message has too many lists and objects inside of each other.")
    return found


def _deeper(found: Any, limit: int) -> bool:
    """Whether lists and objects are inside of each other more than `limit` times."""
    level = [found]
    for _ in range(limit):
        level = [
            one
            for thing in level
            for one in (thing.values() if isinstance(thing, dict) else thing)
            if isinstance(one, dict | list)
        ]
        if not level:
            return False
    return True
