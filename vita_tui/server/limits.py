"""How much one client, and all of them together, may have; and the error of what is beyond."""

from __future__ import annotations

from dataclasses import dataclass

from vita_tui.errors import VitaError
from vita_tui.settings import ServeSettings

__all__ = ["Limits", "RequestError", "TooBusyError"]


@dataclass(frozen=True, slots=True)
class Limits:
    """A client is a key, or the address of one that needs none."""

    connections: int = 1200
    """Open at once; as many conversations as VITA keeps, and some requests beside them."""
    connections_per_client: int = 1200
    waiting_per_client: int = 8
    """Pieces of work (utterances, clauses, replies) of one client that may wait for an engine."""
    waiting: int = 128
    """The same of all clients."""
    upload_bytes: int = 100_000_000
    """Of one request."""
    upload_seconds: float = 300.0
    """In which all of a request must have arrived."""
    header_seconds: float = 10.0
    """In which the head of a request must have arrived."""
    json_bytes: int = 4 << 20
    """Of one request or message in JSON."""
    json_depth: int = 64
    """Of its lists and objects inside of each other."""
    audio_seconds: float = 4 * 3600.0
    """Of one recording, however few bytes it is packed into."""
    decodes: int = 4
    """Recordings that are unpacked at once."""
    speech_characters: int = 16_384
    """Of one text that is to be spoken."""
    buffer_seconds: float = 120.0
    """Of sound that a conversation may hold that is not committed."""
    items: int = 400
    """Of one conversation; beyond, the oldest go."""
    stalled_seconds: float = 30.0
    """In which a client must have taken something of what is sent to it."""
    idle_seconds: float = 24 * 3600.0
    """After which a connection on which nothing happens is closed."""
    sweep_seconds: float = 5.0
    """Between two looks at who is stalled or idle."""
    close_seconds: float = 2.0
    """In which a connection that is told to close must have closed; then its transport is cut."""
    drain_seconds: float = 30.0
    """That replies in progress have when the server ends."""

    @classmethod
    def by_settings(cls, serve: ServeSettings) -> Limits:
        """Those that the user has set; the others are as they are."""
        values = serve.model_dump()
        return cls(upload_bytes=values.pop("upload_mb") * 1_000_000, **values)


class RequestError(VitaError):
    """A request that cannot be fulfilled as it is."""

    def __init__(self, message: str, *, status: int = 400, code: str = "", param: str | None = None) -> None:
        """
        Args:
            status: of HTTP.
            code: what OpenAI calls it.
            param: the part of the request that is wrong.
        """
        super().__init__(message)
        self.status = status
        self.code = code or "invalid_request"
        self.param = param


class TooBusyError(RequestError):
    """There is too much to do already."""

    def __init__(self, message: str, *, retry_seconds: float) -> None:
        """
        Args:
            retry_seconds: after which it may be worth another attempt.
        """
        super().__init__(message, status=429, code="rate_limit_exceeded")
        self.retry_seconds = max(1.0, retry_seconds)
