"""What recognizers on servers have in common: the wait for the network, and what it means when it fails."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from concurrent.futures import CancelledError
from threading import Event, Lock
from typing import Any, TypeVar
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from vita_tui.engines.http_client import Server, speaks_tls
from vita_tui.engines.network import NETWORK
from vita_tui.engines.refusals import connection_failure
from vita_tui.engines.served import server_of
from vita_tui.engines.stt.base import SAMPLE_RATE, Transcription, Word
from vita_tui.errors import EngineError, EngineTimeoutError, VitaError
from vita_tui.health.registry import Entry, registry
from vita_tui.settings.endpoints import Endpoint
from vita_tui.text.urls import host_port

__all__ = ["UNTOLD_CONFIDENCE", "Recognized", "ServedRecognizer", "as_pcm"]

T = TypeVar("T")

ANSWER_SECONDS = 8.0
"""After which a transcript has failed, where the settings say nothing: what was said is then understood by the next engine."""
OPEN_SECONDS = 4.0
"""For connecting, and finding out whether speech recognition is there."""
SECONDS_PER_SECOND = 0.5
"""Of sound: a recording may take at least this long, whatever the timeout."""
UNTOLD_CONFIDENCE = 0.8
"""Mean probability of a word where the server tells none."""


class Recognized:
    """What a server has understood."""

    def __init__(
        self,
        text: str,
        *,
        language: str = "",
        confidence: float | None = None,
        words: tuple[Word, ...] = (),
        known: bool = True,
    ) -> None:
        """
        Args:
            known: False while the server has told nothing yet.
        """
        self.text = text.strip()
        self.language = language
        self.confidence = UNTOLD_CONFIDENCE if confidence is None else min(1.0, max(0.0, confidence))
        self.words = words
        self.known = known


class ServedRecognizer(ABC):
    """A `Recognizer` and `Served`; `cleanup` from any thread. The audio is given whole each time: it may grow from call to call."""

    def __init__(
        self,
        name: str,
        endpoint: Endpoint,
        *,
        language: str = "en",
        words: tuple[str, ...] = (),
    ) -> None:
        """Args: name: of the endpoint."""
        self.name = name
        self.notes = ""
        self.language = language
        self.languages: tuple[str, ...] = ()
        self.words = words
        self.where = host_port(endpoint.url)
        self.weight = endpoint.weight
        self.partials = True
        """It can be asked while the utterance is still spoken."""
        self.timeout = endpoint.timeout or ANSWER_SECONDS
        self.endpoint = endpoint
        self._lock = Lock()
        self._turn = asyncio.Lock()
        """One request at a time, the end of one that was cancelled included."""
        self._server: Server | None = None
        self._entry: Entry | None = None

    def load(self) -> None:
        """Connect, and ask whether there is speech recognition; nothing is said for a trial: that may cost money there.

        Raises:
            EngineError: it cannot be used.
        """
        with self._lock:
            if self._server is not None:
                return
            server = server_of(self.name, self.endpoint, section="stt", kind="speech recognition")
            NETWORK.hold()
            self._turn = asyncio.Lock()
            try:
                self._waiting(server, self._open(server), OPEN_SECONDS)
            except BaseException:
                NETWORK.release()
                raise
            self._server = server
            self._entry = registry.register(
                self,
                kind="client",
                name=f"recognition at {server.where}",
                owner="engines.stt",
                close=self.cleanup,
            )

    def transcribe(
        self,
        audio: NDArray[np.float32],
        *,
        language: str | None = None,
        prefix: str = "",
        draft: str = "",
        words: bool = False,
        partial: bool = False,
        cancelled: Event | None = None,
    ) -> Transcription:
        """As a `Recognizer`; prefix and draft are of no use to a server."""
        self.load()
        server = self._server
        if server is None:
            raise EngineError(f"{self.name} was closed.")
        start = time.monotonic()
        seconds = len(audio) / SAMPLE_RATE
        limit = max(self.timeout, seconds * SECONDS_PER_SECOND)
        spoken = language or self.language
        try:
            found = self._waiting(
                server,
                self._in_turn(server, audio, "" if spoken == "auto" else spoken, words, partial),
                limit,
                cancelled,
            )
        except CancelledError:
            found = Recognized("", known=False)
        return Transcription(
            found.text,
            found.language or ("" if spoken == "auto" else spoken),
            found.confidence if found.text else 0.0,
            0.0 if found.text else 1.0,
            seconds,
            time.monotonic() - start,
            windows=0,
            # A partial about which nothing is known yet is none.
            guard=() if found.known else ("nothing is known yet",),
            words=found.words,
        )

    def cleanup(self) -> None:
        """Close the connection; may be called twice."""
        with self._lock:
            server, self._server = self._server, None
            entry, self._entry = self._entry, None
        if server is None:
            return
        try:
            NETWORK.run(self._close(), seconds=0.5)
        except (CancelledError, TimeoutError, OSError):
            pass
        finally:
            NETWORK.release()
            if entry is not None:
                entry.leave()

    def _waiting(
        self, server: Server, work: Coroutine[Any, Any, T], seconds: float, cancelled: Event | None = None
    ) -> T:
        """What `work` returns.

        Raises:
            EngineError: it failed, in words that quote no secret.
            CancelledError: `cancelled` was set.
        """
        try:
            return NETWORK.run(work, seconds=seconds, cancelled=cancelled)
        except (VitaError, CancelledError):
            raise
        except TimeoutError:
            raise EngineTimeoutError(
                f"{self.name} took longer than {seconds:g} s.",
                remedy=f"Is it busy? Or raise {server.timeout_setting}.",
            ) from None
        except (OSError, EOFError) as error:
            raise self._explained(server, error) from None
        except Exception as error:
            if (explained := self._of_library(server, error)) is None:
                raise
            raise explained from None

    def _explained(self, server: Server, error: BaseException, *, begun: bool = False) -> VitaError:
        plain = urlsplit(server.url).scheme in ("http", "ws")
        tls = plain and not begun and not isinstance(error, TimeoutError) and speaks_tls(server)
        return connection_failure(
            server, self.name, error, begun=begun, timeout=self.timeout, part="a transcript", tls=tls
        )

    def _of_library(self, server: Server, error: Exception) -> VitaError | None:
        """What an error of the library that is used means; None where it is none of its errors."""
        return None

    # ---- on the network's loop

    async def _in_turn(
        self, server: Server, audio: NDArray[np.float32], language: str, words: bool, partial: bool
    ) -> Recognized:
        async with self._turn:
            return await self._ask(server, audio, language, words=words, partial=partial)

    @abstractmethod
    async def _open(self, server: Server) -> None:
        """Find out whether the server can be used."""

    @abstractmethod
    async def _ask(
        self, server: Server, audio: NDArray[np.float32], language: str, *, words: bool, partial: bool
    ) -> Recognized:
        """What is said in `audio`.

        Args:
            language: a code; empty for the server to find out.
        """

    @abstractmethod
    async def _close(self) -> None:
        """Close what is open."""


def as_pcm(audio: NDArray[np.float32]) -> bytes:
    """16-bit samples, little-endian."""
    return (np.clip(audio, -1.0, 1.0) * 32767.0).astype("<i2").tobytes()
