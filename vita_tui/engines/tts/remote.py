"""A voice on a server: OpenAI's speech route, and the many programs that speak it (Kokoro-FastAPI, Speaches, LocalAI, …)."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from vita_tui.engines.http_client import CONNECT_SECONDS, Server, client, speaks_tls
from vita_tui.engines.refusals import MAX_REFUSAL_BYTES as MOST_REFUSAL
from vita_tui.engines.refusals import connection_failure, refusal
from vita_tui.engines.served import server_of
from vita_tui.engines.tts.served_voice import ServedVoice, VoiceRequest
from vita_tui.engines.tts.wave_stream import PCM_RATE, WaveStream
from vita_tui.errors import EngineError, EngineUnavailableError, VitaError
from vita_tui.health.registry import Entry, registry
from vita_tui.settings.endpoints import Endpoint
from vita_tui.text.urls import host_port

if TYPE_CHECKING:
    import httpx2

__all__ = ["RemoteSynthesizer"]

CHUNK = 8192
"""Bytes of sound that are read at a time."""
MAX_SOUND_BYTES = 100_000_000
"""Of sound in one answer: nine minutes at 48 kHz."""


class RemoteSynthesizer(ServedVoice):
    """A server's voice over HTTP."""

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        voice: str = "alloy",
        api_key: str = "",
        endpoint: tuple[str, Endpoint] | None = None,
        rate: float = 1.0,
        volume: float = 1.0,
        timeout: float = 10.0,
    ) -> None:
        """
        Args:
            base_url: up to and with "/v1".
            endpoint: its name and what it is, where it is one of the endpoints of the settings; its key is taken from there.
            rate, volume, timeout: as of `ServedVoice`.
        """
        where = host_port(base_url)
        super().__init__(
            endpoint[0] if endpoint is not None else f"{model} at {where}",
            where,
            sample_rate=PCM_RATE,
            weight=endpoint[1].weight if endpoint is not None else 1.0,
            rate=rate,
            volume=volume,
            timeout=timeout,
        )
        self.check = "Check tts.model and its voice."
        self._base_url = base_url
        self._endpoint = endpoint
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
            if self._endpoint is not None:
                server = server_of(*self._endpoint, section="tts", kind="voice")
            else:
                server = Server.named(self._base_url, key=self._api_key, section="tts", kind="voice")
            self.timeout_setting = server.timeout_setting
            self._client = client(server, httpx2.Timeout(self.timeout, connect=CONNECT_SECONDS))
            self._server = server
            self._entry = registry.register(
                self._client, kind="client", name=f"HTTP to {server.where}", owner="engines.tts"
            )

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

    def fetch(self, text: str, request: VoiceRequest) -> None:
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
            if (stream := answer.extensions.get("network_stream")) is not None:
                # A thread that waits in a read: only the end of the connection ends that.
                request.hang_up = lambda: stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
            if not answer.is_success:
                raise self._refusal(server, answer)
            request.begun = True
            kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind.startswith(("text/", "application/json")):
                raise EngineError(
                    f"{server.where} sent {kind} instead of sound.",
                    remedy="Check tts.base_url; it usually ends in /v1.",
                )
            sound = WaveStream(bare=kind in ("audio/pcm", "audio/l16"))
            count = 0
            for piece in answer.iter_bytes(CHUNK):
                if request.ended.is_set():
                    return
                count += len(piece)
                if count > MAX_SOUND_BYTES:
                    raise EngineError(f"{self.name} does not stop sending.")
                samples = sound.feed(piece)
                if len(samples):
                    request.answers.put((sound.rate, samples))
            if sound.short:
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
