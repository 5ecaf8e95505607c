"""Wyoming, the protocol of Home Assistant's voice services: a connection for each transcript, and the sound goes over it while it is spoken."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from vita_tui.engines.dead_connections import notice_when_dead
from vita_tui.engines.http_client import Server
from vita_tui.engines.stt.base import SAMPLE_RATE
from vita_tui.engines.stt.served.recognizer import Recognized, ServedRecognizer, as_pcm
from vita_tui.errors import EngineError, EngineUnavailableError

if TYPE_CHECKING:
    from wyoming.event import Event

__all__ = ["WyomingRecognizer"]

CHUNK_SAMPLES = 1600
"""Of one event: a tenth of a second."""
FORMAT = {"rate": SAMPLE_RATE, "width": 2, "channels": 1}


class _Connection:
    """To one server, for one transcript."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.sent: NDArray[np.float32] = np.zeros(0, np.float32)
        """The sound that has gone over it."""
        self.language = ""

    @classmethod
    async def to(cls, server: Server) -> _Connection:
        parts = urlsplit(server.url)
        reader, writer = await asyncio.open_connection(server.host, parts.port)
        notice_when_dead(writer)
        return cls(reader, writer)

    async def write(self, event: Event) -> None:
        from wyoming.event import async_write_event

        await async_write_event(event, self._writer)

    async def read(self) -> Event:
        """
        Raises:
            EOFError: the server has hung up, or sent what is no event.
        """
        from wyoming.event import async_read_event

        try:
            event = await async_read_event(self._reader)
        except (KeyError, TypeError, AttributeError, RecursionError):
            event = None
        if event is None:
            raise EOFError
        return event

    async def send(self, audio: NDArray[np.float32]) -> None:
        """Send what of `audio` has not been sent yet."""
        from wyoming.audio import AudioChunk

        for start in range(len(self.sent), len(audio), CHUNK_SAMPLES):
            await self.write(AudioChunk(audio=as_pcm(audio[start : start + CHUNK_SAMPLES]), **FORMAT).event())
        self.sent = audio

    def continues(self, audio: NDArray[np.float32]) -> bool:
        """Whether `audio` begins with what has been sent."""
        return len(audio) >= len(self.sent) and np.array_equal(audio[: len(self.sent)], self.sent)

    async def close(self) -> None:
        self._writer.close()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(0.2):
                await self._writer.wait_closed()


class WyomingRecognizer(ServedRecognizer):
    """A `Recognizer` over TCP. Its partials tell nothing before the end; they send what has been said, so that the end is near."""

    _connection: _Connection | None = None

    async def _open(self, server: Server) -> None:
        """Ask what the server has."""
        from wyoming.info import Describe, Info

        connection = await _Connection.to(server)
        try:
            await connection.write(Describe().event())
            while not Info.is_type((event := await connection.read()).type):
                pass
        finally:
            await connection.close()
        if not event.data.get("asr"):
            raise EngineUnavailableError(
                f"{server.where} has no speech recognition.", remedy=f"Check {server.setting}."
            )

    async def _ask(
        self, server: Server, audio: NDArray[np.float32], language: str, *, words: bool, partial: bool
    ) -> Recognized:
        known = self._connection
        if known is not None and (known.language != language or not known.continues(audio)):
            await self._close()
        for again in (True, False):
            fresh = self._connection is None
            try:
                return await self._told(server, audio, language, partial=partial)
            except asyncio.CancelledError:
                if not partial:
                    await self._close()
                raise
            except (OSError, EOFError):
                await self._close()
                # A server that was started again knows nothing of what was sent: once more, from the beginning.
                if fresh or not again:
                    raise EngineError(f"{self.name} broke off in the middle of a transcript.") from None
            except BaseException:
                await self._close()
                raise
        raise AssertionError("unreachable")

    async def _told(
        self, server: Server, audio: NDArray[np.float32], language: str, *, partial: bool
    ) -> Recognized:
        from wyoming.asr import Transcript
        from wyoming.audio import AudioStart, AudioStop
        from wyoming.error import Error
        from wyoming.event import Event

        connection = self._connection
        if connection is None:
            connection = self._connection = await _Connection.to(server)
            connection.language = language
            asked: dict[str, object] = {"language": language} if language else {}
            if self.endpoint.model:
                asked["name"] = self.endpoint.model
            if self.words:
                asked["transcript_names"] = list(self.words)
            await connection.write(Event("transcribe", asked))
            await connection.write(AudioStart(**FORMAT).event())
        await connection.send(audio)
        if partial:
            return Recognized("", known=False)
        await connection.write(AudioStop().event())
        while True:
            event = await connection.read()
            if Transcript.is_type(event.type):
                break
            if Error.is_type(event.type):
                raise EngineError(f"{server.where} reports: {str(event.data.get('text', 'an error'))[:200]}.")
        await self._close()
        text, told = event.data.get("text"), event.data.get("language")
        if not isinstance(text, str):
            raise EngineError(f"{server.where} sent what is not a transcript.")
        return Recognized(text, language=told if isinstance(told, str) else "")

    async def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
