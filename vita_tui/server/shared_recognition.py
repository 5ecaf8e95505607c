"""One speech recognition for all clients: the conversation's own worker, with turns."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future

from vita_tui.audio.base import Samples
from vita_tui.audio.media_source import MediaSource
from vita_tui.conversation.transcripts import FileTranscript, TranscriptPart, transcribe_recording
from vita_tui.engines.chain import Chain
from vita_tui.engines.stt.base import Recognizer, Transcription
from vita_tui.engines.stt.scheduling.agreement import Partial
from vita_tui.engines.stt.scheduling.worker import WhisperWorker
from vita_tui.errors import AudioFileError, NoEngineError
from vita_tui.server.fairness import FairTurns
from vita_tui.server.limits import Limits

__all__ = ["SharedRecognition"]

AHEAD = 2
"""Finals that the worker has at once: one is decoded, and one is there when that is done."""
HELD_SECONDS = 20.0
"""Of a recording that are transcribed in one turn: so long at most others wait for it."""


UNNAMED = "Standard input"
"""How the decoder calls a recording that is no file by a name."""


class _GoneError(Exception):
    """Nobody waits for the transcript any more."""


class SharedRecognition:
    """On one asyncio loop."""

    def __init__(self, recognizers: Chain[Recognizer], limits: Limits, *, timeout: float) -> None:
        """
        Args:
            timeout: seconds that an engine has for an utterance.
        """
        self.chain = recognizers
        self.turns = FairTurns(
            "Speech recognition", AHEAD, per_client=limits.waiting_per_client, waiting=limits.waiting
        )
        self._decodes = FairTurns(
            "Reading of recordings",
            limits.decodes,
            per_client=limits.waiting_per_client,
            waiting=limits.waiting,
        )
        self._limits = limits
        self._worker = WhisperWorker(recognizers, timeout=timeout)
        self.ready = asyncio.Event()

    async def start(self) -> None:
        """Load. When that fails, each request says why."""
        try:
            await asyncio.wrap_future(self._worker.start())
        except NoEngineError:
            return
        self.ready.set()

    async def aclose(self) -> None:
        await asyncio.to_thread(self._worker.cleanup)

    async def final(
        self,
        client: str,
        audio: Samples,
        *,
        key: Hashable = None,
        language: str | None = None,
        words: bool = False,
    ) -> Transcription:
        """Transcribe a whole utterance at `SAMPLE_RATE`.

        Args:
            key: of the utterance, of which there were partials.
            language, words: as of `Recognizer.transcribe`.

        Raises:
            TooBusyError: too much waits.
            EngineError: no engine could do it.
        """
        async with self.turns.turn(client):
            found = self._worker.final(audio, key=key, language=language, words=words)
            return await asyncio.wrap_future(found)

    @property
    def free(self) -> bool:
        """Whether there is time for what nobody waits for."""
        return self.turns.idle and self._worker.idle

    def partial(self, key: Hashable, audio: Samples, on_result: Callable[[Partial], None]) -> None:
        """Transcribe the utterance `key` so far, if there is time; a newer one, of whichever client, takes its place.

        Args:
            on_result: called on the loop.
        """
        loop = asyncio.get_running_loop()

        def tell(partial: Partial) -> None:
            loop.call_soon_threadsafe(on_result, partial)

        if self.free:
            self._worker.partial(key, audio, tell)

    async def recording(
        self,
        client: str,
        source: MediaSource,
        *,
        language: str | None = None,
        words: bool = False,
        on_part: Callable[[TranscriptPart], None] = lambda _: None,
    ) -> FileTranscript:
        """Transcribe a recording in any format, a stretch at a time. Cancelling it ends it at once.

        Args:
            on_part: called on the loop with each stretch.

        Raises:
            TooBusyError: too much waits.
            AudioFileError: it cannot be read, or is too long.
            EngineError: no engine could do it.
        """
        loop = asyncio.get_running_loop()
        gone = threading.Event()
        waited: list[Future[Transcription]] = []

        def transcribe(audio: Samples, spoken: str | None, times: bool) -> Transcription:
            if gone.is_set():
                raise _GoneError
            asked = self.final(client, audio, language=spoken, words=times)
            waited[:] = [asyncio.run_coroutine_threadsafe(asked, loop)]
            return waited[0].result()

        def tell(part: TranscriptPart) -> None:
            loop.call_soon_threadsafe(on_part, part)

        def progress(seconds: float, _: float | None) -> None:
            if gone.is_set():
                raise _GoneError
            if seconds > self._limits.audio_seconds:
                raise AudioFileError(
                    f"The recording is longer than {self._limits.audio_seconds / 3600:.3g} hours.",
                    remedy="Send it in parts",
                )

        def work() -> FileTranscript:
            return transcribe_recording(
                transcribe,
                source,
                each=language == "auto",
                language=None if language == "auto" else language,
                words=words,
                held_seconds=HELD_SECONDS,
                on_part=tell,
                on_progress=progress,
            )

        async with self._decodes.turn(client):
            try:
                return await asyncio.to_thread(work)
            except AudioFileError as error:
                told = error.message.replace(UNNAMED, "The recording")
                raise AudioFileError(told, remedy=error.remedy) from None
            finally:
                gone.set()
                for one in waited:
                    one.cancel()
