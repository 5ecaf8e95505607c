"""OpenAI's Realtime transcription over a WebSocket: the sound goes there while it is spoken, and words come back meanwhile.

A transcript is of what was committed. An utterance that goes on after a commit (a pause that was not the end) is committed in pieces, whose
texts follow each other. After a connection broke, all of the utterance is sent again over the next.
"""

from __future__ import annotations

import asyncio
import base64
import json
import math
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import numpy as np
from numpy.typing import NDArray

from vita_tui.engines.dead_connections import notice_when_dead
from vita_tui.engines.http_client import CONNECT_SECONDS, Server
from vita_tui.engines.refusals import reason, refusal
from vita_tui.engines.stt.base import SAMPLE_RATE
from vita_tui.engines.stt.served.recognizer import Recognized, ServedRecognizer, as_pcm
from vita_tui.errors import EngineError, VitaError

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection
    from websockets.exceptions import ConnectionClosed

__all__ = ["RealtimeRecognizer"]

RATE = 24_000
"""Hertz; what OpenAI takes."""
LEAST_COMMIT = round(0.1 * SAMPLE_RATE)
"""Samples; of less OpenAI makes no transcript."""
CHUNK_SAMPLES = SAMPLE_RATE // 2
"""Of one message at most."""
MAX_MESSAGE_BYTES = 2_000_000
DEFAULT_MODEL = "whisper-1"


@dataclass(slots=True)
class _Piece:
    """What has been committed at once, or will be."""

    item: str = ""
    """The server's name for it, once that is known."""
    text: str = ""
    done: bool = False
    failed: str = ""
    confidence: float | None = None


