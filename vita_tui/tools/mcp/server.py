"""One MCP server: started when it is first needed, started again when it died, left alone for a while when it keeps failing.

The SDK's client lives in a task of its own from the handshake to the end; calls come from other tasks of the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, TypeVar

from vita_tui.clock import Clock
from vita_tui.errors import ToolError
from vita_tui.health.breaker import Breaker, BreakerSnapshot
from vita_tui.health.registry import register_task
from vita_tui.settings import HealthSettings, McpServer
from vita_tui.text.clean import clean_line
from vita_tui.text.urls import without_secrets
from vita_tui.tools.base import OnProgress, ToolResult
from vita_tui.tools.mcp.known import Offer, keep, offer_of, recall
from vita_tui.tools.mcp.results import blocks_text, result_of
from vita_tui.tools.mcp.stdio import LastWords, stdio_transport

__all__ = ["RunningServer"]

log = logging.getLogger(__name__)

T = TypeVar("T")

START_SECONDS = 30.0
"""From the start of a server to the end of its handshake; those that fetch themselves first take their time."""
LIST_SECONDS = 10.0
CLOSE_SECONDS = 0.4
"""For the session to be closed in good order."""
PAGES = 50
"""Of a list; one without end is cut."""


class RunningServer:
    """A server of the settings, which may or may not run. On the assistant's loop."""

    def __init__(
        self, name: str, server: McpServer, health: HealthSettings, clock: Clock | None = None
    ) -> None:
        self.name = name
        self.server = server
        self.starts = 0
        """How often it was started."""
        self._breaker = Breaker(
            f"mcp {name}", failures=health.breaker_failures, rest_seconds=health.breaker_seconds, clock=clock
        )
        self._client: Any = None
        self._task: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()
        self._starting = asyncio.Lock()
        self._offers: list[Offer] | None = None
        self._stale = False
        """It says that its tools have changed."""
        self._calls = 0
        self._words = LastWords()

    @property
    def running(self) -> bool:
        return self._client is not None

    def status(self) -> BreakerSnapshot:
        """How it stands."""
        return self._breaker.snapshot()

    # ---- what it offers

    async def offers(self) -> list[Offer]:
        """Its tools: as they are now where it runs, otherwise as they were last; the first time it is started for that.

        Raises:
            ToolError: it cannot be started, or does not answer.
        """
        if self._stale and self._client is not None:
            await self._list()
        if self._offers is None:
            self._offers = recall(self.name, self.server)
        if self._offers is None:
            await self._connected()
        return self._offers or []

    async def listed(self) -> list[Offer]:
        """Its tools as it says now.

        Raises:
            ToolError: it cannot be started, or does not answer.
        """
        await self._connected()
        await self._list()
        return self._offers or []

    async def resources(self) -> list[Any]:
        """Its resources, as the SDK gives them; none where it has none.

        Raises:
            ToolError: it cannot be started, or does not answer.
        """
        client = await self._connected()
        if client.server_capabilities.resources is None:
            return []
        return await self._pages(lambda cursor: client.list_resources(cursor=cursor), "resources")

    async def prompts(self) -> list[Any]:
        """Its prompts, as the SDK gives them.

        Raises:
            ToolError: as above.
        """
        client = await self._connected()
        if client.server_capabilities.prompts is None:
            return []
        return await self._pages(lambda cursor: client.list_prompts(cursor=cursor), "prompts")

    async def read(self, uri: str) -> str:
        """The text of a resource.

        Raises:
            ToolError: as above.
        """
        client = await self._connected()
        answer = await self._ask(client.read_resource(uri), LIST_SECONDS)
        return "\n".join(
            one.text if getattr(one, "text", None) is not None else f"[{one.uri}: {one.mime_type or 'data'}]"
            for one in answer.contents
        )

    async def prompt(self, name: str, arguments: Mapping[str, str]) -> str:
        """The text of a prompt, filled.

        Raises:
            ToolError: as above.
        """
        client = await self._connected()
        answer = await self._ask(client.get_prompt(name, dict(arguments)), LIST_SECONDS)
        return "\n\n".join(blocks_text([message.content])[0] for message in answer.messages)

    # ---- calls

    async def call(
        self, tool: str, arguments: Mapping[str, Any], progress: OnProgress, seconds: float
    ) -> ToolResult:
        """Call a tool. Cancelling tells the server.

        Raises:
            ToolError: it is away, died, took longer than `seconds`, or says that there is no such tool.
        """
        client = await self._connected()

        async def on_progress(done: float, total: float | None, message: str | None) -> None:
            share = f"{done / total:.0%}" if total else f"{done:g}"
            progress(clean_line(f"{share} {message or ''}").strip()[:80])

        permit = self._breaker.allow()
        if permit is None:
            raise self._disabled()
        self._calls += 1
        try:
            async with asyncio.timeout(seconds):
                answer = await client.call_tool(tool, dict(arguments), progress_callback=on_progress)
        except TimeoutError:
            reason = f"{tool} took longer than {seconds:g} s"
            self._breaker.record_failure(reason, seconds, permit)
            if self._calls == 1:
                self._drop()  # whatever it does there, it is not waited for
            raise ToolError(f"{reason}.") from None
        except asyncio.CancelledError:
            self._breaker.release(permit)
            raise
        except _failures() as error:
            if self._client is client and not self._dead(error):
                self._breaker.record_success(permit=permit)  # it is there, and refuses
                raise ToolError(f"{self.name} refuses: {_words_of(error)}.") from None
            reason = await self._death()
            self._breaker.record_failure(reason, permit=permit)
            raise ToolError(f"{self.name} broke off: {reason}.") from None
        finally:
            self._calls -= 1
        self._breaker.record_success(permit=permit)
        return result_of(answer)

    # ---- life

    async def close(self) -> None:
        """End it, with all that it started; may be called twice. It can be used again afterwards."""
        task = self._task
        self._drop()
        if task is not None:
            _, late = await asyncio.wait({task}, timeout=CLOSE_SECONDS)
            for one in late:
                one.cancel()
                await asyncio.wait({one}, timeout=CLOSE_SECONDS)

    def _drop(self) -> None:
        self._stop.set()
        self._client = None

    async def _connected(self) -> Any:
        """The SDK's client, after the handshake."""
        async with self._starting:
            if self._client is not None:
                return self._client
            permit = self._breaker.allow()
            if permit is None:
                raise self._disabled()
            try:
                client = await self._start()
            except ToolError as error:
                self._breaker.record_failure(error.message.rstrip("."), permit=permit)
                raise
            except BaseException:
                self._breaker.release(permit)
                raise
            self._breaker.record_success(permit=permit)
        await self._list()
        return client

    async def _start(self) -> Any:
        try:
            await asyncio.to_thread(importlib.import_module, "mcp.client.client")
        except ImportError:
            raise ToolError(
                "MCP servers need the package mcp.", remedy="pip install 'vita-tui[mcp]'"
            ) from None
        self.starts += 1
        self._stop = asyncio.Event()
        self._words = LastWords()
        ready: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        task = self._task = asyncio.create_task(self._live(ready, self._stop), name=f"mcp {self.name}")
        register_task(task, owner="tools.mcp")
        try:
            async with asyncio.timeout(START_SECONDS):
                return await asyncio.shield(ready)
        except TimeoutError:
            task.cancel()
            raise ToolError(
                f"The MCP server {self.name} did not answer within {START_SECONDS:.0f} s.",
                remedy=f"vita mcp test {self.name}",
            ) from None
        except BaseException:
            self._stop.set()
            task.cancel()
            raise

    async def _live(self, ready: asyncio.Future[Any], stop: asyncio.Event) -> None:
        """From the start of the process to its end."""
        client = None
        try:
            async with self._session() as client:
                if not ready.done():
                    self._client = client
                    ready.set_result(client)
                await stop.wait()
        except Exception as error:
            log.info("mcp %s ended", self.name, exc_info=error)
            if not ready.done():
                ready.set_exception(await self._why(error))
        finally:
            if client is not None and self._client is client:
                self._client = None
            if not ready.done():
                ready.cancel()

    @contextlib.asynccontextmanager
    async def _session(self) -> AsyncIterator[Any]:
        from mcp.client.client import Client
        from mcp_types import Implementation

        from vita_tui import __version__

        async with contextlib.AsyncExitStack() as stack:
            if self.server.command:
                transport: Any = stdio_transport(self.name, self.server, self._words)
            else:
                transport = await self._http(stack)
            client = Client(
                transport,
                mode="legacy",
                client_info=Implementation(name="vita", version=__version__),
                message_handler=self._notified,
                cache=None,
            )
            yield await stack.enter_async_context(client)

    async def _http(self, stack: contextlib.AsyncExitStack) -> Any:
        from mcp.client.streamable_http import streamable_http_client
        from mcp.shared._httpx_utils import create_mcp_http_client

        http = await stack.enter_async_context(create_mcp_http_client(headers=dict(self.server.headers)))
        return streamable_http_client(self.server.url, http_client=http)

    async def _notified(self, message: Any) -> None:
        from mcp_types import ToolListChangedNotification

        if isinstance(message, ToolListChangedNotification):
            self._stale = True

    async def _list(self) -> None:
        client = self._client
        if client is None:
            return
        self._stale = False
        capable = client.server_capabilities.tools is not None
        tools = await self._pages(lambda cursor: client.list_tools(cursor=cursor), "tools") if capable else []
        self._offers = [offer for tool in tools if (offer := offer_of(tool)) is not None]
        await asyncio.to_thread(keep, self.name, self.server, self._offers)

    async def _pages(self, page: Callable[[str | None], Awaitable[Any]], what: str) -> list[Any]:
        found: list[Any] = []
        cursor: str | None = None
        for _ in range(PAGES):
            answer = await self._ask(page(cursor), LIST_SECONDS)
            found += getattr(answer, what)
            cursor = answer.next_cursor
            if not cursor:
                break
        return found

    async def _ask(self, asked: Awaitable[T], seconds: float) -> T:
        try:
            async with asyncio.timeout(seconds):
                return await asked
        except TimeoutError:
            self._drop()
            raise ToolError(f"{self.name} did not answer within {seconds:g} s.") from None
        except _failures() as error:
            if self._dead(error):
                raise ToolError(f"{self.name} broke off: {await self._death()}.") from None
            raise ToolError(f"{self.name} refuses: {_words_of(error)}.") from None

    # ---- what went wrong

    def _dead(self, error: Exception) -> bool:
        from mcp.shared.exceptions import MCPError
        from mcp_types import CONNECTION_CLOSED

        return not isinstance(error, MCPError) or error.code == CONNECTION_CLOSED

    async def _death(self) -> str:
        """The server is gone: end what is left of it, and say why as far as is known."""
        task = self._task
        self._drop()
        if task is not None:
            await asyncio.wait({task}, timeout=CLOSE_SECONDS)
        return self._words.line or "it ended"

    async def _why(self, error: BaseException) -> ToolError:
        """Why it could not be started."""
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        if isinstance(error, ToolError):
            return error
        said = self._words.line
        if self.server.url and not said:
            where = without_secrets(self.server.url)
            said = f"nothing answers in MCP at {where} ({_words_of(error)})"
        return ToolError(
            f"The MCP server {self.name} does not work: {said or _words_of(error)}.",
            remedy=f"vita mcp test {self.name}",
        )

    def _disabled(self) -> ToolError:
        snapshot = self._breaker.snapshot()
        seconds = f", retried in {snapshot.retry_seconds:.0f} s" if snapshot.retry_seconds else ""
        return ToolError(f"The MCP server {self.name} is disabled{seconds}: {snapshot.reason}.")


def _failures() -> tuple[type[Exception], ...]:
    """What the SDK raises when a server fails."""
    import anyio
    import httpx2
    from mcp.shared.exceptions import MCPError

    return (
        MCPError,
        anyio.ClosedResourceError,
        anyio.BrokenResourceError,
        httpx2.HTTPError,
        ValueError,
        RuntimeError,
        OSError,
    )


def _words_of(error: BaseException) -> str:
    return clean_line(str(error) or type(error).__name__).strip().rstrip(".")[:300]
