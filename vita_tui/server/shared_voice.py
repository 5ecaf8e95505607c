"""One voice for all clients: a thread that speaks clause by clause, with turns."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from vita_tui.audio.base import Samples
from vita_tui.engines.chain import Chain
from vita_tui.engines.tts.base import Multilingual, Synthesizer
from vita_tui.engines.tts.sound import at_rate
from vita_tui.errors import EngineError, NoEngineError, VitaError
from vita_tui.health.threads import RegisteredThread
from vita_tui.server.fairness import FairTurns
from vita_tui.server.limits import Limits

__all__ = ["VOICE_RATE", "SharedVoice"]

log = logging.getLogger(__name__)

VOICE_RATE = 24_000
"""Hertz, of all that is spoken: what OpenAI's clients expect."""


@dataclass(frozen=True, slots=True)
class _ClauseJob:
    words: str
    language: str
    speed: float
    cancelled: threading.Event
    tell: Callable[[Samples | VitaError | None], None]
    """Takes sound as it comes, an error, and None at the end; in the thread."""


class SharedVoice:
    """On one asyncio loop, with a thread."""

    def __init__(self, synthesizers: Chain[Synthesizer], limits: Limits) -> None:
        self.chain = synthesizers
        self.turns = FairTurns("The voice", 1, per_client=limits.waiting_per_client, waiting=limits.waiting)
        self._jobs: queue.SimpleQueue[_ClauseJob | None] = queue.SimpleQueue()
        self._thread = RegisteredThread(
            self._run, name="shared voice", owner="server.voice", close=self._stop
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self.ready = asyncio.Event()

    def start(self) -> None:
        """Start the thread, which loads the voice. When that fails, each request says why."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def aclose(self) -> None:
        self._stop()
        await asyncio.to_thread(self._thread.finish, 2.0)
        for engine in self.chain.engines:
            await asyncio.to_thread(engine.cleanup)

    def _stop(self) -> None:
        self._jobs.put(None)

    async def clause(
        self, client: str, words: str, *, language: str, speed: float = 1.0
    ) -> AsyncIterator[Samples]:
        """The sound of a clause, at `VOICE_RATE`, as it comes; closing the iterator ends it.

        A client that takes it slowly keeps nobody waiting: all of a clause is synthesised in one turn.

        Args:
            words: that can be spoken.
            speed: 1 is as the settings have it.

        Raises:
            TooBusyError: too much waits.
            EngineError: no voice works, or it broke off.
        """
        await self.turns.take(client)
        loop = asyncio.get_running_loop()
        began = loop.time()
        pieces: asyncio.Queue[Samples | VitaError | None] = asyncio.Queue()

        def arrived(piece: Samples | VitaError | None) -> None:
            if piece is None:
                self.turns.give_back(loop.time() - began)
            pieces.put_nowait(piece)

        cancelled = threading.Event()
        self._jobs.put(
            _ClauseJob(
                words,
                language,
                speed,
                cancelled,
                lambda piece: None if loop.is_closed() else _hand(loop, arrived, piece),
            )
        )
        try:
            while (piece := await pieces.get()) is not None:
                if isinstance(piece, VitaError):
                    raise piece
                yield piece
        finally:
            cancelled.set()

    # ---- the thread

    def _run(self) -> None:
        try:
            for attempt in self.chain.attempts():
                with attempt as engine:
                    engine.load()
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self.ready.set)
        except (NoEngineError, RuntimeError) as error:
            log.warning("no voice: %s", error)
        while (job := self._jobs.get()) is not None:
            try:
                self._speak(job)
            except VitaError as error:
                job.tell(error)
            except Exception as error:
                log.exception("a clause was not spoken")
                job.tell(EngineError(f"The voice failed: {type(error).__name__}."))
            finally:
                job.tell(None)

    def _speak(self, job: _ClauseJob) -> None:
        for attempt in self.chain.attempts():
            if job.cancelled.is_set():
                attempt.abandon()
                return
            begun = False
            with attempt as engine:
                engine.load()
                rate = engine.rate
                try:
                    engine.rate = rate * job.speed
                    if isinstance(engine, Multilingual) and job.language:
                        engine.language = job.language
                    for samples in at_rate(
                        engine, engine.speak(job.words, cancelled=job.cancelled), VOICE_RATE
                    ):
                        begun = True
                        job.tell(samples)
                finally:
                    engine.rate = rate
                if job.cancelled.is_set():
                    attempt.abandon()  # a voice that was interrupted has not shown that it works
                    return
            if attempt.failed is not None and begun:
                raise attempt.failed  # another voice would say its beginning twice


def _hand(
    loop: asyncio.AbstractEventLoop,
    arrived: Callable[[Samples | VitaError | None], None],
    piece: Samples | VitaError | None,
) -> None:
    try:
        loop.call_soon_threadsafe(arrived, piece)
    except RuntimeError:
        log.debug("the loop is closed")