class _RealtimeSession:
    """One connection, and what has come over it."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.changed = asyncio.Event()
        self.failed = ""
        """What the server says is wrong with the last request."""
        self.over: ConnectionClosed | None = None
        """Why nothing more comes."""
        self.writing = False
        """What has been sent of the present request is not all."""
        self.started = False
        self.pieces: list[_Piece] = [_Piece()]
        """Of all utterances; the last one is not committed yet."""
        self.first = 0
        """Place of the first one of the present utterance."""
        self.sent: NDArray[np.float32] = np.zeros(0, np.float32)
        """The sound of the present utterance that has been sent."""
        self.committed = 0
        """Samples of it that have been committed."""
        self.language = ""
        self.resampler: Any = None
        self.reading = asyncio.create_task(self._read())

    async def write(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))

    async def wait(self) -> None:
        """For the next message.

        Raises:
            ConnectionClosed: the connection has ended.
        """
        if self.over is not None:
            raise self.over
        self.changed.clear()
        await self.changed.wait()

    @property
    def current(self) -> list[_Piece]:
        return self.pieces[self.first :]

    async def _read(self) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            while True:
                data = await self.socket.recv()
                try:
                    message = json.loads(data)
                except (ValueError, RecursionError):
                    continue
                if isinstance(message, dict):
                    self._take(message)
                    self.changed.set()
        except ConnectionClosed as error:
            self.over = error
            self.changed.set()

    def _take(self, message: dict[str, Any]) -> None:
        kind = str(message.get("type", ""))
        item = str(message.get("item_id", ""))
        if kind.endswith("session.updated"):
            self.started = True
        elif kind == "error":
            self.failed = json.dumps(message.get("error", message))
        elif kind == "input_audio_buffer.committed":
            piece = next((one for one in self.pieces[:-1] if not one.item and not one.done), None)
            if piece is not None and self._named(item) is None:
                piece.item = item
        elif ".input_audio_transcription." in kind:
            piece = self._named(item)
            if piece is None:
                # Of what is being said, or of the oldest that waits, where the server did not say what it calls it.
                waiting = [one for one in self.pieces if not one.item and not one.done]
                if not waiting:
                    return
                piece = waiting[0]
                piece.item = item
            if kind.endswith(".delta"):
                piece.text += str(message.get("delta", ""))
            elif kind.endswith(".completed"):
                piece.text, piece.done = str(message.get("transcript", piece.text)), True
                piece.confidence = _confidence(message.get("logprobs"))
            elif kind.endswith(".failed"):
                piece.failed, piece.done = json.dumps(message.get("error", message)), True

    def _named(self, item: str) -> _Piece | None:
        return next((one for one in self.pieces if item and one.item == item), None)

    async def close(self) -> None:
        self.reading.cancel()
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(0.3):
                await self.socket.close()


class RealtimeRecognizer(ServedRecognizer):
    """A `Recognizer` over a WebSocket that stays open from one utterance to the next."""

    _session: _RealtimeSession | None = None

    async def _open(self, server: Server) -> None:
        self._session = await self._connect(server, self.language)

    async def _ask(
        self, server: Server, audio: NDArray[np.float32], language: str, *, words: bool, partial: bool
    ) -> Recognized:
        from websockets.exceptions import ConnectionClosed

        for again in (True, False):
            session = self._session
            fresh = session is None or session.over is not None
            try:
                if session is None or fresh:
                    await self._close()
                    session = self._session = await self._connect(server, language)
                return await self._told(server, session, audio, language, partial=partial)
            except asyncio.CancelledError:
                if session is None or session.writing:  # nobody knows what of it has been sent
                    await self._close()
                raise
            except ConnectionClosed:
                await self._close()
                if fresh or not again:
                    raise EngineError(f"{self.name} broke off in the middle of a transcript.") from None
        raise AssertionError("unreachable")

    async def _told(
        self,
        server: Server,
        session: _RealtimeSession,
        audio: NDArray[np.float32],
        language: str,
        *,
        partial: bool,
    ) -> Recognized:
        session.writing = True
        if session.language != language:
            await self._configure(server, session, language)
        session.failed = ""
        grown = len(audio) >= len(session.sent) and np.array_equal(audio[: len(session.sent)], session.sent)
        if not grown:
            await self._begin(session)
        await self._send(session, audio)
        if not partial:
            await self._commit(session, audio)
        session.writing = False
        if not partial:
            while not all(piece.done for piece in session.current[:-1]):
                await session.wait()
                if session.failed:
                    raise EngineError(
                        f"{server.where} reports: {reason(server, session.failed) or 'an error'}."
                    )
        said = session.current if partial else session.current[:-1]
        if broken := next((piece.failed for piece in said if piece.failed), ""):
            await self._begin(session)
            raise EngineError(f"{server.where} reports: {reason(server, broken) or 'an error'}.")
        told = [piece.confidence for piece in said if piece.confidence is not None]
        text = " ".join(piece.text.strip() for piece in said if piece.text.strip())
        return Recognized(
            text, confidence=sum(told) / len(told) if told else None, known=bool(text) or not partial
        )

    async def _begin(self, session: _RealtimeSession) -> None:
        """Another utterance."""
        if len(session.sent) > session.committed:
            await session.write(type="input_audio_buffer.clear")
            if session.pieces[-1].text:  # words of what is thrown away may still come
                session.pieces[-1].done = True
                session.pieces.append(_Piece())
        session.pieces = [one for one in session.pieces[:-1] if not one.done][-8:] + session.pieces[-1:]
        session.first = len(session.pieces) - 1
        session.sent, session.committed = np.zeros(0, np.float32), 0
        session.resampler = None

    async def _send(
        self, session: _RealtimeSession, audio: NDArray[np.float32], *, last: bool = False
    ) -> None:
        """Send what of `audio` has not been sent yet."""
        import soxr

        if session.resampler is None:
            session.resampler = soxr.ResampleStream(SAMPLE_RATE, RATE, 1, dtype="float32")
        fresh = audio[len(session.sent) :]
        for start in range(0, max(len(fresh), int(last)), CHUNK_SAMPLES):
            piece = fresh[start : start + CHUNK_SAMPLES]
            ends = last and start + CHUNK_SAMPLES >= len(fresh)
            sound = as_pcm(session.resampler.resample_chunk(piece, last=ends))
            if sound:
                await session.write(
                    type="input_audio_buffer.append", audio=base64.b64encode(sound).decode("ascii")
                )
        if len(fresh):
            session.sent = audio
        if last:
            session.resampler = None

    async def _commit(self, session: _RealtimeSession, audio: NDArray[np.float32]) -> None:
        """Ask for the transcript of what has not been committed yet."""
        left = len(audio) - session.committed
        if left <= 0 or (left < LEAST_COMMIT and session.committed):
            return
        silence = np.zeros(max(0, LEAST_COMMIT - left), np.float32)
        await self._send(session, np.concatenate([audio, silence]), last=True)
        session.sent, session.committed = audio, len(audio)
        await session.write(type="input_audio_buffer.commit")
        session.pieces.append(_Piece())

    async def _connect(self, server: Server, language: str) -> _RealtimeSession:
        from websockets.asyncio.client import connect

        from vita_tui import __version__

        proxy = server.proxy()
        headers = {"Authorization": f"Bearer {server.key}"} if server.key else {}
        if server.user is not None:
            pair = ":".join(server.user).encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode('ascii')}"
        socket = await connect(
            _address(server),
            additional_headers=headers,
            user_agent_header=f"vita/{__version__}",
            ssl=server.trust() if server.url.startswith("wss:") else None,
            proxy=proxy[0] if proxy is not None else None,
            open_timeout=CONNECT_SECONDS,
            close_timeout=0.2,
            max_size=MAX_MESSAGE_BYTES,
        )
        notice_when_dead(socket.transport)
        session = _RealtimeSession(socket)
        try:
            await self._configure(server, session, language)
        except BaseException:
            await session.close()
            raise
        return session

    async def _configure(self, server: Server, session: _RealtimeSession, language: str) -> None:
        """Say what is wanted, in the form of today or, where a server does not know it, in that of the beta."""
        transcription: dict[str, Any] = {"model": self.endpoint.model or DEFAULT_MODEL}
        if language:
            transcription["language"] = language
        if self.words:
            transcription["prompt"] = ", ".join(self.words)
        sound = {
            "format": {"type": "audio/pcm", "rate": RATE},
            "transcription": transcription,
            "turn_detection": None,
        }
        today = {"type": "session.update", "session": {"type": "transcription", "audio": {"input": sound}}}
        beta = {
            "type": "transcription_session.update",
            "session": {
                "input_audio_format": "pcm16",
                "input_audio_transcription": transcription,
                "turn_detection": None,
            },
        }
        for message in (today, beta):
            session.started, session.failed = False, ""
            await session.write(**message)
            while not (session.started or session.failed):
                await session.wait()
            if session.started:
                session.language = language
                return
        raise EngineError(f"{server.where} reports: {reason(server, session.failed) or 'an error'}.")

    def _of_library(self, server: Server, error: Exception) -> VitaError | None:
        from websockets.exceptions import InvalidStatus, WebSocketException

        if isinstance(error, InvalidStatus):
            answer = error.response
            headers = {name.lower(): value for name, value in answer.headers.raw_items()}
            return refusal(
                server,
                answer.status_code,
                headers,
                bytes(answer.body or b"").decode("utf-8", "replace"),
                missing="Realtime transcription",
                check=server.setting,
            )
        if isinstance(error, WebSocketException):
            return self._explained(server, error.__cause__ or error)
        return None

    async def _close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()


def _address(server: Server) -> str:
    """Of the route, whether the setting names it or only "/v1"."""
    url = server.url if server.url.endswith("/realtime") else f"{server.url}/realtime"
    query = dict(server.query) | ({} if "intent" in dict(server.query) else {"intent": "transcription"})
    return f"{url}?{urlencode(query)}"


def _confidence(found: Any) -> float | None:
    logs = [
        min(0.0, float(one["logprob"]))
        for one in (found if isinstance(found, list) else ())
        if isinstance(one, dict) and isinstance(one.get("logprob"), int | float)
    ]
    return math.exp(sum(logs) / len(logs)) if logs else None
