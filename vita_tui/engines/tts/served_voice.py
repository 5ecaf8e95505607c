"""What voices on servers have in common: one request a clause, in its own thread.

A server that hangs keeps neither a cancelled reply nor the next one waiting. The server that is too slow, refuses or sends what is not sound
has failed, and the next voice of the chain speaks.
"""

from __future__ import annotations

import queue
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import suppress

from vita_tui.clock import Deadline
from vita_tui.engines.tts.base import Pcm
from vita_tui.engines.tts.pieces import pieces
from vita_tui.errors import EngineError, EngineTimeoutError

__all__ = ["ServedVoice", "VoiceRequest"]

POLL_SECONDS = 0.02
"""How soon a cancellation is noticed."""
MAX_PIECE = 2000
"""Characters in one request; OpenAI takes 4096."""


class ServedVoice(ABC):
    """A `Synthesizer` and `Served`; `cleanup` from any thread."""

    check = ""
    """Which settings may be wrong when there is no sound."""

    def __init__(
        self,
        name: str,
        where: str,
        *,
        sample_rate: int,
        weight: float,
        rate: float,
        volume: float,
        timeout: float,
    ) -> None:
        """
        Args:
            where: host and port, to be shown.
            sample_rate: hertz, as far as it is known before the first clause.
            rate: 1 is the voice's own speed, 2 twice as fast.
            volume: 0 is silent, 1 the voice's own loudness.
            timeout: seconds after which a clause has failed.
        """
        self.name = name
        self.where = where
        self.weight = weight
        self.notes = ""
        self.pace = 1.0
        self.sample_rate = sample_rate
        """Hertz, of the clause that was spoken last."""
        self.rate = rate
        """May be changed, as `volume`, `timeout`; the next clause is spoken so."""
        self.volume = volume
        self.timeout = timeout
        self.timeout_setting = "tts.timeout"

    @abstractmethod
    def load(self) -> None:
        """As of `Synthesizer`."""

    @abstractmethod
    def cleanup(self) -> None:
        """As of `Synthesizer`."""

    @abstractmethod
    def fetch(self, text: str, request: VoiceRequest) -> None:
        """Have `text` spoken, and hand over the sound as it comes; in the request's thread."""

    @abstractmethod
    def explained(self, error: BaseException, *, begun: bool) -> BaseException:
        """What `error` means for the user; never quotes a secret."""

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
            request = VoiceRequest(self, piece)
            try:
                yield from self._take(request, cancelled)
            finally:
                request.end()

    def _take(self, request: VoiceRequest, cancelled: threading.Event) -> Iterator[Pcm]:
        left = self.timeout
        sounded = False
        while not cancelled.is_set():
            # What is done with the sound in between is not the server's time.
            got, left = self._next(request, left, cancelled)
            if got is None:
                if not sounded and not cancelled.is_set():
                    raise EngineError(f"{self.name} sent no sound.", remedy=self.check)
                return
            self.sample_rate, samples = got
            sounded = sounded or bool(len(samples))
            yield samples if self.volume == 1.0 else samples * self.volume

    def _next(
        self, request: VoiceRequest, seconds: float, cancelled: threading.Event
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
                            remedy=f"Is it busy? Or raise {self.timeout_setting}.",
                        ) from None
                    continue
                if isinstance(got, BaseException):
                    raise got
                return got, deadline.left()
        return None, seconds


class VoiceRequest:
    """One clause on its way; its thread ends with the answer."""

    def __init__(self, voice: ServedVoice, text: str) -> None:
        self.answers: queue.SimpleQueue[tuple[int, Pcm] | BaseException | None] = queue.SimpleQueue()
        """Sample rate and samples; then None, or why there is no more."""
        self.ended = threading.Event()
        """Nobody waits for it any more."""
        self.hang_up: Callable[[], object] | None = None
        """Ends the connection, once there is one, and with it a read that waits in it."""
        self.begun = False
        """Sound was promised."""
        self._voice = voice
        self._text = text
        threading.Thread(target=self._run, name="remote voice", daemon=True).start()

    def end(self) -> None:
        """Nobody waits any more: hang up, which is what stops the server."""
        self.ended.set()
        if self.hang_up is not None:
            with suppress(Exception):  # it may be closed at this very moment
                self.hang_up()

    def _run(self) -> None:
        try:
            self._voice.fetch(self._text, self)
        except Exception as error:  # noqa: BLE001 - handed to whoever waits, as what it means
            self.answers.put(self._voice.explained(error, begun=self.begun))
        else:
            self.answers.put(None)
