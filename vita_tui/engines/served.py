"""What engines on servers have in common, and local ones do not have."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from vita_tui.engines.http_client import Server
from vita_tui.errors import EngineUnavailableError
from vita_tui.settings.endpoints import Endpoint

__all__ = ["Served", "server_of", "where"]


@runtime_checkable
class Served(Protocol):
    """An engine that is asked over the network."""

    where: str
    """Host and port, to be shown."""
    weight: float
    """Share of the work among the servers beside it in the chain; 0: only when those cannot."""


def where(engine: object) -> str:
    """Host and port of an engine on a server; empty for one of this machine."""
    return engine.where if isinstance(engine, Served) else ""


def server_of(name: str, endpoint: Endpoint, *, section: str, kind: str) -> Server:
    """The server of an endpoint of `section`, with its key.

    Raises:
        EngineUnavailableError: its address, its key or the file of its key cannot be used.
    """
    try:
        key = endpoint.secret
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise EngineUnavailableError(
            f"The key of {name} cannot be read: {why}.", remedy=f"Check {section}.endpoints.{name}.key_file."
        ) from None
    return Server.named(
        endpoint.url,
        key=key,
        section=section,
        kind=kind,
        endpoint=name,
        ca=endpoint.ca,
        schemes=("http", "https", "ws", "wss", "tcp", "wyoming"),
    )
