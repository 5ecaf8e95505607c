"""What a server's model takes at once, and how many tokens a text has there: asked of the server, once, where it tells."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections import OrderedDict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from vita_tui.engines.http_client import Server
from vita_tui.engines.llm.tokens import estimate

if TYPE_CHECKING:
    import httpx2

__all__ = ["DEFAULT_WINDOW", "ServerWindow"]

log = logging.getLogger(__name__)

DEFAULT_WINDOW = 8192
"""Tokens, for a server that does not tell."""
ASK_SECONDS = 2.0
"""For each of the questions; a server that is slow here is not asked again."""
MAX_BODY_BYTES = 4_000_000
"""Of an answer: a long list of models has some hundred thousand."""
COUNTED = 512
"""Texts whose token count is remembered."""
_NAMES = (
    "max_model_len",  # vLLM, SGLang
    "loaded_context_length",  # LM Studio: as it is loaded now
    "context_length",  # OpenRouter, Together
    "max_context_length",  # Mistral, LM Studio
    "context_window",  # Groq
    "n_ctx",  # llama.cpp
)


class ServerWindow:
    """Of one model on one server. Lives on one asyncio loop; nothing here raises."""

    def __init__(self, server: Server, model: str, *, counts: bool = False) -> None:
        """
        Args:
            counts: the server is known to count tokens, as llama.cpp does.
        """
        self._server = server
        self._model = model
        self._asking: asyncio.Task[int] | None = None
        self._counts_tokens = counts
        self._counts: OrderedDict[str, int] = OrderedDict()

    async def size(self, client: httpx2.AsyncClient) -> int:
        """Tokens; 0 when the server does not tell."""
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask(client), name="llm window")
        return await asyncio.shield(self._asking)

    async def count(self, client: httpx2.AsyncClient | None, text: str) -> int:
        """Tokens of `text`, by the server where it counts."""
        if text in self._counts:
            self._counts.move_to_end(text)
            return self._counts[text]
        if client is None or not self._counts_tokens or not text:
            return estimate(text)
        body = {"content": text, "model": self._model, "prompt": text}
        answer = await self._json(client, "POST", f"{self._server.root}/tokenize", body)
        tokens = answer.get("tokens") if isinstance(answer, dict) else None
        count = (
            len(tokens)
            if isinstance(tokens, list)
            else answer.get("count")
            if isinstance(answer, dict)
            else None
        )
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            return estimate(text)
        self._counts[text] = count
        if len(self._counts) > COUNTED:
            self._counts.popitem(last=False)
        return count

    # ----

    async def _ask(self, client: httpx2.AsyncClient) -> int:
        root, url = self._server.root, self._server.url
        models, props, shown = await asyncio.gather(
            self._json(client, "GET", f"{url}/models"),
            self._json(client, "GET", f"{root}/props"),
            self._json(client, "POST", f"{root}/api/show", {"model": self._model}),
        )
        entry = self._entry(models)
        llama = isinstance(props, dict) and isinstance(props.get("default_generation_settings"), dict)
        # llama.cpp and vLLM count tokens on a route of their own.
        self._counts_tokens = llama or entry.get("owned_by") in ("llamacpp", "vllm", "sglang")
        if llama and (size := _number(props["default_generation_settings"], ("n_ctx",))):
            return size
        if isinstance(shown, dict) and (shown.get("model_info") or shown.get("parameters")):
            return await self._ollama(client, shown)
        meta = entry.get("meta")
        return _number(entry, _NAMES) or (_number(meta, ("n_ctx",)) if isinstance(meta, dict) else 0)

    async def _ollama(self, client: httpx2.AsyncClient, shown: dict[str, Any]) -> int:
        """As the model is loaded now; or as its file asks for; or as it was trained."""
        running = await self._json(client, "GET", f"{self._server.root}/api/ps")
        models = running.get("models") if isinstance(running, dict) else None
        for model in models if isinstance(models, list) else []:
            here = isinstance(model, dict) and self._model in (model.get("name"), model.get("model"))
            if here and (size := _number(model, ("context_length",))):
                return size
        asked = re.search(r"\bnum_ctx\s+(\d+)", str(shown.get("parameters", "")))
        if asked is not None:
            return int(asked[1])
        info = shown.get("model_info")
        return (
            _number(info, [name for name in info if name.endswith(".context_length")])
            if isinstance(info, dict)
            else 0
        )

    def _entry(self, models: Any) -> dict[str, Any]:
        """The model in a list of models; the only one where there is one."""
        listed = models.get("data") if isinstance(models, dict) else models
        entries = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
        found = next((one for one in entries if self._model in (one.get("id"), one.get("name"))), None)
        return found or (entries[0] if len(entries) == 1 else {})

    async def _json(self, client: httpx2.AsyncClient, method: str, url: str, body: Any = None) -> Any:
        """What the server answers on a route; None when it fails, as on the servers that do not have it."""
        import httpx2

        data = bytearray()
        try:
            async with (
                asyncio.timeout(ASK_SECONDS),
                # A server that serves one connection at a time must not wait for more on these.
                client.stream(method, url, json=body, headers={"Connection": "close"}) as answer,
            ):
                if answer.status_code != 200:
                    return None
                async for piece in answer.aiter_bytes():
                    data += piece
                    if len(data) > MAX_BODY_BYTES:
                        return None
            return json.loads(data)
        except (httpx2.HTTPError, httpx2.StreamError, OSError, ValueError, RuntimeError) as error:
            log.info(
                "%s: %s", method, type(error).__name__
            )  # its words may hold what is secret in an address
            return None


def _number(values: dict[str, Any], names: Iterable[str]) -> int:
    """The first of `names` that holds a window's size."""
    for name in names:
        value = values.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and value >= 256:
            return int(value)
    return 0
