"""Any OpenAI-compatible server as a language model: the embedded child, Ollama, llama-server, vLLM, or a service elsewhere."""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Sequence
from contextlib import AsyncExitStack, aclosing, suppress
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

from vita_tui.clock import time_limit
from vita_tui.engines.http_client import CONNECT_SECONDS, Server, async_client, speaks_tls
from vita_tui.engines.llm.base import Cut, Message, Reasoning, StreamPiece, ToolCall, ToolOffer, as_offers
from vita_tui.engines.llm.marks import reasons_first
from vita_tui.engines.llm.reasoning import ReplyReader
from vita_tui.engines.llm.stream_events import CallPieces, Choice, Content, messages_of
from vita_tui.engines.llm.tokens import estimate
from vita_tui.engines.llm.window import DEFAULT_WINDOW, ServerWindow
from vita_tui.engines.refusals import MAX_REFUSAL_BYTES, connection_failure, reason, refusal
from vita_tui.engines.served import server_of
from vita_tui.errors import EngineError, EngineUnavailableError, VitaError
from vita_tui.health.registry import Entry, registry
from vita_tui.settings.endpoints import Endpoint
from vita_tui.text.urls import host_port

if TYPE_CHECKING:
    import httpx2

__all__ = ["OpenAIResponder", "import_client"]

log = logging.getLogger(__name__)

_T = TypeVar("_T")

NO_TOOLS = (400, 404, 405, 422, 500, 501)
"""Answers with which servers refuse a question because it offers tools; they say so in words."""
GRACE_SECONDS = 1.0
"""For what may still come after a server has said that the reply is finished: some keep the connection open."""


async def import_client() -> Any:
    """The module httpx2, which takes a while to be read: not on the loop."""
    return await asyncio.to_thread(importlib.import_module, "httpx2")


class _ToolsRefusedError(EngineError):
    """The server cannot be asked with tools."""


