"""Requests to a running VITA that take their time: whoever asks is told meanwhile how far they are, and ends them by going away.

They come over the same socket as the short ones (`health.control`). The answer is a line of JSON `{"event": …}` for each thing to
be told, and a last one, `{"answer": …}` or `{"error": …}`. Each runs as a task on the loop of the program that is asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

from vita_tui import errors
from vita_tui.errors import VitaError
from vita_tui.health.control import Program, connected

__all__ = ["RemoteCall", "RemoteCalls", "Tell", "call"]

log = logging.getLogger(__name__)

MAX_CALLS = 32
"""Requests at once; one more is refused."""
MAX_UNREAD = 1 << 20
"""Bytes that may wait for one that does not read; then its request ends."""
LINE_LIMIT = 1 << 20
"""Bytes of one line of an answer."""

Tell = Callable[[Any], None]
"""Sends what JSON can hold to whoever asked."""
RemoteCall = Callable[[Any, Tell], Awaitable[Any]]
"""Takes the request's argument, may tell things, and returns the answer; cancelled when whoever asked has gone. May raise `VitaError`."""


class RemoteCalls:
    """What may be asked, and what is being carried out. `take` is for the control thread, the rest runs on the loop."""

    def __init__(
        self, calls: Mapping[str, RemoteCall], spawn: Callable[[Coroutine[Any, Any, None]], None]
    ) -> None:
        """
        Args:
            spawn: runs a coroutine on the loop as a task that ends with the program; called in the control thread.
        """
        self._calls = dict(calls)
        self._spawn = spawn
        self._running = 0

    def knows(self, word: str) -> bool:
        """Whether there is such a request."""
        return word in self._calls

    def take(self, connection: socket.socket, word: str, argument: str) -> None:
        """Carry out `word`, and own `connection` from now on."""
        work = self._serve(connection, word, argument)
        try:
            self._spawn(work)
        except RuntimeError:  # the loop is closed
            work.close()
            connection.close()

    async def _serve(self, connection: socket.socket, word: str, argument: str) -> None:
        connection.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=connection)
        try:
            if self._running >= MAX_CALLS:
                _send(writer, {"error": "Too many requests at once.", "remedy": "Try again in a moment."})
                return
            self._running += 1
            try:
                await self._answer(reader, writer, word, argument)
            finally:
                self._running -= 1
        finally:
            with contextlib.suppress(OSError):
                if not writer.is_closing():
                    writer.write_eof()
            writer.close()

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, word: str, argument: str
    ) -> None:
        gone = asyncio.ensure_future(_end_of(reader))

        def tell(event: Any) -> None:
            if writer.transport.get_write_buffer_size() > MAX_UNREAD:
                gone.cancel()
            else:
                _send(writer, {"event": event})

        work = asyncio.ensure_future(self._carry_out(word, argument, tell))
        try:
            await asyncio.wait({gone, work}, return_when=asyncio.FIRST_COMPLETED)
            if work.done() and not work.cancelled():
                _send(writer, work.result())
        finally:
            for task in (gone, work):
                task.cancel()
            await asyncio.gather(gone, work, return_exceptions=True)

    async def _carry_out(self, word: str, argument: str, tell: Tell) -> dict[str, Any]:
        try:
            given = json.loads(argument) if argument else None
        except ValueError:
            return {"error": "The request's argument is not JSON."}
        try:
            return {"answer": await self._calls[word](given, tell)}
        except VitaError as error:
            return {"error": error.message, "remedy": error.remedy, "kind": type(error).__name__}
        except Exception as error:  # whoever asked is told, the program goes on
            log.exception("the request %s failed", word)
            return {"error": f"{type(error).__name__}: {error}"}


def _send(writer: asyncio.StreamWriter, line: Mapping[str, Any]) -> None:
    with contextlib.suppress(OSError, RuntimeError):
        writer.write(json.dumps(line).encode() + b"\n")


async def _end_of(reader: asyncio.StreamReader) -> None:
    """Nothing follows a request: whoever asked has gone, or is no client of ours."""
    with contextlib.suppress(OSError):
        while await reader.read(4096):
            pass


async def call(
    program: Program, word: str, argument: Any = None, *, on_event: Callable[[Any], None] = lambda _: None
) -> Any:
    """Have `program` carry out `word`, and return its answer; cancelling this ends it there, too.

    Args:
        on_event: called with each thing that it tells.

    Raises:
        VitaError: of the kind that was raised there, or the program has gone.
    """
    try:
        connection = await asyncio.to_thread(connected, program.address)
    except OSError as error:
        raise _gone(program) from error
    reader, writer = await asyncio.open_connection(sock=connection, limit=LINE_LIMIT)
    try:
        writer.write(f"{program.key} {word} {json.dumps(argument)}\n".encode())
        while line := await reader.readline():
            said = json.loads(line)
            if "event" in said:
                on_event(said["event"])
            elif "answer" in said:
                return said["answer"]
            else:
                raise _error(said)
        raise _gone(program)
    except (OSError, ValueError) as error:
        raise _gone(program) from error
    finally:
        writer.close()


def _gone(program: Program) -> VitaError:
    return VitaError(
        f"The VITA of process {program.pid} does not answer.", remedy="Is it closing, or stopped?"
    )


def _error(said: Mapping[str, Any]) -> VitaError:
    kind = getattr(errors, str(said.get("kind", "")), VitaError)
    if not (isinstance(kind, type) and issubclass(kind, VitaError)):
        kind = VitaError
    return kind(str(said.get("error", "")), remedy=str(said.get("remedy", "")))
