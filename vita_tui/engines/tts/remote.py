"""A voice on a server: OpenAI's speech route, and the many programs that speak it (Kokoro-FastAPI, Speaches, LocalAI, …).

One request a clause, in its own thread: a server that hangs keeps neither a cancelled reply nor the next one waiting. The
server that is too slow, refuses or sends what is not sound has failed, and the next voice of the chain speaks.
"""

from __future__ import annotations

import json
import queue
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from vita_tui.clock import Deadline
from vita_tui.engines.http_client import CONNECT_SECONDS, Server, client, speaks_tls
from vita_tui.engines.refusals import MAX_REFUSAL_BYTES as MOST_REFUSAL
from vita_tui.engines.refusals import connection_failure, refusal
from vita_tui.engines.tts.base import Pcm
from vita_tui.engines.tts.pieces import pieces
from vita_tui.engines.tts.wave_stream import PCM_RATE, WaveStream
from vita_tui.errors import EngineError, EngineTimeoutError, EngineUnavailableError, VitaError
from vita_tui.health.registry import Entry, registry
from vita_tui.text.urls import host_port

if TYPE_CHECKING:
    import httpx2

__all__ = ["RemoteSynthesizer"]

POLL_SECONDS = 0.02
"""How soon a cancellation is noticed."""
MAX_PIECE = 2000
"""Characters in one request; OpenAI takes 4096."""
CHUNK = 8192
"""Bytes of sound that are read at a time."""
MAX_SOUND_BYTES = 100_000_000
"""Of sound in one answer: nine minutes at 48 kHz."""