class OpenAIResponder:
    """A `Responder` over HTTP. Lives on one asyncio loop."""

    own: ClassVar[bool] = False
    """It is a child of ours: it counts tokens, is as large as it was started, and its connections are not kept."""

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        api_key: str = "",
        endpoint: tuple[str, Endpoint] | None = None,
        timeout: float = 30.0,
        context_window: int = 0,
        temperature: float = 0.1,
        name: str = "",
    ) -> None:
        """
        Args:
            base_url: up to and with "/v1".
            endpoint: its name and what it is, where it is one of the endpoints of the settings; its key is taken from there.
            timeout: seconds without a sign of life after which it has failed.
            context_window: tokens; 0 for the server's own.
        """
        self.notes = ""
        self.where = host_port(base_url)
        self.weight = endpoint[1].weight if endpoint is not None else 1.0
        self.name = name or (endpoint[0] if endpoint is not None else f"{_shown(model)} at {self.where}")
        self._endpoint = endpoint
        self.continues = False
        self.tools: Sequence[ToolOffer] = ()
        self._refuses_tools = False
        """It has answered that its model can call none."""
        self._base_url = base_url
        self._model = model
        self._api_key = api_key
        self._timeout = timeout
        self._context_window = context_window
        self.temperature = temperature
        """Of the sampling; may be changed at any time, for the next reply."""
        self._extra: dict[str, Any] = {}
        """What a request says besides the usual."""
        self._server: Server | None = None
        self._client: httpx2.AsyncClient | None = None
        self._window: ServerWindow | None = None
        self._entry: Entry | None = None
        self._reasons_first = reasons_first(model)
        """Its replies begin in the middle of its reasoning, as far as is known."""

    async def load(self) -> None:
        if self._client is not None:
            return
        httpx = await import_client()
        if self._client is not None:
            return
        if not self._model.isprintable():
            raise EngineUnavailableError(
                "The setting llm.model holds a character that cannot be sent.",
                remedy="Write the name of a model of that server: VITA_LLM__MODEL.",
            )
        if self._endpoint is not None:
            server = server_of(*self._endpoint, section="llm", kind="language model")
        else:
            server = Server.named(self._base_url, key=self._api_key, section="llm", kind="language model")
        # How long it may be silent `_in_time` decides, by the time in which the program ran.
        timeout = httpx.Timeout(None, connect=CONNECT_SECONDS)
        self._client = async_client(server, timeout, keep=not self.own)
        self._server = server
        self._window = ServerWindow(server, self._model, counts=self.own)
        self._entry = registry.register(
            self._client, kind="client", name=f"HTTP to {server.where}", owner="engines.llm"
        )

    async def window(self) -> int:
        size = await self._size()
        if not await self.takes_tools():
            return size
        return max(size // 2, size - estimate(json.dumps(as_offers(self.tools))))

    async def tool_room(self) -> int:
        return await self._size() // 3

    async def _size(self) -> int:
        """Tokens of the window, what the tools take of it included."""
        told = 0
        if not self.own:
            with suppress(VitaError):  # the question says it in words
                await self.load()
                assert self._window is not None
                assert self._client is not None
                told = await self._window.size(self._client)
        if told and self._context_window:
            return min(told, self._context_window)
        return told or self._context_window or DEFAULT_WINDOW

    async def takes_tools(self) -> bool:
        return bool(self.tools) and not self._refuses_tools

    async def stream(
        self, messages: Sequence[Message], *, max_tokens: int
    ) -> AsyncGenerator[StreamPiece, None]:
        await self.load()
        offered = await self.takes_tools()
        continuing = bool(messages) and messages[-1]["role"] == "assistant"
        reader = ReplyReader(continuing=continuing, reasoning_first=self._reasons_first and not continuing)
        refused = ""
        cause: Literal["length", "filter", "tools"] | None = None
        calls = CallPieces()
        async with aclosing(self._contents(messages, max_tokens)) as found:
            async for content in found:
                match content.kind:
                    case "text":
                        for piece in reader.feed(content.text):
                            yield piece
                    case "reasoning":
                        reader.settle()
                        if text := reader.clean(content.text):
                            yield Reasoning(text)
                    case "refusal":
                        refused += content.text
                    case "tools":
                        cause = cause or "tools"
                        calls.add(content.calls)
                    case "finish":
                        cause = content.cause or cause
                    case _:
                        pass
        undecided = reader.undecided
        for piece in reader.finish(whole=cause is None):
            yield piece
        if reader.half or undecided:
            self._reasons_first = reader.half
        if refused:
            yield Cut("refusal", self._reason(refused))
        elif offered and cause == "tools" and (called := calls.all()):
            for call in called:
                yield ToolCall(*call)
        elif cause is not None:
            yield Cut(cause)

    async def _contents(self, messages: Sequence[Message], max_tokens: int) -> AsyncGenerator[Content, None]:
        """What the server's answer says, to its end.

        Raises:
            EngineError: there is none, it is no reply, or it broke off.
        """
        understood = finished = False
        choice, said = Choice(), ""
        async with aclosing(self._accepted(messages, max_tokens)) as answer:
            while True:
                try:
                    async with asyncio.timeout(GRACE_SECONDS if finished else None):
                        message = await anext(answer)
                except StopAsyncIteration:
                    break
                except (TimeoutError, EngineError):
                    if finished:
                        return  # all was said, whatever the connection does then
                    raise
                if message == "":
                    finished = understood = True
                    break
                for content in choice.contents(message):
                    if content.kind == "error":
                        assert self._server is not None
                        told = self._reason(content.error) or "an error"
                        raise EngineError(f"{self._server.where} reports: {told}.")
                    finished = finished or content.kind == "finish"
                    yield content
                understood = understood or (
                    isinstance(message, dict) and isinstance(message.get("choices"), list)
                )
                understood = understood or (
                    isinstance(message, dict) and isinstance(message.get("message"), dict)
                )
                if not (understood or said):
                    said = self._reason(message)
        if not understood and said:
            assert self._server is not None
            raise EngineError(
                f"{self._server.where} reports: {said}.", remedy="Check llm.base_url and llm.model."
            )
        if not understood:
            raise EngineError(
                f"{self.name} did not send a reply: it does not look like an OpenAI-compatible server.",
                remedy="Check llm.base_url; it usually ends in /v1.",
            )

    async def _accepted(self, messages: Sequence[Message], max_tokens: int) -> AsyncGenerator[Any, None]:
        """As `_answer`; asked again without tools where the server refuses because of them."""
        try:
            async with aclosing(self._answer(messages, max_tokens)) as answer:
                async for message in answer:
                    yield message
        except _ToolsRefusedError:
            async with aclosing(self._answer(messages, max_tokens)) as answer:
                async for message in answer:
                    yield message

    async def _answer(self, messages: Sequence[Message], max_tokens: int) -> AsyncGenerator[Any, None]:
        """The JSON that the server sends; every error in the tree's own terms. Closing it hangs up, which stops the server."""
        import httpx2

        assert self._client is not None
        assert self._server is not None
        server, begun, said = self._server, False, False
        offers = as_offers(self.tools) if await self.takes_tools() else []
        body = {
            "messages": list(messages),
            "model": self._model,
            **({"max_tokens": max_tokens} if max_tokens else {}),
            "temperature": self.temperature,
            "stream": True,
            **({"tools": offers} if offers else {}),
            **self._extra,
        }
        # Half of a character, as it may come from a keyboard or a pipe, is not UTF-8.
        data = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        headers = {"Content-Type": "application/json", "Accept": "text/event-stream, application/json"}
        try:
            async with AsyncExitStack() as stack:
                asked = self._client.stream(
                    "POST", f"{server.url}/chat/completions", content=data, headers=headers
                )
                answer = await self._in_time(stack.enter_async_context(asked))
                pieces = self._pieces(answer)
                if not answer.is_success:
                    refused = await _start_of(pieces)
                    if offers and answer.status_code in NO_TOOLS and "tool" in refused.lower():
                        log.info("%s takes no tools", self.name)
                        self._refuses_tools = True
                        raise _ToolsRefusedError(f"{self.name} takes no tools.")
                    raise self._refusal(answer.status_code, answer.headers, refused)
                begun = True
                async with aclosing(messages_of(pieces)) as found:
                    async for message in found:
                        if message is not None:
                            said = True
                            yield message
        except (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL, OSError) as error:
            plain = server.url.startswith("http:") and not isinstance(error, httpx2.TimeoutException)
            tls = plain and not begun and not self.own and await asyncio.to_thread(speaks_tls, server)
            failure = connection_failure(
                server, self.name, error, begun=begun, timeout=self._timeout, part="its reply", tls=tls
            )
            # What the library says may hold what must not be shown.
            raise failure from None
        except (ValueError, RecursionError):
            if said:
                raise EngineError(f"{self.name} broke off in the middle of its reply.") from None
            raise EngineError(
                f"{server.where} sent what is not a reply: it does not look like an OpenAI-compatible server.",
                remedy="Check llm.base_url; it usually ends in /v1.",
            ) from None

    async def _pieces(self, answer: httpx2.Response) -> AsyncGenerator[bytes, None]:
        """The bytes of `answer`, each within the timeout."""
        async with aclosing(answer.aiter_bytes()) as pieces:
            while (piece := await self._in_time(anext(pieces, None))) is not None:
                yield piece

    async def _in_time(self, sign: Awaitable[_T]) -> _T:
        """A sign of life, within the timeout."""
        import httpx2

        try:
            async with time_limit(self._timeout):
                return await sign
        except TimeoutError:
            raise httpx2.ReadTimeout("") from None

    def _refusal(self, status: int, headers: httpx2.Headers, body: str) -> EngineError:
        assert self._server is not None
        return refusal(
            self._server,
            status,
            headers,
            body,
            missing=f"model “{self._model}”",
            check="llm.model and llm.base_url",
        )

    def _reason(self, said: object) -> str:
        assert self._server is not None
        return reason(self._server, said)

    async def prefill(self, messages: Sequence[Message]) -> None:
        """Nothing: reading may cost money on a server."""

    async def count_tokens(self, text: str) -> int:
        return await self._window.count(self._client, text) if self._window is not None else estimate(text)

    async def cleanup(self) -> None:
        client, self._client = self._client, None
        self._window = None
        if client is not None:
            with suppress(OSError, RuntimeError, TimeoutError):
                async with asyncio.timeout(0.5):
                    await client.aclose()
        if self._entry is not None:
            self._entry.leave()
            self._entry = None


async def _start_of(pieces: AsyncIterator[bytes]) -> str:
    """The beginning of a refusal; what breaks off or does not end is read as far as it came."""
    import httpx2

    data = b""
    with suppress(httpx2.HTTPError, TimeoutError):
        async with asyncio.timeout(CONNECT_SECONDS):
            async for piece in pieces:
                data += piece
                if len(data) > MAX_REFUSAL_BYTES:
                    break
    return data.decode("utf-8", "replace")


def _shown(model: str) -> str:
    return "".join(sign if sign.isprintable() else "�" for sign in model)
