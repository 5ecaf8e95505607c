"""Servers that do a job of the conversation, named in the settings: `[stt.endpoints.box]`, used by `stt.engines = ["box", "local"]`."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

__all__ = ["Endpoint", "EndpointName", "check_addresses", "check_names"]

EndpointName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
"""Small letters, as environment variables have no others: VITA_STT__ENDPOINTS__BOX__KEY."""


class Endpoint(BaseModel):
    """A server, and how it is asked."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, frozen=True)

    url: str
    """http(s)://host/v1 for OpenAI's routes, ws(s)://host/v1 for its Realtime transcription, tcp://host:port for Wyoming."""
    model: str = ""
    """Name of the model there; empty for the server's own choice, or whisper-1 and tts-1 where a name has to be given."""
    voice: str = ""
    """Name of the voice there, for speech."""
    key: SecretStr = SecretStr("")
    """Key for this server; better given as VITA_STT__ENDPOINTS__NAME__KEY, or as key_file."""
    key_file: str = ""
    """A file that holds the key."""
    timeout: float = Field(default=0.0, ge=0)
    """Seconds after which it has failed; 0 for 8 s in speech recognition, and the timeout of the section otherwise."""
    weight: float = Field(default=1.0, ge=0, le=1000)
    """Share of the work among the endpoints beside it in the list; 0: only when those cannot."""
    ca: str = ""
    """File with the certificate authority that signed its certificate, besides those of the system."""
    partials: bool = False
    """For http(s) recognition: transcripts while you speak, too. Each sends the whole utterance so far."""

    @field_validator("url")
    @classmethod
    def _an_address(cls, value: str) -> str:
        value = value.strip()
        try:
            parts = urlsplit(value)
            good = bool(parts.hostname) and parts.port != 0
        except ValueError:
            good = False
        if not good or parts.scheme not in ("http", "https", "ws", "wss", "tcp", "wyoming"):
            raise ValueError("it should be an address such as http://box.lan:8000/v1 or tcp://box.lan:10300")
        if parts.scheme in ("tcp", "wyoming") and parts.port is None:
            raise ValueError("an address with tcp:// needs a port, such as tcp://box.lan:10300")
        return value

    @model_validator(mode="after")
    def _one_key(self) -> Endpoint:
        if self.key.get_secret_value() and self.key_file:
            raise ValueError("it has a key and a key_file: one of them is enough")
        return self

    @property
    def scheme(self) -> str:
        """Of the address, with "tcp" for Wyoming."""
        scheme = urlsplit(self.url).scheme
        return "tcp" if scheme == "wyoming" else scheme

    @property
    def secret(self) -> str:
        """The key; read from its file each time, so that a new one counts without a restart.

        Raises:
            OSError: the file cannot be read.
        """
        if self.key_file:
            return Path(self.key_file).expanduser().read_text(encoding="utf-8").strip()
        return self.key.get_secret_value()


def check_addresses(
    endpoints: dict[str, Endpoint], own: Collection[str], schemes: Collection[str]
) -> dict[str, Endpoint]:
    """`endpoints`, if all can do a job whose servers have one of `schemes`.

    Args:
        own: names of VITA's own engines for it.

    Raises:
        ValueError: one cannot, or has the name of an engine of VITA's own.
    """
    for name, endpoint in endpoints.items():
        if name in own:
            raise ValueError(f"an endpoint cannot be called {name}: that is an engine of VITA's own")
        if endpoint.scheme not in schemes:
            ways = ", ".join(f"{scheme}://" for scheme in schemes)
            raise ValueError(f"the address of {name} should begin with {ways}, not with {endpoint.scheme}://")
    return endpoints


def check_names(
    engines: tuple[str, ...], endpoints: Collection[str], own: Collection[str]
) -> tuple[str, ...]:
    """`engines` without repetitions, if all of them are there.

    Raises:
        ValueError: one is neither an endpoint nor an engine of VITA's own.
    """
    known = [*own, *endpoints]
    for name in engines:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
            raise ValueError(f"there is no engine or endpoint {name!r}: {hint}")
    return tuple(dict.fromkeys(engines))
