"""What a server's model takes at once, and how many tokens a text has there: asked of the server, once, where it tells."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from vita_tui.engines.ask_json import ask_json
from vita_tui.engines.http_client import Server
from vita_tui.engines.llm.tokens import estimate

if TYPE_CHECKING:
    import httpx2

__all__ = ["DEFAULT_WINDOW", "WINDOW_NAMES", "ServerWindow", "number_of"]

DEFAULT_WINDOW = 8192
"""Tokens, for a server that does not tell."""
COUNTED = 512
"""Texts whose token count is remembered."""
WINDOW_NAMES = (
    "max_model_len",  # vLLM, SGLang
    "loaded_context_length",  # LM Studio: as it is loaded now
    "context_length",  # OpenRouter, Together
    "max_context_length",  # Mistral, LM Studio
    "context_window",  # Groq
    "n_ctx",  # llama.cpp
)
"""What servers call it in their lists of models."""


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
        answer = await ask_json(client, "POST", f"{self._server.root}/tokenize", body)
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
            ask_json(client, "GET", f"{url}/models"),
            ask_json(client, "GET", f"{root}/props"),
            ask_json(client, "POST", f"{root}/api/show", {"model": self._model}),
        )
        entry = self._entry(models)
        llama = isinstance(props, dict) and isinstance(props.get("default_generation_settings"), dict)
        # llama.cpp and vLLM count tokens on a route of their own.
        self._counts_tokens = llama or entry.get("owned_by") in ("llamacpp", "vllm", "sglang")
        if llama and (size := number_of(props["default_generation_settings"], ("n_ctx",))):
            return size
        if isinstance(shown, dict) and (shown.get("model_info") or shown.get("parameters")):
            return await self._ollama(client, shown)
        meta = entry.get("meta")
        return number_of(entry, WINDOW_NAMES) or (
            number_of(meta, ("n_ctx",)) if isinstance(meta, dict) else 0
        )

    async def _ollama(self, client: httpx2.AsyncClient, shown: dict[str, Any]) -> int:
        """As the model is loaded now; or as its file asks for; or as it was trained."""
        running = await ask_json(client, "GET", f"{self._server.root}/api/ps")
        models = running.get("models") if isinstance(running, dict) else None
        for model in models if isinstance(models, list) else []:
            here = isinstance(model, dict) and self._model in (model.get("name"), model.get("model"))
            if here and (size := number_of(model, ("context_length",))):
                return size
        asked = re.search(r"\bnum_ctx\s+(\d+)", str(shown.get("parameters", "")))
        if asked is not None:
            return int(asked[1])
        info = shown.get("model_info")
        return (
            number_of(info, [name for name in info if name.endswith(".context_length")])
            if isinstance(info, dict)
            else 0
        )

    def _entry(self, models: Any) -> dict[str, Any]:
        """The model in a list of models; the only one where there is one."""
        listed = models.get("data") if isinstance(models, dict) else models
        entries = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
        found = next((one for one in entries if self._model in (one.get("id"), one.get("name"))), None)
        return found or (entries[0] if len(entries) == 1 else {})


def number_of(values: dict[str, Any], names: Iterable[str]) -> int:
    """The first of `names` that holds a window's size."""
    for name in names:
        value = values.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and value >= 256:
            return int(value)
    return 0
