"""A voice on a server: OpenAI's speech route, and the many programs that speak it (Kokoro-FastAPI, Speaches, LocalAI, …).

One request a clause, in a thread of its own: a server that hangs keeps neither a cancelled reply nor the next one waiting. The
server that is too slow, refuses or sends what is not sound has failed, and the next voice of the chain speaks.
"""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from vita_tui.engines.refusals import refusal
from vita_tui.engines.tts.base import Pcm
from vita_tui.engines.tts.pieces import pieces
from vita_tui.engines.tts.wave_stream import PCM_RATE, WaveStream
from vita_tui.errors import EngineError, EngineTimeoutError, EngineUnavailableError, VitaError
from vita_tui.health.registry import Entry, registry

if TYPE_CHECKING:
    from openai import OpenAI

__all__ = ["RemoteSynthesizer"]

POLL_SECONDS = 0.02
"""How soon a cancellation is noticed."""
CONNECT_SECONDS = 3.0
LONGEST = 2000
"""Characters in one request; OpenAI takes 4096."""
CHUNK = 8192
"""Bytes of sound that are read at a time."""
MOST_BYTES = 100_000_000
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
        self._base_url = base_url.rstrip("/")
        self._where = urlsplit(self._base_url).netloc or self._base_url
        self.name = f"{model} at {self._where}"
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
        self._client: OpenAI | None = None
        self._entry: Entry | None = None

    def load(self) -> None:
        """Make the client. Nothing is said for a trial: that may cost money there.

        Raises:
            EngineUnavailableError: the address is none.
        """
        import httpx2
        import openai

        with self._lock:
            if self._client is not None:
                return
            if urlsplit(self._base_url).scheme not in ("http", "https"):
                raise EngineUnavailableError(
                    f"{self._base_url} is not the address of a server.",
                    remedy="Set tts.base_url to something like http://127.0.0.1:8880/v1",
                )
            self._client = openai.OpenAI(
                base_url=self._base_url,
                api_key=self._api_key or "none",
                # The chain decides what is tried again; two that retry would multiply.
                max_retries=0,
                http_client=openai.DefaultHttpxClient(
                    timeout=httpx2.Timeout(self.timeout, connect=CONNECT_SECONDS)
                ),
            )
            self._entry = registry.register(
                self._client, kind="client", name=f"HTTP to {self._where}", owner="engines.tts"
            )

    def speak(self, clause: str, *, cancelled: threading.Event) -> Iterator[Pcm]:
        """Yield the clause's samples as they come.

        Raises:
            EngineTimeoutError: it took longer than `timeout`.
            EngineUnavailableError: nobody answers there.
            EngineError: it refused, broke off, or sent what is not sound.
        """
        for piece in pieces(clause, LONGEST):
            if cancelled.is_set():
                return
            self.load()
            request = _Request(self, piece)
            try:
                yield from self._take(request, cancelled)
            finally:
                request.end()

    def _take(self, request: _Request, cancelled: threading.Event) -> Iterator[Pcm]:
        deadline = time.monotonic() + self.timeout
        sounded = False
        while not cancelled.is_set():
            left = deadline - time.monotonic()
            if left <= 0:
                raise EngineTimeoutError(
                    f"{self.name} took longer than {self.timeout:g} s.",
                    remedy="Is it busy? Or raise tts.timeout.",
                )
            try:
                got = request.answers.get(timeout=min(POLL_SECONDS, left))
            except queue.Empty:
                continue
            if isinstance(got, BaseException):
                raise got
            if got is None:
                if not sounded:
                    raise EngineError(f"{self.name} sent no sound.", remedy="Check tts.model and its voice.")
                return
            self.sample_rate, samples = got
            sounded = sounded or bool(len(samples))
            yield samples if self.volume == 1.0 else samples * self.volume

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
        client = self._client
        if client is None:
            raise EngineError(f"{self.name} was closed.")
        options: dict[str, Any] = {"speed": min(4.0, max(0.25, self.rate))} if self.rate != 1.0 else {}
        with client.audio.speech.with_streaming_response.create(
            model=self._model, voice=self._voice, input=text, response_format="wav", **options
        ) as answer:
            request.connection = answer.http_response.extensions.get("network_stream")
            kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind.startswith(("text/", "application/json")):
                raise EngineError(
                    f"{self._where} sent {kind} instead of sound.",
                    remedy="Check tts.base_url; it usually ends in /v1.",
                )
            stream = WaveStream(bare=kind in ("audio/pcm", "audio/l16"))
            count = 0
            for piece in answer.iter_bytes(CHUNK):
                if request.ended.is_set():
                    return
                count += len(piece)
                if count > MOST_BYTES:
                    raise EngineError(f"{self.name} does not stop sending.")
                samples = stream.feed(piece)
                if len(samples):
                    request.answers.put((stream.rate, samples))
            if stream.short:
                raise EngineError(f"{self.name} broke off in the middle of a clause.")

    def explained(self, error: BaseException) -> BaseException:
        """What `error` means for the user; never quotes the key."""
        import httpx2
        import openai

        match error:
            case VitaError():
                return error
            case openai.APITimeoutError() | httpx2.TimeoutException():
                return EngineTimeoutError(
                    f"{self.name} said nothing for {self.timeout:g} s.",
                    remedy="Is it busy? Or raise tts.timeout.",
                )
            case openai.APIConnectionError() | httpx2.ConnectError():
                return EngineUnavailableError(
                    f"No voice answers at {self._where}.", remedy="Is the server running? Check tts.base_url."
                )
            case openai.APIStatusError():
                return refusal(
                    error,
                    self._where,
                    section="tts",
                    missing=f"voice “{self._voice}” of “{self._model}”",
                    check="tts.model, tts.remote_voice and tts.base_url",
                )
            case _:
                return EngineError(f"{self.name} broke off in the middle of a clause.")


class _Request:
    """One clause on its way; its thread ends with the answer."""

    def __init__(self, voice: RemoteSynthesizer, text: str) -> None:
        self.answers: queue.SimpleQueue[tuple[int, Pcm] | BaseException | None] = queue.SimpleQueue()
        """Sample rate and samples; then None, or why there is no more."""
        self.ended = threading.Event()
        """Nobody waits for it any more."""
        self.connection: Any = None
        """What the answer comes through, once it has begun."""
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
            self.answers.put(self._voice.explained(error))
        else:
            self.answers.put(None)
