"""A server that is a child process: messages over its standard input and output, one a line.

The SDK has such a transport too; it does not tell the process, waits two seconds at the end, and reads lines of any length. Here the
process is in the registry and in the record of children, leads a group of its own, and is killed with all of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator
from typing import Any

from vita_tui.errors import ToolError
from vita_tui.health.registry import registry
from vita_tui.settings import McpServer
from vita_tui.text.clean import clean_line, clean_name
from vita_tui.tools.commands import end_group, group_led_by

__all__ = ["LastWords", "stdio_transport"]

log = logging.getLogger(__name__)

LONGEST_MESSAGE = 16_000_000
"""Bytes of one message; a server that sends more has failed."""
STOP_SECONDS = 0.15
"""For the process to end by itself when its standard input closes."""
KEPT_WORDS = 2000
"""Characters of what it wrote last to standard error."""


class LastWords:
    """What a process wrote last to standard error, for the sentence that says why it ended."""

    def __init__(self) -> None:
        self._text = ""
        self.code: int | None = None
        """Its exit code."""

    def add(self, text: str) -> None:
        self._text = (self._text + text)[-KEPT_WORDS:]

    @property
    def line(self) -> str:
        """The last line with words."""
        lines = [clean_line(line).strip() for line in self._text.splitlines()]
        return next((line for line in reversed(lines) if line), "")[:200]


@contextlib.asynccontextmanager
async def stdio_transport(name: str, server: McpServer, words: LastWords) -> AsyncIterator[Any]:
    """Start the process; the streams that the SDK's session reads and writes.

    Args:
        words: is given what it writes to standard error.

    Raises:
        ToolError: it cannot be started.
    """
    import anyio
    from mcp.client.stdio import get_default_environment
    from mcp.shared.message import SessionMessage

    try:
        process = await group_led_by(
            asyncio.create_subprocess_exec(
                server.command,
                *server.args,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=get_default_environment() | server.env,
                cwd=server.cwd or None,
                start_new_session=os.name == "posix",
                limit=LONGEST_MESSAGE,
            )
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ToolError(
            f"The MCP server {name} could not be started: {clean_name(server.command)}: {reason}.",
            remedy=f"Is it installed? vita mcp test {name}",
        ) from None
    entry = registry.register(
        process,
        kind="process",
        name=f"MCP server {name} (pid {process.pid})",
        owner="tools.mcp",
        force=process.kill,
        pid=process.pid,
    )
    to_session, from_server = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    to_server, from_session = anyio.create_memory_object_stream[SessionMessage](0)
    tasks = [
        asyncio.create_task(_read(name, process, to_session), name=f"mcp {name} read"),
        asyncio.create_task(_write(process, from_session, to_session), name=f"mcp {name} write"),
        asyncio.create_task(_read_errors(process, words), name=f"mcp {name} errors"),
    ]
    try:
        yield from_server, to_server
    finally:
        # Not awaited in a place that may be cancelled: the group is dead before anything else is waited for.
        try:
            assert process.stdin is not None
            process.stdin.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), STOP_SECONDS)
        finally:
            end_group(process.pid)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            entry.leave()
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=STOP_SECONDS)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), STOP_SECONDS)
            for stream in (to_session, from_server, to_server, from_session):
                stream.close()
            words.code = process.returncode


async def _read(name: str, process: asyncio.subprocess.Process, out: Any) -> None:
    import anyio
    import mcp_types
    from mcp.shared.message import SessionMessage

    assert process.stdout is not None
    try:
        while line := await process.stdout.readline():
            if not line.strip():
                continue
            try:
                message = mcp_types.jsonrpc_message_adapter.validate_json(line, by_name=False)
            except ValueError:
                log.info("%s wrote what is no message", name)
                continue
            await out.send(SessionMessage(message))
    except ValueError:
        log.warning("%s sent a message of more than %d bytes", name, LONGEST_MESSAGE)
    except (anyio.ClosedResourceError, anyio.BrokenResourceError, ConnectionError):
        return
    finally:
        out.close()


async def _write(process: asyncio.subprocess.Process, messages: Any, to_session: Any) -> None:
    import anyio

    assert process.stdin is not None
    try:
        async for message in messages:
            text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
            process.stdin.write(text.encode("utf-8", "replace") + b"\n")
            await process.stdin.drain()
    except (anyio.ClosedResourceError, anyio.BrokenResourceError, OSError):
        to_session.close()  # a request would wait for its answer without end


async def _read_errors(process: asyncio.subprocess.Process, words: LastWords) -> None:
    assert process.stderr is not None
    while data := await process.stderr.read(8192):
        words.add(data.decode("utf-8", "replace"))
