"""A voice on a server that speaks Wyoming, the protocol of Home Assistant's voice services: one connection a clause."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import numpy as np

from vita_tui.engines.dead_connections import notice_when_dead
from vita_tui.engines.http_client import CONNECT_SECONDS, Server
from vita_tui.engines.refusals import connection_failure
from vita_tui.engines.served import server_of
from vita_tui.engines.tts.base import Pcm
from vita_tui.engines.tts.served_voice import ServedVoice, VoiceRequest
from vita_tui.errors import EngineError, VitaError
from vita_tui.settings.endpoints import Endpoint
from vita_tui.text.urls import host_port

__all__ = ["WyomingSynthesizer"]

MAX_SOUND_BYTES = 100_000_000
"""Of sound in one answer: nine minutes at 48 kHz."""


class WyomingSynthesizer(ServedVoice):
    """A server's voice over TCP. The protocol has no speed: `rate` has no effect."""

    def __init__(
        self, name: str, endpoint: Endpoint, *, rate: float = 1.0, volume: float = 1.0, timeout: float = 10.0
    ) -> None:
        """
        Args:
            name: of the endpoint.
            rate, volume, timeout: as of `ServedVoice`; a timeout of the endpoint counts instead.
        """
        super().__init__(
            name,
            host_port(endpoint.url),
            sample_rate=22_050,
            weight=endpoint.weight,
            rate=rate,
            volume=volume,
            timeout=endpoint.timeout or timeout,
        )
        self.check = f"Check tts.endpoints.{name}.voice."
        self._endpoint = endpoint
        self._server: Server | None = None

    def load(self) -> None:
        """Read the address; connections are made clause by clause.

        Raises:
            EngineUnavailableError: it cannot be used.
        """
        self._server = server_of(self.name, self._endpoint, section="tts", kind="voice")
        self.timeout_setting = self._server.timeout_setting

    def cleanup(self) -> None:
        """Forget the address; may be called twice."""
        self._server = None

    def fetch(self, text: str, request: VoiceRequest) -> None:
        from wyoming.audio import AudioChunk, AudioStart, AudioStop
        from wyoming.error import Error
        from wyoming.event import read_event, write_event
        from wyoming.tts import Synthesize, SynthesizeVoice

        if (server := self._server) is None:
            raise EngineError(f"{self.name} was closed.")
        address = (server.host, urlsplit(server.url).port or 0)
        voice = SynthesizeVoice(name=self._endpoint.voice) if self._endpoint.voice else None
        with socket.create_connection(address, timeout=CONNECT_SECONDS) as connection:
            notice_when_dead(connection)
            connection.settimeout(None)  # whoever waits hangs up
            request.hang_up = lambda: connection.shutdown(socket.SHUT_RDWR)
            with connection.makefile("rb") as reader, connection.makefile("wb") as writer:
                write_event(Synthesize(text=text, voice=voice).event(), writer)
                count = 0
                while not request.ended.is_set():
                    try:
                        event = read_event(reader)
                        if event is None:
                            raise EOFError
                        if AudioStart.is_type(event.type) or AudioChunk.is_type(event.type):
                            request.begun = True
                        if AudioChunk.is_type(event.type):
                            chunk = AudioChunk.from_event(event)
                            count += len(chunk.audio)
                            samples = _samples(chunk.audio, chunk.width, chunk.channels)
                            rate = int(chunk.rate)
                        elif AudioStop.is_type(event.type):
                            return
                        elif Error.is_type(event.type):
                            told = str(event.data.get("text", "an error"))[:200].rstrip(".")
                            raise EngineError(f"{server.where} reports: {told}.")
                        else:
                            continue
                    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
                        raise EngineError(f"{server.where} sent what is not sound.") from None
                    if count > MAX_SOUND_BYTES:
                        raise EngineError(f"{self.name} does not stop sending.")
                    if len(samples) and rate > 0:
                        request.answers.put((rate, samples))

    def explained(self, error: BaseException, *, begun: bool) -> BaseException:
        server = self._server
        if isinstance(error, VitaError):
            return error
        if server is None or begun or not isinstance(error, OSError):
            return EngineError(f"{self.name} broke off in the middle of a clause.")
        return connection_failure(
            server, self.name, error, begun=begun, timeout=self.timeout, part="a clause"
        )


def _samples(data: bytes, width: int, channels: int) -> Pcm:
    """Mono samples, −1…1.

    Raises:
        ValueError: it is not whole, or of a width that nobody sends.
    """
    if width not in (2, 4) or not 1 <= channels <= 8:
        raise ValueError
    whole = np.frombuffer(data, "<i2" if width == 2 else "<i4").reshape(-1, channels)
    samples: Pcm = (whole.mean(axis=1) / (2.0 ** (8 * width - 1))).astype(np.float32)
    return samples
