"""Any OpenAI-compatible server as a mind: the embedded child, Ollama, llama-server, vLLM, or a service elsewhere."""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections import OrderedDict
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from vita_tui.engines.llm.base import Message
from vita_tui.engines.llm.clean import Cleaner
from vita_tui.engines.refusals import refusal
from vita_tui.errors import EngineError, EngineTimeoutError, EngineUnavailableError, VitaError
from vita_tui.health.registry import Entry, registry

if TYPE_CHECKING:
    from openai import AsyncOpenAI

__all__ = ["OpenAIResponder", "import_client"]

log = logging.getLogger(__name__)

CONNECT_SECONDS = 3.0
CHARACTERS_PER_TOKEN = 3
"""For servers that do not tell: English has about four, other languages fewer, and too many tokens is the safe side."""
COUNTED = 512
"""Texts whose token count is remembered."""


async def import_client() -> tuple[Any, Any]:
    """The modules openai and httpx2, which take more than half a second of processor time: not on the loop."""
    return (
        await asyncio.to_thread(importlib.import_module, "openai"),
        await asyncio.to_thread(importlib.import_module, "httpx2"),
    )


class OpenAIResponder:
    """A `Responder` over HTTP. Lives on one asyncio loop."""

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        api_key: str = "",
        timeout: float = 30.0,
        context_window: int = 2048,
        temperature: float = 0.1,
        name: str = "",
        is_llama: bool = False,
        repeat_penalty: float | None = None,
    ) -> None:
        """
        Args:
            base_url: up to and with "/v1".
            timeout: seconds without a token after which it has failed.
            is_llama: it is llama.cpp's own server, which counts tokens, keeps the prompt and continues a reply.
            repeat_penalty: for llama.cpp's own server; None for what it does by itself.
        """
        self.name = name or f"{model} at {urlsplit(base_url).netloc or base_url}"
        self.context_window = context_window
        self.continues = is_llama
        self._base_url = base_url.rstrip("/")
        self._model = model
        self._api_key = api_key
        self._timeout = timeout
        self._temperature = temperature
        self._is_llama = is_llama
        self._extra: dict[str, Any] = {"cache_prompt": True} if is_llama else {}
        if is_llama and repeat_penalty is not None:
            self._extra["repeat_penalty"] = repeat_penalty
        self._client: AsyncOpenAI | None = None
        self._entry: Entry | None = None
        self._counts: OrderedDict[str, int] = OrderedDict()

    async def load(self) -> None:
        if self._client is not None:
            return
        openai, httpx = await import_client()
        if self._client is not None:
            return
        self._client = openai.AsyncOpenAI(
            base_url=self._base_url,
            api_key=self._api_key or "none",
            # The chain decides what is tried again; two that retry would multiply.
            max_retries=0,
            http_client=openai.DefaultAsyncHttpxClient(
                timeout=httpx.Timeout(self._timeout, connect=CONNECT_SECONDS),
                # llama.cpp drops the connection of a stream that was closed: one that is kept may be dead when it is used again.
                limits=httpx.Limits(max_keepalive_connections=0 if self._is_llama else None),
            ),
        )
        self._entry = registry.register(
            self._client,
            kind="client",
            name=f"HTTP to {urlsplit(self._base_url).netloc}",
            owner="engines.llm",
        )

    async def stream(self, messages: Sequence[Message], *, max_tokens: int) -> AsyncGenerator[str, None]:
        await self.load()
        cleaner = Cleaner()
        said = finished = False
        async with aclosing(self._chunks(messages, max_tokens)) as chunks:
            async for chunk in chunks:
                # The client checks nothing of what it is sent: a server of another kind may have put anything there.
                choices = getattr(chunk, "choices", None)
                choice = choices[0] if isinstance(choices, list) and choices else None
                if choice is None:
                    continue
                said = True
                finished = finished or bool(getattr(choice, "finish_reason", None))
                content = getattr(getattr(choice, "delta", None), "content", None)
                if isinstance(content, str) and (text := cleaner.feed(content)):
                    yield text
        if rest := cleaner.finish():
            yield rest
        if not said:
            raise EngineError(
                f"{self.name} did not send a reply: it does not look like an OpenAI-compatible server.",
                remedy="Check llm.base_url; it usually ends in /v1.",
            )
        if not finished:
            raise EngineError(f"{self.name} broke off in the middle of its reply.")

    async def _chunks(self, messages: Sequence[Message], max_tokens: int) -> AsyncGenerator[Any, None]:
        """The pieces of the server's answer, each within the timeout; every error in the tree's own terms."""
        import httpx2
        import openai

        assert self._client is not None
        stream: Any = None
        try:
            async with asyncio.timeout(self._timeout):
                stream = await self._client.chat.completions.create(
                    model=self._model,
                    messages=list(messages),  # type: ignore[arg-type]  # our TypedDict has their shape
                    max_tokens=max_tokens,
                    temperature=self._temperature,
                    stream=True,
                    extra_body=self._extra,
                )
            pieces = aiter(stream)
            while True:
                async with asyncio.timeout(self._timeout):
                    try:
                        piece = await anext(pieces)
                    except StopAsyncIteration:
                        return
                yield piece
        except (openai.APIError, httpx2.HTTPError, OSError, ValueError, TypeError, AttributeError) as error:
            explained = self._explained(error, begun=stream is not None)
            # Some servers repeat the key that they refuse.
            raise explained from (None if self._api_key and self._api_key in str(error) else error)
        finally:
            if stream is not None:
                # Closing the connection is what stops the generation on the server.
                with suppress(openai.APIError, httpx2.HTTPError, OSError, RuntimeError, AttributeError):
                    await stream.close()

    def _explained(self, error: Exception, *, begun: bool) -> VitaError:
        """What `error` means for the user, before or after the answer has begun; never quotes the key."""
        import httpx2
        import openai

        where = urlsplit(self._base_url).netloc or self._base_url
        match error:
            case openai.APITimeoutError() | httpx2.TimeoutException() | TimeoutError():
                return EngineTimeoutError(
                    f"{self.name} said nothing for {self._timeout:.0f} s.",
                    remedy="Is it busy? Or raise llm.timeout.",
                )
            case openai.APIConnectionError() if begun:
                return EngineError(f"{self.name} broke off in the middle of its reply.")
            case openai.APIConnectionError() | httpx2.ConnectError() | ConnectionRefusedError():
                return EngineUnavailableError(
                    f"No language model answers at {where}.",
                    remedy="Is the server running? Check llm.base_url.",
                )
            case openai.APIStatusError():
                return refusal(
                    error,
                    where,
                    section="llm",
                    missing=f"model “{self._model}”",
                    check="llm.model and llm.base_url",
                )
            case httpx2.HTTPError() | OSError():
                return EngineError(f"{self.name} broke off in the middle of its reply.")
            case openai.APIError() if (
                type(error) is openai.APIError and error.body
            ):  # an error within the stream
                return EngineError(f"{where} reports: {self._without_key(_short(error.message))}.")
            case _:
                return EngineError(
                    f"{where} sent what is not a reply.",
                    remedy="Is llm.base_url an OpenAI-compatible server?",
                )

    def _without_key(self, text: str) -> str:
        return text.replace(self._api_key, "…") if self._api_key else text

    async def prefill(self, messages: Sequence[Message]) -> None:
        await self.read(messages)

    async def read(self, messages: Sequence[Message]) -> bool:
        """Have llama.cpp read the prompt into its cache, and say whether it did; other servers are left alone, reading may cost money there.

        Never raises.
        """
        if not self._is_llama or self._client is None or not messages:
            return False
        if messages[-1]["role"] != "user":
            messages = [*messages, {"role": "user", "content": ""}]
        try:
            async with aclosing(self._chunks(messages, max_tokens=1)) as chunks:
                async for _ in chunks:
                    pass
        except VitaError as error:
            log.info("prefill failed: %s", error)
            return False
        return True

    async def count_tokens(self, text: str) -> int:
        if text in self._counts:
            self._counts.move_to_end(text)
            return self._counts[text]
        count = await self._ask_for_count(text) if self._is_llama else None
        if count is None:
            return len(text) // CHARACTERS_PER_TOKEN + 1
        self._counts[text] = count
        if len(self._counts) > COUNTED:
            self._counts.popitem(last=False)
        return count

    async def _ask_for_count(self, text: str) -> int | None:
        answer = await self._post("tokenize", {"content": text})
        tokens = answer.get("tokens")
        return len(tokens) if isinstance(tokens, list) else None

    async def slot(self, action: Literal["save", "restore"], file: str) -> bool:
        """Have llama.cpp write what it has read into a file of its folder, or take it from there; whether it did. Never raises."""
        return "filename" in await self._post(f"slots/0?action={action}", {"filename": file})

    async def _post(self, route: str, body: dict[str, Any]) -> dict[str, Any]:
        """What llama.cpp answers on a route of its own; nothing when it fails."""
        if self._client is None:
            return {}
        import httpx2
        import openai

        root = self._base_url.removesuffix("/v1")
        try:
            answer = await self._client.post(f"{root}/{route}", cast_to=object, body=body)
        except (openai.APIError, httpx2.HTTPError, OSError, ValueError, TypeError) as error:
            log.info("%s: %s", route, error)
            return {}
        return answer if isinstance(answer, dict) else {}

    async def cleanup(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(OSError, RuntimeError, TimeoutError):
                async with asyncio.timeout(0.5):
                    await client.close()
        if self._entry is not None:
            self._entry.leave()
            self._entry = None


def _short(message: str) -> str:
    """The first line of a server's own words, cleaned, at most 200 characters."""
    line = Cleaner().feed(message.strip().splitlines()[0] if message.strip() else "an error")
    return line[:200].rstrip(".")
