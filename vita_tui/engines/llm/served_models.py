"""The models that a server offers, and the servers that answer on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vita_tui.engines.ask_json import ask_json
from vita_tui.engines.http_client import Server, async_client
from vita_tui.engines.llm.openai_server import import_client
from vita_tui.engines.llm.window import WINDOW_NAMES, number_of
from vita_tui.errors import EngineUnavailableError, VitaError
from vita_tui.text.clean import clean

__all__ = ["LOCAL_SERVERS", "ServedModel", "local_models", "served_models"]

LOCAL_SERVERS: Mapping[str, str] = {
    "Ollama": "http://127.0.0.1:11434/v1",
    "LM Studio": "http://127.0.0.1:1234/v1",
    "llama.cpp": "http://127.0.0.1:8080/v1",
}
"""Where these listen unless they are told otherwise."""
CONNECT_SECONDS = 1.0
"""On this machine, nobody answers or somebody does at once."""
MOST = 1000
"""Models of one server that are listed."""
NO_CHAT = ("embed", "whisper", "tts-", "dall-e", "moderation", "rerank", "transcribe", "-image")
"""In the names of models that do not converse."""


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model on a server."""

    name: str
    base_url: str
    size: int = 0
    """Bytes of its weights; 0 where the server does not tell."""
    window: int = 0
    """Tokens; 0 where the server does not tell."""
    detail: str = ""
    """Such as "3.2B, Q4_K_M"."""


async def served_models(
    base_url: str, *, api_key: str = "", connect_seconds: float = 3.0
) -> Sequence[ServedModel]:
    """What the server at `base_url` lists, in its order, without those that cannot converse.

    Raises:
        EngineUnavailableError: the address cannot be used, or what is there does not list models.
    """
    httpx = await import_client()
    server = Server.named(base_url, key=api_key, section="llm", kind="language model")
    timeout = httpx.Timeout(5.0, connect=connect_seconds)
    async with async_client(server, timeout, keep=False) as client:
        listed, tags, details = await asyncio.gather(
            ask_json(client, "GET", f"{server.url}/models"),
            ask_json(client, "GET", f"{server.root}/api/tags"),  # Ollama
            ask_json(client, "GET", f"{server.root}/api/v0/models"),  # LM Studio
        )
    entries = _entries(listed, "data")
    if not entries:
        raise EngineUnavailableError(
            f"{server.where} does not list its models.", remedy="Check llm.base_url; it usually ends in /v1."
        )
    more: dict[str, dict[str, Any]] = {}
    for entry in (*_entries(tags, "models"), *_entries(details, "data")):
        more.setdefault(str(entry.get("id") or entry.get("name")), entry)
    found = []
    for entry in entries[:MOST]:
        name = str(entry.get("id") or entry.get("name") or "")
        if clean(name) == name and name.strip() and not any(word in name.lower() for word in NO_CHAT):
            found.append(_model(name, base_url, entry, more.get(name, {})))
    return found


async def local_models() -> Mapping[str, Sequence[ServedModel]]:
    """The models of each of `LOCAL_SERVERS` that answers now, by the product's name."""

    async def ask(base_url: str) -> Sequence[ServedModel]:
        try:
            return await served_models(base_url, connect_seconds=CONNECT_SECONDS)
        except VitaError:
            return ()

    answers = await asyncio.gather(*(ask(base_url) for base_url in LOCAL_SERVERS.values()))
    return {name: models for name, models in zip(LOCAL_SERVERS, answers, strict=True) if models}


def _entries(answer: Any, key: str) -> list[dict[str, Any]]:
    listed = answer.get(key) if isinstance(answer, dict) else answer
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _model(name: str, base_url: str, entry: Mapping[str, Any], more: Mapping[str, Any]) -> ServedModel:
    meta, about = _mapping(entry.get("meta")), _mapping(more.get("details"))
    size = number_of({**meta, **more}, ("size",))
    window = number_of({**more, **entry}, WINDOW_NAMES) or number_of(meta, ("n_ctx", "n_ctx_train"))
    parameters = number_of(meta, ("n_params",))
    words = [
        str(about.get("parameter_size") or (f"{parameters / 1e9:.1f}B" if parameters else "")),
        str(about.get("quantization_level") or more.get("quantization") or ""),
    ]
    return ServedModel(name, base_url, size, window, clean(", ".join(word for word in words if word))[:60])


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