class RemoteSynthesizer:
    """A server's voice. `load`, `speak` and `cleanup` as in `Synthesizer`; `cleanup` from any thread."""

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        voice: str = "alloy",
        api_key: str = "",
        rate: float = 1.0,
        volume: float = 1.0,
        timeout: float = 10.0,
    ) -> None:
        """
        Args:
            base_url: up to and with "/v1".
            rate: 1 is the voice's own speed, 2 twice as fast.
            volume: 0 is silent, 1 the voice's own loudness.
            timeout: seconds after which a clause has failed.
        """
        self._base_url = base_url
        self.notes = ""
        self.pace = 1.0
        self.name = f"{model} at {host_port(base_url)}"
        self.sample_rate = PCM_RATE
        """Hertz, of the clause that was spoken last."""
        self.rate = rate
        """May be changed, as `volume`, `timeout`; the next clause is spoken so."""
        self.volume = volume
        self.timeout = timeout
        self._model = model
        self._voice = voice
        self._api_key = api_key
        self._lock = threading.Lock()
        self._server: Server | None = None
        self._client: httpx2.Client | None = None
        self._entry: Entry | None = None

    def load(self) -> None:
        """Make the client. Nothing is said for a trial: that may cost money there.

        Raises:
            EngineUnavailableError: the address, the key or a name cannot be used.
        """
        import httpx2

        with self._lock:
            if self._client is not None:
                return
            for name, value in (("model", self._model), ("remote_voice", self._voice)):
                if not value.isprintable():
                    raise EngineUnavailableError(
                        f"The setting tts.{name} holds a character that cannot be sent.",
                        remedy=f"Write a name that the server knows: VITA_TTS__{name.upper()}.",
                    )
            server = Server.named(self._base_url, key=self._api_key, section="tts", kind="voice")
            self._client = client(server, httpx2.Timeout(self.timeout, connect=CONNECT_SECONDS))
            self._server = server
            self._entry = registry.register(
                self._client, kind="client", name=f"HTTP to {server.where}", owner="engines.tts"
            )

    def speak(self, clause: str, *, cancelled: threading.Event) -> Iterator[Pcm]:
        """Yield the clause's samples as they come.

        Raises:
            EngineTimeoutError: it took longer than `timeout`.
            EngineUnavailableError: nobody answers there.
            EngineError: it refused, broke off, or sent what is not sound.
        """
        for piece in pieces(clause, MAX_PIECE):
            if cancelled.is_set():
                return
            self.load()
            request = _Request(self, piece)
            try:
                yield from self._take(request, cancelled)
            finally:
                request.end()

    def _take(self, request: _Request, cancelled: threading.Event) -> Iterator[Pcm]:
        left = self.timeout
        sounded = False
        while not cancelled.is_set():
            # What is done with the sound in between is not the server's time.
            got, left = self._next(request, left, cancelled)
            if got is None:
                if not sounded and not cancelled.is_set():
                    raise EngineError(f"{self.name} sent no sound.", remedy="Check tts.model and its voice.")
                return
            self.sample_rate, samples = got
            sounded = sounded or bool(len(samples))
            yield samples if self.volume == 1.0 else samples * self.volume

    def _next(
        self, request: _Request, seconds: float, cancelled: threading.Event
    ) -> tuple[tuple[int, Pcm] | None, float]:
        """Sample rate and samples, None when there are no more or it was cancelled; and how many of the `seconds` are left."""
        with Deadline(seconds) as deadline:
            while not cancelled.is_set():
                try:
                    got = request.answers.get(timeout=deadline.step(POLL_SECONDS))
                except queue.Empty:
                    if deadline.left() <= 0:
                        raise EngineTimeoutError(
                            f"{self.name} took longer than {self.timeout:g} s.",
                            remedy="Is it busy? Or raise tts.timeout.",
                        ) from None
                    continue
                if isinstance(got, BaseException):
                    raise got
                return got, deadline.left()
        return None, seconds

    def cleanup(self) -> None:
        """Close the client; may be called twice and from any thread."""
        with self._lock:
            client, self._client = self._client, None
            entry, self._entry = self._entry, None
        if client is not None:
            with suppress(OSError, RuntimeError):
                client.close()
        if entry is not None:
            entry.leave()

    # ---- in the request's thread

    def fetch(self, text: str, request: _Request) -> None:
        """Have `text` spoken, and hand over the sound as it comes."""
        http, server = self._client, self._server
        if http is None or server is None:
            raise EngineError(f"{self.name} was closed.")
        asked: dict[str, Any] = {
            "model": self._model,
            "voice": self._voice,
            "input": text,
            "response_format": "wav",
        }
        if self.rate != 1.0:
            asked["speed"] = min(4.0, max(0.25, self.rate))
        data = json.dumps(asked, ensure_ascii=False).encode("utf-8", "replace")
        headers = {"Content-Type": "application/json"}
        with http.stream("POST", f"{server.url}/audio/speech", content=data, headers=headers) as answer:
            request.connection = answer.extensions.get("network_stream")
            if not answer.is_success:
                raise self._refusal(server, answer)
            request.begun = True
            kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind.startswith(("text/", "application/json")):
                raise EngineError(
                    f"{server.where} sent {kind} instead of sound.",
                    remedy="Check tts.base_url; it usually ends in /v1.",
                )
            stream = WaveStream(bare=kind in ("audio/pcm", "audio/l16"))
            count = 0
            for piece in answer.iter_bytes(CHUNK):
                if request.ended.is_set():
                    return
                count += len(piece)
                if count > MAX_SOUND_BYTES:
                    raise EngineError(f"{self.name} does not stop sending.")
                samples = stream.feed(piece)
                if len(samples):
                    request.answers.put((stream.rate, samples))
            if stream.short:
                raise EngineError(f"{self.name} broke off in the middle of a clause.")

    def _refusal(self, server: Server, answer: httpx2.Response) -> EngineError:
        import httpx2

        body = b""
        with suppress(httpx2.HTTPError):
            for piece in answer.iter_bytes(CHUNK):
                body += piece
                if len(body) > MOST_REFUSAL:
                    break
        return refusal(
            server,
            answer.status_code,
            answer.headers,
            body.decode("utf-8", "replace"),
            missing=f"voice “{self._voice}” of “{self._model}”",
            check="tts.model, tts.remote_voice and tts.base_url",
        )

    def explained(self, error: BaseException, *, begun: bool) -> BaseException:
        """What `error` means for the user; never quotes a secret."""
        import httpx2

        if isinstance(error, VitaError):
            return error
        server = self._server
        if server is None or not isinstance(error, httpx2.HTTPError | httpx2.StreamError | OSError):
            return EngineError(f"{self.name} broke off in the middle of a clause.")
        plain = server.url.startswith("http:") and not isinstance(error, httpx2.TimeoutException)
        tls = plain and not begun and speaks_tls(server)
        return connection_failure(
            server, self.name, error, begun=begun, timeout=self.timeout, part="a clause", tls=tls
        )


class _Request:
    """One clause on its way; its thread ends with the answer."""

    def __init__(self, voice: RemoteSynthesizer, text: str) -> None:
        self.answers: queue.SimpleQueue[tuple[int, Pcm] | BaseException | None] = queue.SimpleQueue()
        """Sample rate and samples; then None, or why there is no more."""
        self.ended = threading.Event()
        """Nobody waits for it any more."""
        self.connection: Any = None
        """What the answer comes through, once it has begun."""
        self.begun = False
        """Sound was promised."""
        self._voice = voice
        self._text = text
        threading.Thread(target=self._run, name="remote voice", daemon=True).start()

    def end(self) -> None:
        """Nobody waits any more: hang up, which is what stops the server."""
        self.ended.set()
        if self.connection is not None:
            # Its thread waits in a read, which only the end of the connection ends.
            with suppress(Exception):  # it may be closed at this very moment
                self.connection.get_extra_info("socket").shutdown(socket.SHUT_RDWR)

    def _run(self) -> None:
        try:
            self._voice.fetch(self._text, self)
        except Exception as error:  # noqa: BLE001 - handed to whoever waits, as what it means
            self.answers.put(self._voice.explained(error, begun=self.begun))
        else:
            self.answers.put(None)
